//! A history that its host forked: what was found, the two events that prove it, and what is left to do.

use isopolity_proto::{
    cooperation::{Cooperation, CooperationEvent, Fork},
    federation::Envelope,
};
use isopolity_registry::cooperation::told as what;
use prost::{Message as _, bytes::Bytes};
use sha2::{Digest as _, Sha256};

use super::words::{plain, short_hash, short_name};
use crate::{args::Global, commands::record::own_city, connection::connect, exit::Exit, output};

/// All that an officer has to know of it. Empty where the history is not forked.
pub(super) async fn told(global: &Global, now: &Cooperation) -> Result<String, Exit> {
    let Some(fork) = &now.fork else { return Ok(String::new()) };
    let own = own_city(global, &connect(global).await?).await?;
    Ok(words(now, fork, own.trim_start_matches("cities/")))
}

fn words(now: &Cooperation, fork: &Fork, own: &str) -> String {
    let short = short_name(&now.name);
    let host = short.split('/').next().unwrap_or_default();
    let (who, number, shown_by) = (if host == own { "this city" } else { host }, fork.sequence, &fork.shown_by);
    let next = if host == own {
        "This happens where a backup is restored that does not hold the last events: find out, and tell the other cities.".to_owned()
    } else {
        format!("Speak with {host}: only people can say which of the two counts.")
    };
    format!(
        "THE HISTORY IS FORKED: {who} signed two different events number {number}. Nothing more is taken from it.\n{}\n\
         Both are kept as they were signed. They prove it to whoever has the bundle of {host}:\n  \
         isopolity cooperation export {short} --file FILE   (and there: isopolity verify FILE)\n\
         {next} What is still wanted needs a new cooperation.",
        table(fork, &format!("shown by {shown_by}\n{}", output::when(fork.find_time.as_ref())))
    )
}

/// The two events beside one another.
fn table(fork: &Fork, shown: &str) -> String {
    let mut rows = output::table(&["No.", "Known", "Time, as the city says", "City", "What", "Hash"]);
    for (known, envelope) in [("here", &fork.known), (shown, &fork.other)] {
        let (event, hash) = opened(envelope);
        rows.add_row([
            fork.sequence.to_string(),
            known.to_owned(),
            output::when(event.time.as_ref()),
            // Nobody has looked at what the other event says.
            plain(&event.city),
            what(&event),
            hash,
        ]);
    }
    rows.to_string()
}

/// An event, and its hash for people. The node has checked its signatures.
fn opened(envelope: &Bytes) -> (CooperationEvent, String) {
    let payload = Envelope::decode(envelope.clone()).map(|envelope| envelope.payload).unwrap_or_default();
    let hash = short_hash(&Sha256::digest(&payload));
    (CooperationEvent::decode(payload).unwrap_or_default(), hash)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        cooperation::{Message, cooperation_event::Action},
        types::LocalizedText,
    };

    use super::*;

    fn event(text: &str) -> Bytes {
        let texts = vec![LocalizedText { text: text.into(), ..Default::default() }];
        let action = Some(Action::Message(Message { texts, in_reply_to: 0 }));
        let event = CooperationEvent { city: "north.example".into(), sequence: 2, action, ..Default::default() };
        Envelope { payload: event.encode_to_vec().into(), ..Default::default() }.encode_to_vec().into()
    }

    #[test]
    fn the_host_reads_that_it_was_itself_and_the_others_with_whom_to_speak() {
        let fork = Fork {
            sequence: 2,
            known: event("One"),
            other: event("Two"),
            shown_by: "south.example".into(),
            ..Default::default()
        };
        let now = Cooperation { name: "cities/north.example/cooperations/bridge".into(), ..Default::default() };
        let [host, other] = ["north.example", "south.example"].map(|own| words(&now, &fork, own));
        assert!(host.contains("this city signed two different events number 2"), "{host}");
        assert!(host.contains("backup") && host.contains("tell the other cities"), "{host}");
        assert!(other.contains("north.example signed two") && other.contains("Speak with north.example"), "{other}");
        for text in [host, other] {
            assert!(text.contains("says: \"One\"") && text.contains("says: \"Two\""), "{text}");
            assert!(text.contains("shown by south.example") && text.contains("isopolity verify"), "{text}");
        }
    }
}
