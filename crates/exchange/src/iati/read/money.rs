//! Transactions and budgets, as what somebody puts into a partnership.

use isopolity_proto::{
    registry::{Contribution, ContributionKind, ParticipantRole, Partnership},
    types::{LocalizedText, Money},
};

use super::{
    super::{budget, terms},
    Activity, code, extension, first,
    organization::Organizations,
    words,
};
use crate::schema::tree::Element;

/// The contributions of an activity: its budgets, then its transactions.
///
/// Money is public if whoever provides it is a public body, or where that is not stated, whoever published the activity.
pub(super) fn read(
    activity: &mut Activity<'_>,
    organizations: &Organizations,
    partnership: &Partnership,
) -> Vec<Contribution> {
    let reporter = partnership.participants.iter().find(|one| one.roles.contains(&ParticipantRole::Reporter.into()));
    let reporter = reporter.and_then(|one| organizations.known(&one.organization.parse().ok()?));
    let stated = activity.first("reporting-org").map(|element| code(element, "type")).unwrap_or_default();
    let default_public =
        terms::is_public_type(&stated) || reporter.is_some_and(|known| terms::is_public(known.organization.kind()));
    let mut contributions = Vec::new();
    for (at, element) in activity.all("budget").enumerate() {
        let date =
            |name: &'static str| first(element, name).map(|date| words::date(date, "iso-date")).unwrap_or_default();
        let (start, end) = (date("period-start"), date("period-end"));
        let text =
            LocalizedText { text: budget::describe(&start, &end), language: String::from("en"), ..Default::default() };
        let contribution = Contribution {
            kind: ContributionKind::Grant.into(),
            date: start,
            descriptions: vec![text],
            ..Default::default()
        };
        add(activity, ("budget", at, element), contribution, default_public, &mut contributions);
    }
    let usual = activity.code("default-finance-type");
    for (at, element) in activity.all("transaction").enumerate() {
        let code_of =
            |name: &'static str| first(element, name).map(|element| code(element, "code")).unwrap_or_default();
        let (transaction_type, own) = (code_of("transaction-type"), code_of("finance-type"));
        let finance_type = if own.is_empty() { usual.clone() } else { own };
        let stated_type = extension(element, "type") != Some("0");
        let mut contribution = Contribution {
            kind: kind(element, &finance_type).into(),
            date: first(element, "transaction-date").map(|date| words::date(date, "iso-date")).unwrap_or_default(),
            rendered: terms::is_rendered(&transaction_type),
            transaction_type: if stated_type { transaction_type } else { String::new() },
            finance_type,
            descriptions: words::narratives_of(element, "description", &activity.language),
            ..Default::default()
        };
        let mut public = default_public;
        if let Some(provider) = first(element, "provider-org") {
            let reference = code(provider, "ref");
            let name = words::narratives(provider, &activity.language).into_iter().next().map(|text| text.text);
            let name = name.unwrap_or_default();
            let known = organizations.find(&reference, &name);
            contribution.contributor_organization = known.map(|known| known.name.to_string()).unwrap_or_default();
            contribution.contributor = if name.is_empty() && known.is_none() { reference } else { name };
            let stated = code(provider, "type");
            public = match known {
                _ if !stated.is_empty() => terms::is_public_type(&stated),
                Some(known) => terms::is_public(known.organization.kind()),
                None => default_public,
            };
        }
        add(activity, ("transaction", at, element), contribution, public, &mut contributions);
    }
    contributions
}

/// What it consists of: as this registry wrote it, else by its finance type.
fn kind(transaction: &Element, finance_type: &str) -> ContributionKind {
    let stated = extension(transaction, "kind").and_then(ContributionKind::from_str_name);
    stated.unwrap_or_else(|| terms::contribution_kind(finance_type))
}

/// Adds the amount, and the contribution if that is right.
fn add(
    activity: &mut Activity<'_>,
    (name, at, element): (&str, usize, &Element),
    mut contribution: Contribution,
    public: bool,
    contributions: &mut Vec<Contribution>,
) {
    let Some(value) = first(element, "value") else { return };
    let currency = Some(code(value, "currency")).filter(|currency| !currency.is_empty());
    let currency = currency.unwrap_or_else(|| code(activity.element, "default-currency"));
    if currency.is_empty() {
        activity.flaw(name, at, "/value/@currency", "is missing, and the activity has no default-currency");
        return;
    }
    let text = value.text();
    let Some(amount) = words::decimal(&text) else { return };
    if amount.starts_with('-') {
        let description = format!(
            "{amount} is negative: a contribution is what somebody puts in; record what flowed back as a transaction of its own type"
        );
        activity.flaw(name, at, "/value", description);
        return;
    }
    let (whole, fraction) = amount.split_once('.').unwrap_or((&amount, ""));
    if whole.len() > 18 || fraction.len() > 6 {
        let description = format!("{amount} is not a number of at most 18 digits before the point and 6 after it");
        activity.flaw(name, at, "/value", description);
        return;
    }
    contribution.value_date = words::date(value, "value-date");
    let public = match extension(element, "public") {
        Some(stated) => stated == "1",
        None => public,
    };
    contribution.public_money = public;
    let money = Some(Money { currency_code: currency, amount });
    if public {
        contribution.public_amount = money
    } else {
        contribution.private_amount = money
    }
    contributions.push(contribution);
}
