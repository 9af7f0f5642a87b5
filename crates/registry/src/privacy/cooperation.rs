//! What cooperations, and mail about them, say of an organisation or a person.
//!
//! The history of a cooperation is signed, chained and kept by every city that takes part. Nothing is taken out of it: it is shown to whom it
//! concerns, and named when something is erased.

use isopolity_domain::{
    CityId,
    subject::{self, Needle},
};
use isopolity_proto::{
    cooperation::{Cooperation, CooperationEvent, PendingStep},
    federation::Envelope,
    json, to_dynamic,
};
use isopolity_store::{CooperationFilter, CooperationRow};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::json;
use time::OffsetDateTime;

use super::subject::{AT_ONCE, Lines, Subject, at};
use crate::{Error, Registry};

/// An event of a history, as far as it can be searched.
struct Event {
    sequence: i64,
    city: CityId,
    keep_time: OffsetDateTime,
    message: DynamicMessage,
}

impl Registry {
    /// Writes the cooperations, each event of their histories, the steps that wait and the mail that speak of somebody.
    pub(super) async fn cooperations_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut after = None;
        while out.taken {
            let page = self.page_of_cooperations(&mut after).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                let message = to_dynamic(&Cooperation::decode(row.body).map_err(Error::internal)?);
                let reasons = subject.mentions(&message);
                if !reasons.is_empty() {
                    let content = json::dynamic_to_value(&message, false);
                    out.write("cooperation", &row.name, &reasons, content).await;
                }
                self.events_about(&row.name, subject, out).await?;
                self.steps_about(&row.name, subject, out).await?;
            }
        }
        self.mail_about(subject, out).await
    }

    /// The cooperations here that name a resource, or hold one of its values, now or in their history. At most `limit`.
    pub(super) async fn cooperations_mentioning(&self, subject: &Subject, limit: usize) -> Result<Vec<String>, Error> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.page_of_cooperations(&mut after).await?;
            if page.is_empty() || found.len() >= limit {
                found.sort();
                found.truncate(limit);
                return Ok(found);
            }
            for row in page {
                let message = to_dynamic(&Cooperation::decode(row.body).map_err(Error::internal)?);
                if !subject.mentions(&message).is_empty() || self.is_in_history(&row.name, subject).await? {
                    found.push(row.name);
                }
            }
        }
    }

    async fn is_in_history(&self, name: &str, subject: &Subject) -> Result<bool, Error> {
        let mut after = 0;
        loop {
            let page = self.page_of_events(name, &mut after).await?;
            if page.iter().any(|event| !subject.mentions(&event.message).is_empty()) {
                return Ok(true);
            }
            if page.is_empty() {
                return Ok(false);
            }
        }
    }

    async fn events_about(&self, name: &str, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut after = 0;
        while out.taken {
            let page = self.page_of_events(name, &mut after).await?;
            if page.is_empty() {
                break;
            }
            for event in page {
                let reasons = subject.mentions(&event.message);
                if reasons.is_empty() {
                    continue;
                }
                let content = json!({
                    "city": event.city.to_string(),
                    "keep_time": at(event.keep_time),
                    "event": json::dynamic_to_value(&event.message, false),
                });
                out.write("cooperation_event", &format!("{name}/events/{}", event.sequence), &reasons, content).await;
            }
        }
        Ok(())
    }

    async fn steps_about(&self, name: &str, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        for row in self.store().pending_steps(Some(name)).await? {
            let message = to_dynamic(&PendingStep::decode(row.body).map_err(Error::internal)?);
            let reasons = subject.mentions(&message);
            if !reasons.is_empty() {
                let content = json::dynamic_to_value(&message, false);
                out.write("cooperation_step", &format!("{name}/steps/{}", row.id), &reasons, content).await;
            }
        }
        Ok(())
    }

    async fn mail_about(&self, subject: &Subject, out: &mut Lines) -> Result<(), Error> {
        let mut before: Option<String> = None;
        while out.taken {
            let page = self.store().mails(before.as_deref(), AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id.clone());
            for mail in page {
                let texts = [("to", &mail.to), ("subject", &mail.subject), ("text", &mail.text)];
                let reasons: Vec<String> =
                    texts.iter().filter(|(_, text)| subject.is_in(text)).map(|(what, _)| (*what).to_owned()).collect();
                if !reasons.is_empty() {
                    let content = json!({
                        "time": at(mail.create_time),
                        "to": mail.to,
                        "subject": mail.subject,
                        "text": mail.text,
                    });
                    out.write("mail", &mail.id, &reasons, content).await;
                }
            }
        }
        Ok(())
    }

    async fn page_of_cooperations(
        &self,
        after: &mut Option<(OffsetDateTime, String)>,
    ) -> Result<Vec<CooperationRow>, Error> {
        let filter = CooperationFilter { after: after.clone(), limit: AT_ONCE, ..CooperationFilter::default() };
        let page = self.store().cooperations(&filter).await?;
        if let Some(last) = page.last() {
            *after = Some((last.update_time, last.name.clone()));
        }
        Ok(page)
    }

    async fn page_of_events(&self, name: &str, after: &mut i64) -> Result<Vec<Event>, Error> {
        let page = self.store().cooperation_events(name, *after, AT_ONCE).await?;
        *after = page.last().map_or(*after, |last| last.sequence);
        let searchable = page.into_iter().map(|row| {
            let envelope = Envelope::decode(row.envelope).map_err(Error::internal)?;
            let event = CooperationEvent::decode(envelope.payload).map_err(Error::internal)?;
            Ok(Event { sequence: row.sequence, city: row.city, keep_time: row.keep_time, message: to_dynamic(&event) })
        });
        searchable.collect()
    }
}

impl Subject {
    /// Where a message names the organisation, or holds one of the values that are looked for.
    fn mentions(&self, message: &DynamicMessage) -> Vec<String> {
        let mut reasons = subject::mentions(message, &self.needles);
        if self.resource.as_ref().is_some_and(|name| subject::states(message, &name.to_string())) {
            reasons.insert(0, "reference".to_owned());
        }
        reasons
    }

    fn is_in(&self, text: &str) -> bool {
        let name = self.resource.as_ref().map(|name| Needle::whole(&name.to_string()));
        self.needles.iter().chain(&name).any(|needle| needle.is_in(text))
    }
}
