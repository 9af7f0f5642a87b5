//! What cities have signed in a cooperation and a record shows: an agreement's evidence, and what other cities say of a record. The
//! node writes it; whatever a caller or a file says in its place counts for nothing.

use isopolity_domain::Kind;
use isopolity_proto::{
    registry::{Agreement, Confirmation, Partnership},
    to_dynamic,
};

use super::Resource;
use crate::Error;

/// Takes what was signed from the version before.
///
/// # Errors
/// A fault of this node.
pub(super) fn keep_signed(resource: &mut Resource, before: Option<&Resource>) -> Result<(), Error> {
    let shows = |one: &Resource| ["confirmations", "evidence"].iter().any(|field| one.0.has_field_by_name(field));
    let kind = resource.kind()?;
    if !matches!(kind, Kind::Agreement | Kind::Partnership) || !(shows(resource) || before.is_some_and(shows)) {
        return Ok(());
    }
    if kind == Kind::Agreement {
        let mut agreement: Agreement = resource.typed()?;
        let before = before.map(Resource::typed::<Agreement>).transpose()?.unwrap_or_default();
        agreement.evidence = before.evidence;
        agreement.confirmations = with_signed(agreement.confirmations, before.confirmations);
        resource.0 = to_dynamic(&agreement);
    } else {
        let mut partnership: Partnership = resource.typed()?;
        let before = before.map(Resource::typed::<Partnership>).transpose()?.unwrap_or_default();
        partnership.confirmations = with_signed(partnership.confirmations, before.confirmations);
        resource.0 = to_dynamic(&partnership);
    }
    Ok(())
}

/// What cities have signed, and what officers entered of cities that have signed nothing.
fn with_signed(stated: Vec<Confirmation>, before: Vec<Confirmation>) -> Vec<Confirmation> {
    let mut all: Vec<_> = before.into_iter().filter(|one| !one.cooperation.is_empty()).collect();
    for one in stated {
        if !all.iter().any(|signed| signed.city == one.city && !signed.cooperation.is_empty()) {
            all.push(Confirmation { cooperation: String::new(), ..one });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use isopolity_proto::registry::{AgreementEvidence, ConfirmationStance};

    use super::*;

    fn says(city: &str, stance: ConfirmationStance, cooperation: &str) -> Confirmation {
        let city = format!("cities/{city}");
        Confirmation { city, stance: stance.into(), cooperation: cooperation.to_owned(), ..Default::default() }
    }

    #[test]
    fn what_a_city_has_signed_is_neither_forged_nor_changed_nor_taken_away() {
        use ConfirmationStance::{Confirmed, Disputed, Ended};
        let signed = says("geneve.ch", Disputed, "cities/geneve.ch/cooperations/1");
        let before = Resource(to_dynamic(&Agreement {
            confirmations: vec![signed.clone(), says("cork.ie", Confirmed, "")],
            ..Default::default()
        }));
        let forged = AgreementEvidence { terms_version: 1, ..Default::default() };
        let mut after = Resource(to_dynamic(&Agreement {
            evidence: Some(forged),
            confirmations: vec![
                says("geneve.ch", Confirmed, "cities/geneve.ch/cooperations/1"),
                says("praia.cv", Ended, "cities/praia.cv/cooperations/2"),
            ],
            ..Default::default()
        }));
        keep_signed(&mut after, Some(&before)).unwrap();
        let after: Agreement = after.typed().unwrap();
        assert_eq!((after.evidence, after.confirmations), (None, vec![signed, says("praia.cv", Ended, "")]));

        let mut emptied = Resource(to_dynamic(&Agreement::default()));
        keep_signed(&mut emptied, Some(&before)).unwrap();
        assert_eq!(emptied.typed::<Agreement>().unwrap().confirmations.len(), 1);
    }
}
