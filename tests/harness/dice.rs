//! Numbers that look random and are the same on every run.

/// Steele, Lea and Flood's splitmix64: enough for a test, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// The same as a place in a list.
    pub fn place(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// One time in so many.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these, of which there is at least one.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.place(from.len())].clone()
    }

    /// None to `most` of these, some perhaps twice.
    pub fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        (0..self.place(most + 1)).map(|_| self.pick(from)).collect()
    }

    /// One to `most` of these, each once, in their order.
    pub fn distinct<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let count = 1 + self.place(most.min(from.len()));
        let mut places: Vec<usize> = (0..from.len()).collect();
        while places.len() > count {
            let place = self.place(places.len());
            places.remove(place);
        }
        places.into_iter().map(|place| from[place].clone()).collect()
    }
}
