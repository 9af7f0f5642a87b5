//! The agreement record that comes of a cooperation, in the registry of each city that takes part.

use bytes::Bytes;
use isopolity_proto::{
    cooperation::{AgreementTerms, Cooperation, CooperationState, Offer, Participation, Terms},
    options::Audience,
    registry::{Agreement, AgreementEvidence, AgreementParty, AgreementSigning, AgreementStatus, Meetings},
    types::{LocalizedText, Period, Provenance, ProvenanceMethod},
};

use super::Hash;
use crate::CityId;

/// The agreement record of this city as it follows from the cooperation; none as long as nothing is agreed, or where the terms say that
/// none comes of it. `events` are the history's: sequence, hash, and the serialized envelope.
///
/// From the record before, if there is one, stays what the cooperation does not say, and what people of this city have entered: name and
/// times, an audience that is narrower, places, organisations and names of the parties, countries, confirmations, mirrors, remarks.
///
/// Left to the registry: the name, the times, the countries of the other parties, and better names of the parties than their
/// ids, which stand there in the language `und`. The record passes [`validate`](mod@crate::validate) unless the terms hold codes that this
/// version does not know; it is a record of what was signed, so it is kept then too.
#[must_use]
pub fn agreement_record(
    cooperation: &Cooperation,
    own: &CityId,
    before: Option<&Agreement>,
    events: &[(i64, Hash, Bytes)],
) -> Option<Agreement> {
    super::participation(cooperation, own.as_str())?;
    let agreed = cooperation.agreed.as_ref()?;
    let terms = agreed.terms.as_ref()?;
    if terms.agreement.is_none() && before.is_none() {
        return None;
    }
    let mut record = before.cloned().unwrap_or_default();
    record.provenance.get_or_insert_with(|| Provenance {
        source: cooperation.name.clone(),
        method: ProvenanceMethod::Entered.into(),
        ..Default::default()
    });
    if let Some(agreement) = &terms.agreement {
        agreement_terms(&mut record, agreement);
    }
    record.titles.clone_from(&terms.titles);
    record.summaries.clone_from(&terms.summaries);
    record.documents = documents(terms, record.audience);
    record.sectors.clone_from(&terms.sectors);
    record.sdg_goals.clone_from(&terms.sdg_goals);
    record.commitments.clone_from(&terms.commitments);
    record.period = period(cooperation, terms);
    record.status = status(cooperation, record.status()).into();
    record.sign_date = sign_date(cooperation);
    record.parties = cooperation.participations.iter().map(|one| party(one, terms, before)).collect();
    record.evidence = Some(evidence(cooperation, agreed, terms.version, events));
    Some(record)
}

fn agreement_terms(record: &mut Agreement, agreement: &AgreementTerms) {
    record.kind = agreement.kind;
    // The numbers rise from the widest to the narrowest.
    record.audience = record.audience.max(agreement.audience);
    if record.audience == i32::from(Audience::Internal) {
        record.shared_with.clear();
    }
    record.renewal.clone_from(&agreement.renewal);
    let known = record.meetings.take().unwrap_or_default();
    let meetings = Meetings { per_year: agreement.meetings_per_year, ..known };
    record.meetings = (meetings != Meetings::default()).then_some(meetings);
}

/// Those of the terms; what was attached later is for the participants. None is shown to more than the record is.
fn documents(terms: &Terms, ceiling: i32) -> Vec<isopolity_proto::types::Document> {
    let mut documents = terms.documents.clone();
    for document in documents.iter_mut().filter(|one| one.audience != 0) {
        document.audience = document.audience.max(ceiling);
    }
    documents
}

fn period(cooperation: &Cooperation, terms: &Terms) -> Option<Period> {
    let mut period = terms.period.clone().unwrap_or_default();
    if period.start_date.is_empty() && begins_before_end(&cooperation.start_date, &period.end_date) {
        period.start_date.clone_from(&cooperation.start_date);
    }
    (period != Period::default()).then_some(period)
}

/// A period that ends before it begins is none.
fn begins_before_end(start: &str, end: &str) -> bool {
    use crate::validate::value::partial_date;
    partial_date(start).zip(partial_date(end)).is_none_or(|((first, _), (_, last))| first <= last)
}

fn status(cooperation: &Cooperation, before: AgreementStatus) -> AgreementStatus {
    match cooperation.state() {
        // Its people know whether it rests.
        CooperationState::Active if matches!(before, AgreementStatus::Dormant | AgreementStatus::Suspended) => before,
        CooperationState::Active => AgreementStatus::Active,
        CooperationState::Concluded | CooperationState::Terminated => AgreementStatus::Terminated,
        CooperationState::Expired => AgreementStatus::Expired,
        _ => AgreementStatus::InNegotiation,
    }
}

/// The day on which the last city signed; nothing as long as one has not.
fn sign_date(cooperation: &Cooperation) -> String {
    let days: Option<Vec<&str>> =
        cooperation.participations.iter().map(|one| Some(one.signature.as_ref()?.sign_date.as_str())).collect();
    days.and_then(|days| days.into_iter().max().map(str::to_owned)).unwrap_or_default()
}

fn party(one: &Participation, terms: &Terms, before: Option<&Agreement>) -> AgreementParty {
    let city = format!("cities/{}", one.city);
    let known = before.and_then(|before| before.parties.iter().find(|party| party.city == city)).cloned();
    let mut party = known.unwrap_or_default();
    if party.display_names.is_empty() {
        let text = one.city.clone();
        party.display_names = vec![LocalizedText { text, language: "und".to_owned(), ..LocalizedText::default() }];
    }
    party.city = city;
    party.aims =
        terms.party_aims.iter().find(|aims| aims.city == one.city).map_or_else(Vec::new, |one| one.aims.clone());
    if let Some(signature) = &one.signature {
        party.signing_office.clone_from(&signature.signing_office);
        party.decision_reference.clone_from(&signature.decision_reference);
    } else {
        party.signing_office.clear();
        party.decision_reference.clear();
    }
    party
}

fn evidence(
    cooperation: &Cooperation,
    agreed: &Offer,
    version: i32,
    events: &[(i64, Hash, Bytes)],
) -> AgreementEvidence {
    let event = |sequence: i64| events.iter().find(|(at, _, _)| *at == sequence);
    let mut signings = Vec::new();
    for one in &cooperation.participations {
        let city = format!("cities/{}", one.city);
        let signature = one.signature.as_ref();
        // A signature under the terms that hold says more than their acceptance. Under amended terms both are needed.
        let is_of_these = signature.is_some_and(|signature| signature.terms_version == version);
        if let Some((sequence, hash, envelope)) = event(one.accepted_sequence).filter(|_| !is_of_these) {
            // The event that offered the terms holds them.
            let envelope = if *sequence == agreed.sequence { Bytes::new() } else { envelope.clone() };
            let event_hash = Bytes::copy_from_slice(hash);
            signings.push(AgreementSigning { city: city.clone(), event_hash, envelope, sign_date: String::new() });
        }
        if let Some((signature, (_, hash, envelope))) = signature.zip(event(one.signature_sequence)) {
            signings.push(AgreementSigning {
                city,
                event_hash: Bytes::copy_from_slice(hash),
                envelope: envelope.clone(),
                sign_date: signature.sign_date.clone(),
            });
        }
    }
    AgreementEvidence {
        cooperation: cooperation.name.clone(),
        terms_version: version,
        offer_hash: agreed.hash.clone(),
        signings,
    }
}
