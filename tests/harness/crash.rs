//! Crashes: a city's registry dies at a commit of the test's choice, and everything that it was doing with it.
//!
//! The store asks a [`Fuse`] just before and just after each commit. Where it is lit it never answers; whoever waits for the registry
//! gives up then, as callers of a dead process do, and everything under way is dropped. What is left is what the database holds.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use isopolity_store::{Moment, Stop};
use tokio::sync::watch;

/// A commit: the label of its transaction, and on which side of it.
pub type Point = (&'static str, Moment);

/// Ends one opening of one registry.
#[derive(Clone, Debug)]
pub struct Fuse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    book: Mutex<Book>,
    blown: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Book {
    /// Where it is to end.
    lit: Option<Lit>,
    /// Where it has ended.
    blown_at: Option<Point>,
    /// What it has passed.
    passed: BTreeSet<Point>,
}

#[derive(Clone, Copy, Debug)]
enum Lit {
    At(Point),
    Next(Moment),
}

impl Default for Fuse {
    fn default() -> Self {
        Self(Arc::new(Inner { book: Mutex::default(), blown: watch::Sender::new(false) }))
    }
}

impl Fuse {
    /// Ends the registry when it comes to this point next.
    pub fn light(&self, point: Point) {
        self.0.book.lock().unwrap().lit = Some(Lit::At(point));
    }

    /// Ends the registry on this side of its next commit, whatever that is of.
    pub fn light_next(&self, moment: Moment) {
        self.0.book.lock().unwrap().lit = Some(Lit::Next(moment));
    }

    /// Ends the registry where another opening was to end and has not come by.
    pub fn light_as(&self, other: &Self) {
        let lit = other.0.book.lock().unwrap().lit;
        self.0.book.lock().unwrap().lit = lit;
    }

    /// Where the registry has ended, if it has.
    pub fn blown_at(&self) -> Option<Point> {
        self.0.book.lock().unwrap().blown_at
    }

    /// Whether it has ended.
    pub fn is_blown(&self) -> bool {
        *self.0.blown.borrow()
    }

    /// The points that were passed in this opening since this was last called.
    pub fn take_passed(&self) -> BTreeSet<Point> {
        std::mem::take(&mut self.0.book.lock().unwrap().passed)
    }

    /// Does something that the registry is needed for. `None`: it died over it.
    pub async fn until_blown<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        let mut blown = self.0.blown.subscribe();
        tokio::select! {
            biased;
            _ = blown.wait_for(|blown| *blown) => None,
            done = doing => Some(done),
        }
    }

    /// What the store asks.
    pub(crate) fn stop(&self) -> Stop {
        let fuse = self.clone();
        Arc::new(move |label, moment| {
            let fuse = fuse.clone();
            Box::pin(async move { fuse.pass((label, moment)).await })
        })
    }

    async fn pass(&self, point: Point) {
        {
            let mut book = self.0.book.lock().unwrap();
            book.passed.insert(point);
            let is_it = match book.lit {
                Some(Lit::At(lit)) => lit == point,
                Some(Lit::Next(moment)) => moment == point.1,
                None => false,
            };
            if is_it {
                book.lit = None;
                book.blown_at = Some(point);
                self.0.blown.send_replace(true);
            }
        }
        if self.is_blown() {
            std::future::pending::<()>().await;
        }
    }
}
