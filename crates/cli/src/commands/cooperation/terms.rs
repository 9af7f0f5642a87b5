//! Terms: offering, accepting and signing them.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use isopolity_proto::cooperation::{
    Acceptance, AgreementSignature, Amendment, Cooperation, CooperationState, Counter, Offer, Terms, step::Action,
};
use isopolity_registry::verify::hexadecimal;

use super::{
    draft, file, show,
    step::{Service, Taking, get, take},
    words::{day, full_name, state_word, texts, today},
};
use crate::{
    args::{Accept, Global, OtherTerms, Plain, Sign},
    exit::Exit,
    output,
};

/// Prints terms as a file to be edited.
pub(super) async fn print(service: &mut Service, name: &str, whole_draft: bool, amendment: bool) -> Result<(), Exit> {
    let now = get(service, &full_name(name)?).await?;
    if whole_draft {
        return output::line(&file::written(&draft::of(&now)?)?);
    }
    let terms = if amendment {
        let offered = now.amendment.and_then(|offer| offer.terms);
        offered.ok_or_else(|| Exit::refused(format!("{name}: no amendment is on offer")))?
    } else {
        present(&now).ok_or_else(|| Exit::refused(format!("{name} has no terms")))?
    };
    // With their version: when they come back, it shows from which ones they were made.
    output::line(&file::written(&terms)?)
}

/// The terms that hold, or are on offer, or are drafted.
fn present(now: &Cooperation) -> Option<Terms> {
    let offered = now.agreed.as_ref().or(now.offer.as_ref()).and_then(|offer| offer.terms.clone());
    offered.or_else(|| now.draft.as_ref().and_then(|draft| draft.terms.clone()))
}

pub(super) async fn counter(global: &Global, service: &mut Service, other: &OtherTerms) -> Result<(), Exit> {
    let (name, now, terms) = read(service, other).await?;
    let action = Action::Counter(Counter { terms: Some(terms), texts: texts(&other.text) });
    let done = "other terms offered; whoever had accepted before has to accept anew";
    take(global, service, Taking { name, action, done, seen: now.sequence, dry_run: other.dry_run }).await
}

pub(super) async fn amend(global: &Global, service: &mut Service, other: &OtherTerms) -> Result<(), Exit> {
    let (name, now, terms) = read(service, other).await?;
    let action = Action::Amendment(Amendment { terms: Some(terms), texts: texts(&other.text), renewal: false });
    let done = "amendment offered; the present terms hold until every city has accepted it";
    take(global, service, Taking { name, action, done, seen: now.sequence, dry_run: other.dry_run }).await
}

/// The terms of a file, if they were made from those that are present now: what a person has not read they can't answer.
async fn read(service: &mut Service, other: &OtherTerms) -> Result<(String, Cooperation, Terms), Exit> {
    let name = full_name(&other.name)?;
    let terms: Terms = file::read(&other.file)?;
    let now = get(service, &name).await?;
    let (made_from, present) = (terms.version, present(&now).map_or(0, |present| present.version));
    if made_from != 0 && made_from != present {
        let short = &other.name;
        return Err(Exit::refused(format!(
            "{}: these terms were made from version {made_from}, and version {present} is present now: look at it with \
             \"isopolity cooperation show {short}\", and take \"isopolity cooperation terms {short}\" anew",
            other.file.display()
        )));
    }
    let version = now.next_terms_version;
    Ok((name, now, Terms { version, ..terms }))
}

pub(super) async fn renew(
    global: &Global,
    service: &mut Service,
    plain: &Plain,
    until: &str,
    why: &[String],
) -> Result<(), Exit> {
    let name = full_name(&plain.name)?;
    let now = get(service, &name).await?;
    let mut terms = agreed(&now)?.1.clone();
    terms.version = now.next_terms_version;
    day("until", until)?.clone_into(&mut terms.period.get_or_insert_default().end_date);
    let action = Action::Amendment(Amendment { terms: Some(terms), texts: texts(why), renewal: true });
    let done = "renewal offered; it holds once every city has accepted it";
    // A message that comes between changes nothing: the node compares all but the period with the agreed terms.
    take(global, service, Taking { name, action, done, seen: 0, dry_run: plain.dry_run }).await
}

pub(super) async fn accept(global: &Global, service: &mut Service, accept: &Accept) -> Result<(), Exit> {
    let name = full_name(&accept.name)?;
    let now = get(service, &name).await?;
    let offer = now.offer.as_ref().filter(|_| now.state() == CooperationState::Proposed).or(now.amendment.as_ref());
    let offer = offer.ok_or_else(|| {
        Exit::refused(format!(
            "{}: there are no terms on offer to accept; it is {}",
            accept.name,
            state_word(now.state())
        ))
    })?;
    let terms = offer.terms.clone().unwrap_or_default();
    match accept.version {
        Some(wanted) if wanted != terms.version => {
            return Err(Exit::refused(format!(
                "{}: version {} is on offer now, by {}, not {wanted}; nothing was accepted",
                accept.name, terms.version, offer.city
            )));
        }
        Some(_) => {}
        None => {
            // On standard error, so that the output is what came of it.
            output::note(&what_is_accepted(&now, offer));
            if !accept.yes && !accept.dry_run {
                ask(&format!("Accept version {} for this city? [y/N] ", terms.version))?;
            }
        }
    }
    let action = Action::Acceptance(Acceptance {
        terms_version: terms.version,
        offer_hash: offer.hash.clone(),
        office: accept.office.clone(),
    });
    let done = format!("version {} accepted", terms.version);
    // Version and hash say what is accepted; whatever else happens meanwhile changes nothing about that.
    take(global, service, Taking { name, action, done: &done, seen: 0, dry_run: accept.dry_run }).await
}

fn what_is_accepted(now: &Cooperation, offer: &Offer) -> String {
    let terms = offer.terms.clone().unwrap_or_default();
    format!(
        "{}\nThis is version {} of the terms, offered by {}.\nHash {}\n",
        show::terms(now, offer),
        terms.version,
        offer.city,
        hexadecimal(&offer.hash)
    )
}

/// Asks a person; only a clear yes is one.
fn ask(question: &str) -> Result<(), Exit> {
    if !io::stdin().is_terminal() {
        return Err(Exit::usage(
            "nobody can be asked here: say --yes to accept what is shown, or --version N to accept that version and no other",
        ));
    }
    let mut err = io::stderr();
    // If it can't be shown, the answer will be no.
    drop(write!(err, "{question}").and_then(|()| err.flush()));
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Exit::usage(format!("the answer can't be read: {error}")))?;
    if is_yes(&answer) { Ok(()) } else { Err(Exit::refused("nothing was accepted")) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

pub(super) async fn sign(global: &Global, service: &mut Service, sign: &Sign) -> Result<(), Exit> {
    let name = full_name(&sign.name)?;
    let now = get(service, &name).await?;
    let (offer, terms) = agreed(&now)?;
    let sign_date = match &sign.date {
        Some(date) => day("date", date)?.to_owned(),
        None => today(),
    };
    let action = Action::Signature(AgreementSignature {
        terms_version: terms.version,
        offer_hash: offer.hash.clone(),
        signing_office: sign.office.clone(),
        decision_reference: sign.decision.clone(),
        sign_date,
        place: sign.place.clone(),
    });
    let done = format!("version {} signed by {}", terms.version, sign.office);
    take(global, service, Taking { name, action, done: &done, seen: 0, dry_run: sign.dry_run }).await
}

/// The terms that every city accepted.
fn agreed(now: &Cooperation) -> Result<(&Offer, &Terms), Exit> {
    let offer = now.agreed.as_ref();
    offer.and_then(|offer| Some((offer, offer.terms.as_ref()?))).ok_or_else(|| {
        let short = super::short_name(&now.name);
        Exit::refused(format!(
            "{short} is {}: there are no terms that every city accepted; \"isopolity cooperation show {short}\" tells whom it waits for",
            state_word(now.state())
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_accepts_anything() {
        for yes in ["y\n", " Yes \r\n", "YES"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        // Also where the terminal is closed.
        for no in ["", "\n", "n\n", "yes please\n", "j\n", "1\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
