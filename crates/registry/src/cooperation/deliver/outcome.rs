//! What comes of what a city says of the events that it was sent.

use bytes::Bytes;
use isopolity_domain::cooperation::{CooperationName, open_receipt};
use isopolity_proto::{
    cooperation::DeliveryStanding,
    federation::{DeliveryOutcome, DeliveryResult, Envelope},
};
use isopolity_store::DeliveryRow;
use prost::Message as _;

use super::{Delivered, batch::Batch};
use crate::{Error, Registry};

/// The longest text of another city that is kept, in characters.
const TEXT_MAX: usize = 500;

/// What to do next for a city and a cooperation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There may be more to send.
    GoOn,
    /// The city lacks events from this one on.
    Lacks { next: i64 },
    /// What is to be sent next can't be sent now.
    Stop,
}

/// What came of a call.
pub(super) struct Answered {
    pub(super) came_to: Delivered,
    pub(super) next: Next,
}

/// What to do after events were sent again from one on.
pub(super) fn after_missing(from: i64, results: &[DeliveryResult]) -> Next {
    match results.iter().find(|result| result.outcome() != DeliveryOutcome::Kept) {
        // Then the delivery that led here is tried anew.
        None if !results.is_empty() => Next::GoOn,
        Some(result) if result.outcome() == DeliveryOutcome::Early && result.next_sequence > from => {
            Next::Lacks { next: result.next_sequence }
        }
        // It says what is wrong when it is tried anew, or still lacks them.
        _ => Next::Lacks { next: from },
    }
}

impl Registry {
    /// Keeps what a city said of a batch.
    pub(super) async fn take_results(&self, batch: &Batch, results: &[DeliveryResult]) -> Result<Answered, Error> {
        if let (Some(row), Some(result)) = (batch.head().filter(|row| row.submission), results.first()) {
            return self.take_answer(row, result).await;
        }
        let mut came_to = Delivered::default();
        let kept = batch.rows.iter().zip(results).take_while(|(_, result)| result.outcome() == DeliveryOutcome::Kept);
        let mut receipts = Vec::new();
        for (row, result) in kept {
            match self.receipt(row, result.receipt.as_ref()).await? {
                Ok(receipt) => receipts.push((row, receipt)),
                Err(problem) => {
                    // What has good receipts is kept before what has not.
                    came_to.kept += self.keep_receipts(&receipts).await?;
                    came_to.add(self.put_off(row, &problem, None).await?);
                    return Ok(Answered { came_to, next: Next::Stop });
                }
            }
        }
        came_to.kept += self.keep_receipts(&receipts).await?;
        let at = receipts.len();
        let Some(row) = batch.rows.get(at) else { return Ok(Answered { came_to, next: Next::GoOn }) };
        let Some(result) = results.get(at) else {
            if at > 0 {
                return Ok(Answered { came_to, next: Next::GoOn });
            }
            came_to.add(self.put_off(row, "it says nothing of what it was sent", None).await?);
            return Ok(Answered { came_to, next: Next::Stop });
        };
        let (more, next) = self.take_other(row, result).await?;
        came_to.add(more);
        Ok(Answered { came_to, next })
    }

    /// What comes of an event that the city did not keep.
    async fn take_other(&self, row: &DeliveryRow, result: &DeliveryResult) -> Result<(Delivered, Next), Error> {
        let says = said(result);
        match result.outcome() {
            DeliveryOutcome::Early => Ok((Delivered::default(), Next::Lacks { next: result.next_sequence })),
            DeliveryOutcome::Refused => Ok((self.give_up(row, &says).await?, Next::Stop)),
            DeliveryOutcome::Forked => Ok((self.take_fork(row, result.event.as_ref(), &says).await?, Next::Stop)),
            DeliveryOutcome::Later => Ok((self.put_off(row, &says, None).await?, Next::Stop)),
            DeliveryOutcome::Overtaken | DeliveryOutcome::Kept | DeliveryOutcome::Unspecified => {
                let problem = format!("its answer makes no sense: {} {says}", result.outcome().as_str_name());
                Ok((self.put_off(row, &problem, None).await?, Next::Stop))
            }
        }
    }

    /// What comes of a step that the host was asked to put in its place. Where the host keeps it, or another city's came first, the
    /// history here goes on, and what is sent next may be the same step, signed anew.
    async fn take_answer(&self, row: &DeliveryRow, result: &DeliveryResult) -> Result<Answered, Error> {
        let outcome = result.outcome();
        if matches!(outcome, DeliveryOutcome::Later | DeliveryOutcome::Unspecified) {
            let came_to = self.put_off(row, &said(result), None).await?;
            return Ok(Answered { came_to, next: Next::Stop });
        }
        let came_to = match self.submission_answered(row, result.clone()).await {
            // Signed anew it goes again at once. A host that says so of what fits is not asked without end.
            Ok(()) if outcome == DeliveryOutcome::Overtaken && !self.is_current(row).await? => Delivered::default(),
            Ok(()) if outcome == DeliveryOutcome::Overtaken => self.put_off(row, &said(result), None).await?,
            Ok(()) => self.unless_settled(row, &said(result)).await?,
            Err(Error::HomeUnreachable { description, .. }) => self.put_off(row, &tidy(&description), None).await?,
            Err(other) => return Err(other),
        };
        let next = if came_to == Delivered::default() { Next::GoOn } else { Next::Stop };
        let settled = came_to == Delivered::default();
        let came_to = match outcome {
            DeliveryOutcome::Kept if settled => Delivered { kept: 1, ..came_to },
            DeliveryOutcome::Refused if settled => Delivered { dead: 1, ..came_to },
            _ => came_to,
        };
        Ok(Answered { came_to, next })
    }

    /// The receipt for a delivery, if it is one; otherwise what is wrong with it.
    async fn receipt(&self, row: &DeliveryRow, envelope: Option<&Envelope>) -> Result<Result<Bytes, String>, Error> {
        let Some(envelope) = envelope else { return Ok(Err("it kept the event, but sent no receipt".to_owned())) };
        let keys = self.keys_of(&row.city).await?.unwrap_or_default();
        let receipt = match open_receipt(envelope, &keys) {
            Ok(receipt) => receipt,
            Err(error) => return Ok(Err(format!("its receipt is not good: {error}"))),
        };
        let fits = receipt.cooperation == row.cooperation
            && receipt.sequence == row.sequence
            && receipt.event_hash[..] == row.event_hash
            && receipt.receiver == row.city.as_str()
            && receipt.sender == self.city().as_str();
        if !fits {
            return Ok(Err("its receipt is good, but for something else".to_owned()));
        }
        Ok(Ok(envelope.encode_to_vec().into()))
    }

    /// Keeps the receipts of what was delivered. Says how many.
    async fn keep_receipts(&self, receipts: &[(&DeliveryRow, Bytes)]) -> Result<usize, Error> {
        if receipts.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store().begin("keep receipts").await?;
        for (row, receipt) in receipts {
            let Some(mut present) = tx.delivery(&row.id).await?.filter(|row| row.receipt.is_none()) else { continue };
            present.standing = DeliveryStanding::Delivered.into();
            present.attempts = present.attempts.saturating_add(1);
            present.problem.clear();
            present.receipt = Some(receipt.clone());
            tx.update_delivery(&present).await?;
        }
        tx.commit().await?;
        Ok(receipts.len())
    }

    /// The city knows another event in this one's place, as it says. What it shows is received as if it had sent it, which finds out
    /// whether it is so.
    async fn take_fork(&self, row: &DeliveryRow, other: Option<&Envelope>, says: &str) -> Result<Delivered, Error> {
        let name: CooperationName = row.cooperation.parse().map_err(Error::internal)?;
        let proven = match other {
            Some(other) => self.receive_event(&row.city, &name, other).await?.outcome() == DeliveryOutcome::Forked,
            None => false,
        };
        if proven {
            return self.give_up(row, "it knows another event in this place, with the host's signature too").await;
        }
        let problem = format!("it says that the history is forked, and does not prove it; {says}");
        self.put_off(row, &problem, None).await
    }
}

/// What a city says of an event.
fn said(result: &DeliveryResult) -> String {
    let text = tidy(&result.description);
    let reason = result.reason().as_str_name().trim_start_matches("REASON_");
    if text.is_empty() { format!("the peer says: {reason}") } else { format!("the peer says: {text} ({reason})") }
}

/// Another city's text, fit for a log and a screen.
fn tidy(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use isopolity_proto::error::Reason;

    use super::*;

    fn result(outcome: DeliveryOutcome, next_sequence: i64) -> DeliveryResult {
        DeliveryResult { outcome: outcome.into(), next_sequence, ..Default::default() }
    }

    #[test]
    fn what_was_missing_is_sent_on_only_as_long_as_that_gets_anywhere() {
        let kept = result(DeliveryOutcome::Kept, 0);
        assert_eq!(after_missing(3, &[kept.clone(), kept.clone()]), Next::GoOn);
        assert_eq!(after_missing(3, &[kept.clone(), result(DeliveryOutcome::Early, 7)]), Next::Lacks { next: 7 });
        for vain in [vec![], vec![kept, result(DeliveryOutcome::Early, 3)], vec![result(DeliveryOutcome::Refused, 0)]] {
            assert_eq!(after_missing(3, &vain), Next::Lacks { next: 3 }, "the same place again ends in putting it off");
        }
    }

    #[test]
    fn what_a_city_says_is_cleaned_cut_and_named() {
        let result = DeliveryResult {
            reason: Reason::SignerUnknown.into(),
            description: format!("a\u{1b}[31m\nb{}", "c".repeat(5_000)),
            ..Default::default()
        };
        let said = said(&result);
        assert!(said.starts_with("the peer says: a[31mbc") && said.ends_with("(SIGNER_UNKNOWN)"), "{said}");
        assert!(said.len() < 600);
    }
}
