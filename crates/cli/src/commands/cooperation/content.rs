//! What a draft says: from a file, from flags, or from both.

use isopolity_proto::{
    cooperation::{AgreementTerms, PartyAims, Proposal, Referral, Subject, Terms},
    options::Audience,
    types::{Commitment, Money, Period},
};

use super::words::{agreement_kind, commitment_kind, day, end_of_day, kind_of, text, texts};
use crate::{
    args::{AgreementAudience, Content},
    exit::Exit,
};

/// Puts what the flags say into a draft. Lists are added to, texts that are given replace those of before.
pub(super) fn put_into(draft: &mut Proposal, content: &Content) -> Result<(), Exit> {
    if let Some(kind) = content.kind {
        draft.kind = kind_of(kind).into();
    }
    for city in &content.with {
        if !draft.participants.contains(city) {
            draft.participants.push(city.clone());
        }
    }
    for name in &content.subject {
        if !draft.subjects.iter().any(|one| one.name == *name) {
            draft.subjects.push(Subject { name: name.clone(), ..Subject::default() });
        }
    }
    if !content.text.is_empty() {
        draft.texts = texts(&content.text);
    }
    if let Some(date) = &content.reply_by {
        draft.reply_due_time = Some(end_of_day("reply-by", date)?);
    }
    put_terms(&mut draft.terms, content)?;
    put_referral(draft, content)
}

fn put_terms(place: &mut Option<Terms>, content: &Content) -> Result<(), Exit> {
    let says_something =
        [&content.title, &content.summary, &content.aim, &content.commit].iter().any(|all| !all.is_empty())
            || [&content.agreement, &content.from, &content.until].iter().any(|one| one.is_some())
            || content.audience.is_some()
            || content.meetings.is_some();
    if !says_something {
        return Ok(());
    }
    let terms = place.get_or_insert_default();
    if !content.title.is_empty() {
        terms.titles = texts(&content.title);
    }
    if !content.summary.is_empty() {
        terms.summaries = texts(&content.summary);
    }
    for aim in &content.aim {
        put_aim(&mut terms.party_aims, aim)?;
    }
    for written in &content.commit {
        terms.commitments.push(commitment(written)?);
    }
    if content.from.is_some() || content.until.is_some() {
        let period = terms.period.get_or_insert_with(Period::default);
        if let Some(from) = &content.from {
            day("from", from)?.clone_into(&mut period.start_date);
        }
        if let Some(until) = &content.until {
            day("until", until)?.clone_into(&mut period.end_date);
        }
    }
    if content.agreement.is_some() || content.audience.is_some() || content.meetings.is_some() {
        let agreement = terms.agreement.get_or_insert_with(|| AgreementTerms {
            // What cities agree on is for their partners to see unless they say otherwise.
            audience: Audience::Federation.into(),
            ..AgreementTerms::default()
        });
        if let Some(kind) = &content.agreement {
            agreement.kind = agreement_kind(kind)?.into();
        }
        if let Some(audience) = content.audience {
            let audience = match audience {
                AgreementAudience::Public => Audience::Public,
                AgreementAudience::Federation => Audience::Federation,
                AgreementAudience::Internal => Audience::Internal,
            };
            agreement.audience = audience.into();
        }
        agreement.meetings_per_year = content.meetings.unwrap_or(agreement.meetings_per_year);
    }
    Ok(())
}

fn put_referral(draft: &mut Proposal, content: &Content) -> Result<(), Exit> {
    let says_something = !content.need.is_empty()
        || [&content.mailbox, &content.consent_date, &content.consent_reference].iter().any(|one| one.is_some());
    if !says_something {
        return Ok(());
    }
    let organization = draft.subjects.first().map(|first| first.name.clone()).unwrap_or_default();
    let referral = draft.referral.get_or_insert_with(|| Referral { organization, ..Referral::default() });
    if !content.need.is_empty() {
        referral.needs = texts(&content.need);
    }
    if let Some(mailbox) = &content.mailbox {
        referral.mailbox.clone_from(mailbox);
    }
    if let Some(date) = &content.consent_date {
        day("consent-date", date)?.clone_into(&mut referral.consent_date);
    }
    if let Some(reference) = &content.consent_reference {
        referral.consent_reference.clone_from(reference);
    }
    Ok(())
}

fn put_aim(aims: &mut Vec<PartyAims>, written: &str) -> Result<(), Exit> {
    let wrong = || {
        Exit::usage(format!(
            "--aim {written:?}: write \"CITY: TEXT\", for example \"kenitra.example: markets for its bakeries@en\""
        ))
    };
    let (city, said) = written.split_once(':').ok_or_else(wrong)?;
    let (city, aim) = (city.trim(), text(said));
    if city.is_empty() || aim.text.is_empty() {
        return Err(wrong());
    }
    match aims.iter_mut().find(|one| one.city == city) {
        Some(known) => known.aims.push(aim),
        None => aims.push(PartyAims { city: city.to_owned(), aims: vec![aim] }),
    }
    Ok(())
}

/// A contribution as `CITY: KIND [AMOUNT CURRENCY] [N days] [by DATE]: TEXT`.
fn commitment(written: &str) -> Result<Commitment, Exit> {
    let wrong = |what: &str| {
        Exit::usage(format!(
            "--commit {written:?}: {what}; write \"CITY: KIND [AMOUNT CURRENCY] [N days] [by DATE]: TEXT\", for example \
             \"feira.example: funding 5000 EUR by 2014-06-30: a stand at the fair\""
        ))
    };
    let mut parts = written.splitn(3, ':').map(str::trim);
    let (Some(city), Some(what), Some(said)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("a part is missing"));
    };
    let mut words = what.split_whitespace();
    let kind = commitment_kind(words.next().ok_or_else(|| wrong("the kind is missing"))?)?;
    let city = if city.starts_with("cities/") { city.to_owned() } else { format!("cities/{city}") };
    let description = text(said);
    if city == "cities/" || description.text.is_empty() {
        return Err(wrong(if city == "cities/" { "the city is missing" } else { "the text is missing" }));
    }
    let mut commitment =
        Commitment { city, kind: kind.into(), descriptions: vec![description], ..Commitment::default() };
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    while let Some(word) = words.next() {
        match (word, words.next()) {
            ("by", Some(date)) => date.clone_into(&mut commitment.due_date),
            (number, Some("day" | "days")) if is_number(number) => number.clone_into(&mut commitment.staff_days),
            (number, Some(currency)) if is_number(number) && currency.len() == 3 => {
                commitment.value = Some(Money { currency_code: currency.to_uppercase(), amount: number.to_owned() });
            }
            (word, _) => return Err(wrong(&format!("{word:?} is not understood"))),
        }
    }
    Ok(commitment)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::types::CommitmentKind;

    use super::*;

    fn none() -> Content {
        use clap::{Args as _, FromArgMatches as _};
        let matches = Content::augment_args(clap::Command::new("draft")).get_matches_from(["draft"]);
        Content::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn a_contribution_is_written_as_one_would_say_it() {
        let said = commitment("feira.example: funding 5000 eur by 2014-06-30: a stand: two days@en").unwrap();
        assert_eq!((said.city.as_str(), said.kind()), ("cities/feira.example", CommitmentKind::Funding));
        let value = said.value.as_ref().map(|money| (money.amount.as_str(), money.currency_code.as_str()));
        assert_eq!((value, said.due_date.as_str()), (Some(("5000", "EUR")), "2014-06-30"));
        assert_eq!(
            (said.descriptions[0].text.as_str(), said.descriptions[0].language.as_str()),
            ("a stand: two days", "en")
        );
        let said = commitment("cities/kenitra.example: staff-time 12 days: interpreters").unwrap();
        assert_eq!((said.staff_days.as_str(), said.kind()), ("12", CommitmentKind::StaffTime));
        for (wrong, because) in [
            ("feira.example: funding", "a part is missing"),
            ("feira.example: : text", "the kind is missing"),
            (": funding: text", "the city is missing"),
            ("feira.example: funding:", "the text is missing"),
            ("feira.example: gold: text", "staff-time"),
            ("feira.example: funding 5000: text", "5000"),
            ("feira.example: funding lots EUR: text", "lots"),
        ] {
            let error = format!("{:?}", commitment(wrong).unwrap_err());
            assert!(error.contains(because), "{wrong}: {error}");
        }
    }

    #[test]
    fn flags_add_to_a_draft_and_leave_the_rest_as_it_is() {
        let mut draft = Proposal { participants: vec!["kenitra.example".into()], ..Proposal::default() };
        put_into(&mut draft, &none()).unwrap();
        assert_eq!(draft.terms, None, "no terms where nobody spoke of any");
        let flags = Content {
            with: vec!["kenitra.example".into(), "geneve.example".into()],
            title: vec!["Protocolo@pt".into()],
            aim: vec!["kenitra.example: marchés@fr".into(), "kenitra.example: markets@en".into()],
            until: Some("2016-03-14".into()),
            agreement: Some("cooperation-protocol".into()),
            ..none()
        };
        put_into(&mut draft, &flags).unwrap();
        assert_eq!(draft.participants, ["kenitra.example", "geneve.example"]);
        let terms = draft.terms.unwrap();
        assert_eq!((terms.party_aims.len(), terms.party_aims[0].aims.len()), (1, 2));
        assert_eq!(terms.period.unwrap().end_date, "2016-03-14");
        assert_eq!(terms.agreement.unwrap().audience(), Audience::Federation);
    }
}
