//! What a city's node keeps of a cooperation, and each of its transactions.
//!
//! A crash before a commit is as if the transaction had not begun; whatever a node holds outside of this is gone then, and it works on
//! from here.

use std::collections::BTreeSet;

use super::{
    book::{Book, EventId, Fate, HistoryId, NOTHING, Outcome},
    people::HOST,
};

/// An event on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Letter {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) event: EventId,
    /// With the host's signature: part of the history. Without: a step on its way to the host.
    pub(crate) ordered: bool,
}

/// An own step that is not part of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pending {
    pub(crate) event: EventId,
    /// It no longer fits, and waits for a person.
    pub(crate) overtaken: bool,
}

/// What a city keeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct City {
    /// The history, with the cooperation that it makes.
    pub(crate) history: HistoryId,
    /// Own steps.
    pub(crate) pending: Vec<Pending>,
    /// The outbox: what was not acknowledged yet, in the order in which it is sent.
    pub(crate) outbox: Vec<Letter>,
    /// Two events in one place, both with the host's signature.
    pub(crate) fork: Option<(EventId, EventId)>,
    /// Another city refused what this one sent.
    pub(crate) refused: bool,
}

/// What a city answers to a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is kept; with the event, ordered.
    Kept,
    /// Not now: too early, or overtaken. The sender waits for what it lacks.
    NotNow,
    /// The receiver knows another event in its place, and shows it.
    Forked(EventId),
    /// Never.
    Refused,
}

impl City {
    pub(crate) const NEW: Self =
        Self { history: NOTHING, pending: Vec::new(), outbox: Vec::new(), fork: None, refused: false };

    /// One of its people takes a step: kept at once at the host, and otherwise on its way to it.
    pub(crate) fn take(&mut self, book: &Book, me: usize, event: EventId) {
        if me == HOST {
            self.history = book.append(self.history, event);
            self.queue_for_all(book, event);
        } else {
            self.pending.retain(|pending| !pending.overtaken);
            self.pending.push(Pending { event, overtaken: false });
            self.outbox.push(Letter { from: me, to: HOST, event, ordered: false });
        }
    }

    /// An event with the host's signature arrives at a participant, from the host or from another participant.
    pub(crate) fn receive_ordered(
        &mut self,
        book: &Book,
        me: usize,
        from: usize,
        relays: bool,
        event: EventId,
    ) -> Answer {
        match book.receive_ordered(self.history, self.fork.is_some(), event) {
            Outcome::Kept(history) => {
                self.history = history;
                if relays && from == HOST {
                    let others = (0..book.people().cities).filter(|city| *city != HOST && *city != me);
                    self.outbox.extend(others.map(|to| Letter { from: me, to, event, ordered: true }));
                }
                self.reconsider(book, me);
                Answer::Kept
            }
            Outcome::Known => Answer::Kept,
            Outcome::Early | Outcome::Overtaken => Answer::NotNow,
            Outcome::Forked => {
                let ours = self.same_place(book, event);
                self.accuse(book, me, from, relays, ours, event);
                Answer::Forked(ours)
            }
            Outcome::Refused => Answer::Refused,
        }
    }

    /// A participant's step arrives at the host.
    pub(crate) fn receive_submission(&mut self, book: &Book, event: EventId) -> Answer {
        match book.receive_submission(self.history, event) {
            Outcome::Kept(history) => {
                self.history = history;
                self.queue_for_all(book, event);
                Answer::Kept
            }
            Outcome::Known => Answer::Kept,
            Outcome::Early | Outcome::Overtaken => Answer::NotNow,
            Outcome::Forked | Outcome::Refused => Answer::Refused,
        }
    }

    /// The answer to one of its letters arrives.
    pub(crate) fn hear(&mut self, book: &Book, relays: bool, letter: Letter, answer: Answer) {
        match answer {
            Answer::Kept => {
                self.outbox.retain(|one| *one != letter);
                if !letter.ordered {
                    self.receive_ordered(book, letter.from, letter.to, relays, letter.event);
                }
            }
            Answer::NotNow => {}
            Answer::Forked(theirs) => {
                self.outbox.retain(|one| *one != letter);
                self.accuse(book, letter.from, letter.to, relays, letter.event, theirs);
            }
            Answer::Refused => self.refused = true,
        }
    }

    /// Puts what is due on its way: of each receiver's letters the first, or all where the network keeps no order.
    pub(crate) fn send(&self, in_order: bool, sent: &mut BTreeSet<Letter>) {
        let mut begun = [false; 4];
        for letter in &self.outbox {
            if !(in_order && begun[letter.to]) {
                sent.insert(*letter);
            }
            begun[letter.to] = true;
        }
    }

    /// Two events in one place prove a fork: both are kept, and the cooperation takes nothing more.
    /// The one that was not known here goes to those who may have been shown only the one that was.
    fn accuse(&mut self, book: &Book, me: usize, from: usize, relays: bool, one: EventId, other: EventId) {
        if self.fork.is_none() && one != other {
            self.fork = Some((one, other));
            if relays {
                let others = (0..book.people().cities).filter(|city| ![HOST, me, from].contains(city));
                self.outbox.extend(others.map(|to| Letter { from: me, to, event: other, ordered: true }));
            }
            self.reconsider(book, me);
        }
    }

    fn queue_for_all(&mut self, book: &Book, event: EventId) {
        let participants = 1..book.people().cities;
        self.outbox.extend(participants.map(|to| Letter { from: HOST, to, event, ordered: true }));
    }

    fn reconsider(&mut self, book: &Book, me: usize) {
        for pending in std::mem::take(&mut self.pending) {
            if pending.overtaken {
                self.pending.push(pending);
                continue;
            }
            let fate = book.reconsider(pending.event, self.history, self.fork.is_some());
            let letter = |event| Letter { from: me, to: HOST, event, ordered: false };
            match fate {
                Fate::Done => self.outbox.retain(|one| *one != letter(pending.event)),
                Fate::Waits => self.pending.push(pending),
                Fate::Anew(event) => {
                    self.pending.push(Pending { event, overtaken: false });
                    for one in self.outbox.iter_mut().filter(|one| **one == letter(pending.event)) {
                        one.event = event;
                    }
                }
                Fate::Overtaken => {
                    self.pending.push(Pending { overtaken: true, ..pending });
                    self.outbox.retain(|one| *one != letter(pending.event));
                }
            }
        }
    }

    /// The event that it has in the place of this one.
    fn same_place(&self, book: &Book, event: EventId) -> EventId {
        let place = usize::try_from(book.event(event).event.sequence).unwrap_or_default().saturating_sub(1);
        book.history(self.history).events.get(place).copied().unwrap_or(event)
    }

    /// Steps of its people that are on their way.
    pub(crate) fn on_their_way(&self) -> usize {
        self.pending.iter().filter(|pending| !pending.overtaken).count()
    }
}
