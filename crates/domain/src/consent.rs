//! Whether consents still hold, and what follows for others where they have ended.

use isopolity_proto::{
    options::Audience,
    registry::{GoodPractice, PublicationConsent},
};
use prost_reflect::{DynamicMessage, Value};
use time::Date;

use crate::{Kind, Violation, settle::settle, validate::value};

/// Whether a consent holds on this day: it was given by then, and its last day is not over.
#[must_use]
pub fn holds(consent: &PublicationConsent, today: Date) -> bool {
    let given = value::partial_date(&consent.date).is_none_or(|(first, _)| first <= today);
    let ended = value::partial_date(&consent.expire_date).is_some_and(|(_, last)| last < today);
    given && !ended
}

/// What keeps a story from being PUBLIC on this day: a party whose consent doesn't hold and who gave no other one. Whether
/// there is a consent at all is for [`crate::validate`].
///
/// # Errors
/// The first such consent.
pub fn must_hold(kind: Kind, resource: &DynamicMessage, today: Date) -> Result<(), Violation> {
    let Some(practice) = public_story(kind, resource) else { return Ok(()) };
    let Some((at, consent)) = without(&practice, today) else { return Ok(()) };
    let (field, why) = if value::partial_date(&consent.expire_date).is_some_and(|(_, last)| last < today) {
        ("expire_date", format!("ended on {}", consent.expire_date))
    } else {
        ("date", format!("is given only on {}", consent.date))
    };
    let description =
        format!("the consent of {} {why}: ask for a new one before it is PUBLIC, else FEDERATION", consent.party);
    Err(Violation::invalid(format!("consents[{at}].{field}"), description))
}

/// Narrows what ended consents allowed others to see: ties of organisations, and stories.
pub fn narrow(kind: Kind, resource: &mut DynamicMessage, today: Date) {
    settle(kind, resource, today);
    if public_story(kind, resource).is_some_and(|practice| without(&practice, today).is_some()) {
        resource.set_field_by_name("audience", Value::EnumNumber(Audience::Federation.into()));
    }
}

fn public_story(kind: Kind, resource: &DynamicMessage) -> Option<GoodPractice> {
    let practice: GoodPractice = (kind == Kind::GoodPractice).then(|| resource.transcode_to().ok()).flatten()?;
    (practice.audience() == Audience::Public).then_some(practice)
}

/// A consent that does not hold, of a party of which none does.
fn without(practice: &GoodPractice, today: Date) -> Option<(usize, &PublicationConsent)> {
    let consents = &practice.consents;
    let agrees = |party: &str| consents.iter().any(|one| one.party.trim() == party.trim() && holds(one, today));
    consents.iter().enumerate().find(|(_, consent)| !agrees(&consent.party))
}

#[cfg(test)]
mod tests {
    use isopolity_proto::to_dynamic;
    use time::macros::date;

    use super::*;

    fn consent(party: &str, given: &str, until: &str) -> PublicationConsent {
        PublicationConsent { party: party.into(), date: given.into(), expire_date: until.into(), ..Default::default() }
    }

    fn story(consents: Vec<PublicationConsent>) -> DynamicMessage {
        to_dynamic(&GoodPractice { audience: Audience::Public.into(), consents, ..Default::default() })
    }

    #[test]
    fn a_story_is_public_as_long_as_a_consent_of_each_party_holds() {
        let today = date!(2020 - 06 - 01);
        let judge = |consents| must_hold(Kind::GoodPractice, &story(consents), today).map_err(|one| one.field);
        let wrong = |field: &str| Err(field.to_owned());
        assert_eq!(judge(vec![consent("mill", "2019", "")]), Ok(()));
        assert_eq!(judge(vec![consent("mill", "2019", "2020-06-01")]), Ok(()), "its last day");
        assert_eq!(judge(vec![consent("mill", "2019", "2020-06")]), Ok(()), "until the end of the month");
        assert_eq!(judge(vec![consent("mill", "2019", "2020-05-31")]), wrong("consents[0].expire_date"));
        assert_eq!(judge(vec![consent("mill", "2020-06-02", "")]), wrong("consents[0].date"));
        let renewed = vec![consent("mill", "2018", "2019-12-31"), consent("mill", "2020-01-01", "2021-01-01")];
        assert_eq!(judge(renewed), Ok(()));
        let of_one = vec![consent("city", "2018", ""), consent("mill", "2018", "2019-12-31")];
        assert_eq!(judge(of_one), wrong("consents[1].expire_date"));
    }

    #[test]
    fn a_story_whose_consent_has_ended_is_for_partner_cities_only() {
        let today = date!(2020 - 06 - 01);
        let narrowed = |until: &str| {
            let mut story = story(vec![consent("mill", "2019", until)]);
            narrow(Kind::GoodPractice, &mut story, today);
            story.transcode_to::<GoodPractice>().unwrap().audience()
        };
        assert_eq!(narrowed("2020-05-31"), Audience::Federation);
        assert_eq!(narrowed("2020-06-01"), Audience::Public);
    }
}
