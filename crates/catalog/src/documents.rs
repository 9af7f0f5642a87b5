//! A set of a segment's documents, a bit for each.

use tantivy::DocId;

/// How many documents one word of bits stands for.
const WORD: u32 = u64::BITS;

/// A set of a segment's documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Documents(Vec<u64>);

impl Documents {
    /// An empty set, for a segment of so many documents.
    pub(crate) fn none(max_doc: DocId) -> Self {
        Self(vec![0; usize::try_from(max_doc.div_ceil(WORD)).unwrap_or_default()])
    }

    /// Adds a document of the segment.
    #[inline]
    pub(crate) fn insert(&mut self, doc: DocId) {
        if let Some(word) = self.0.get_mut((doc / WORD) as usize) {
            *word |= 1 << (doc % WORD);
        }
    }

    #[inline]
    pub(crate) fn contains(&self, doc: DocId) -> bool {
        self.0.get((doc / WORD) as usize).is_some_and(|word| word & (1 << (doc % WORD)) != 0)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Leaves what is in the other set too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// Leaves what is not in the other set.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    /// Leaves those that are to be kept; asks for each once, in ascending order.
    pub(crate) fn keep(&mut self, mut kept: impl FnMut(DocId) -> bool) {
        for (first, word) in (0..).step_by(WORD as usize).zip(&mut self.0) {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !kept(first + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// All, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = DocId> {
        self.windows(self.0.len().max(1)).flat_map(Window::iter)
    }

    /// The set in parts of so many words of 64 documents each.
    pub(crate) fn windows(&self, words: usize) -> impl Iterator<Item = Window<'_>> {
        let documents = words.saturating_mul(WORD as usize);
        (0..).step_by(documents.max(1)).zip(self.0.chunks(words.max(1))).map(|(first, words)| Window { first, words })
    }
}

/// A stretch of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The first document of the stretch.
    pub(crate) first: DocId,
    words: &'a [u64],
}

impl<'a> Window<'a> {
    /// The first document after the stretch.
    pub(crate) fn end(&self) -> DocId {
        self.first.saturating_add(u32::try_from(self.words.len()).unwrap_or(u32::MAX).saturating_mul(WORD))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether the document so many places after the first is in the set.
    #[inline]
    pub(crate) fn contains(&self, place: u32) -> bool {
        self.words.get((place / WORD) as usize).is_some_and(|word| word & (1 << (place % WORD)) != 0)
    }

    /// All in the stretch, in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = DocId> + 'a {
        (self.first..)
            .step_by(WORD as usize)
            .zip(self.words)
            .flat_map(|(first, word)| Ones(*word).map(move |bit| first + bit))
    }
}

/// The places of the bits that are set.
struct Ones(u64);

impl Iterator for Ones {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(documents: &[DocId]) -> Documents {
        let mut set = Documents::none(200);
        for doc in documents {
            set.insert(*doc);
        }
        set
    }

    #[test]
    fn what_was_put_in_is_in_it_and_nothing_else() {
        let set = of(&[0, 63, 64, 130, 199]);
        assert!(set.iter().eq([0, 63, 64, 130, 199]));
        assert_eq!(set.count(), 5);
        assert!((0..1_000).filter(|doc| set.contains(*doc)).eq(set.iter()));
        assert_eq!(Documents::none(0).iter().count(), 0);
    }

    #[test]
    fn sets_are_joined_and_narrowed() {
        let mut set = of(&[1, 2, 64, 65, 190]);
        set.intersect(&of(&[2, 3, 64, 65, 190]));
        set.subtract(&of(&[64]));
        assert!(set.iter().eq([2, 65, 190]));
        let mut asked = Vec::new();
        set.keep(|doc| {
            asked.push(doc);
            doc != 65
        });
        assert_eq!(asked, [2, 65, 190]);
        assert!(set.iter().eq([2, 190]));
    }

    #[test]
    fn windows_hold_the_whole_set() {
        let set = of(&[1, 64, 127, 128, 199]);
        let windows: Vec<_> = set.windows(2).collect();
        assert_eq!(
            windows.iter().map(|window| (window.first, window.end())).collect::<Vec<_>>(),
            [(0, 128), (128, 256)]
        );
        assert!(windows[0].iter().eq([1, 64, 127]) && windows[1].iter().eq([128, 199]));
        assert!(windows[1].contains(0) && windows[1].contains(71) && !windows[1].contains(1));
        assert!(!windows[1].is_empty() && of(&[]).windows(2).all(|window| window.is_empty()));
    }
}
