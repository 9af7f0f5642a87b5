//! Contributions of money, as budgets and transactions. Those that are not money, or whose amount the audience may not
//! see, have no place in a file of activities.

use isopolity_proto::{
    registry::Contribution,
    types::{LocalizedText, Money},
};

use super::{
    super::{budget, terms},
    Activity, partnership,
    tag::{self, Tag},
};

/// The contributions that came from budgets.
pub(super) fn budgets(activity: &Activity<'_>) -> Vec<Tag> {
    let budgets = activity.partnership.contributions.iter().filter_map(|contribution| {
        let (start, end) = period(contribution)?;
        let value = value(contribution, start)?;
        let date = |name: &'static str, date: &str| Tag::new(name).with_date("iso-date", date, false);
        let budget = Tag::new("budget").with("type", "1").with_own("public", public(contribution));
        Some(budget.holding([date("period-start", start), date("period-end", end), value]))
    });
    budgets.collect()
}

/// All other contributions of money.
pub(super) fn transactions(activity: &Activity<'_>) -> Vec<Tag> {
    let others = activity.partnership.contributions.iter().filter(|contribution| period(contribution).is_none());
    others.filter_map(|contribution| transaction(activity, contribution)).collect()
}

fn transaction(activity: &Activity<'_>, contribution: &Contribution) -> Option<Tag> {
    let dated = tag::day(&contribution.date, false).is_some();
    let date = if dated { contribution.date.clone() } else { activity.some_day() };
    let on = Tag::new("transaction-date").with_date("iso-date", &date, false);
    let value = value(contribution, &date)?;
    let kind = match (contribution.transaction_type.as_str(), contribution.rendered) {
        ("", true) => "3",
        ("", false) => "2",
        (stated, _) => stated,
    };
    let mut transaction = Tag::new("transaction");
    if contribution.transaction_type.is_empty() {
        transaction = transaction.with_own("type", "0");
    }
    if contribution.kind() != terms::contribution_kind(&contribution.finance_type) {
        transaction = transaction.with_own("kind", contribution.kind().as_str_name());
    }
    let finance_type = (!contribution.finance_type.is_empty())
        .then(|| Tag::new("finance-type").with("code", &contribution.finance_type));
    Some(
        transaction
            .with_own("public", public(contribution))
            .holding([Tag::new("transaction-type").with("code", kind), if dated { on } else { on.not_stated() }, value])
            .holding(activity.texts("description", &contribution.descriptions))
            .holding(provider(activity, contribution))
            .holding(finance_type),
    )
}

/// Who gives it.
fn provider(activity: &Activity<'_>, contribution: &Contribution) -> Option<Tag> {
    let name = LocalizedText {
        text: contribution.contributor.clone(),
        language: activity.language.to_owned(),
        ..Default::default()
    };
    match activity.organization(&contribution.contributor_organization) {
        Some(organization) if contribution.contributor.is_empty() => Some(
            Tag::new("provider-org")
                .with_stated("ref", &super::reference(organization))
                .with("type", terms::type_of(organization.kind())),
        ),
        Some(organization) => {
            let named = partnership::organisation("provider-org", activity, organization);
            Some(named.without_children().holding(activity.narratives(&[name])))
        }
        None => activity.texts("provider-org", &[name]),
    }
}

/// The amount: that of public money, or of private money where the audience may see it.
fn value(contribution: &Contribution, date: &str) -> Option<Tag> {
    let money: &Money = contribution.public_amount.as_ref().or(contribution.private_amount.as_ref())?;
    if !crate::schema::is_decimal(&money.amount) {
        return None;
    }
    let stated = tag::day(&contribution.value_date, false).is_some();
    let value_date = if stated { &contribution.value_date } else { date };
    let value = Tag::new("value").with("currency", &money.currency_code).with_date("value-date", value_date, false);
    let value = value.text(&money.amount);
    Some(if stated { value } else { value.not_stated() })
}

fn public(contribution: &Contribution) -> &'static str {
    if contribution.public_money { "1" } else { "0" }
}

/// The period of a contribution that came from a budget.
fn period(contribution: &Contribution) -> Option<(&str, &str)> {
    let [text] = contribution.descriptions.as_slice() else { return None };
    let (start, end) = budget::period(&text.text)?;
    let days = tag::day(start, false).is_some() && tag::day(end, false).is_some();
    (contribution.transaction_type.is_empty() && days).then_some((start, end))
}
