//! What is on its way to other cities.

use comfy_table::ColumnConstraint;
use isopolity_proto::{
    cooperation::{DeliveryStanding, ListDeliveriesRequest, RedriveDeliveriesRequest},
    json,
};
use serde_json::json;

use super::cooperation::{service, short_name};
use crate::{
    args::{Delivery, Global, Output},
    exit::Exit,
    output,
};

/// The largest page that a node gives.
const PAGE: usize = 1_000;

pub(super) async fn run(global: &Global, command: &Delivery) -> Result<(), Exit> {
    match command {
        Delivery::List { city, dead, all, limit } => {
            let standings: &[DeliveryStanding] = match (dead, all) {
                (true, _) => &[DeliveryStanding::Dead],
                (_, true) => &[DeliveryStanding::Waiting, DeliveryStanding::Delivered, DeliveryStanding::Dead],
                _ => &[],
            };
            list(global, city, standings, *limit).await
        }
        Delivery::Redrive { delivery, city, .. } => {
            let request = RedriveDeliveriesRequest {
                delivery_id: delivery.clone().unwrap_or_default(),
                city: city.clone().unwrap_or_default(),
            };
            let done = service(global).await?.redrive_deliveries(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&done);
            }
            output::line(&match done.count {
                0 => "nothing waits or was given up there".to_owned(),
                1 => "1 delivery is tried anew".to_owned(),
                count => format!("{count} deliveries are tried anew"),
            })
        }
    }
}

async fn list(global: &Global, city: &str, standings: &[DeliveryStanding], limit: usize) -> Result<(), Exit> {
    let mut service = service(global).await?;
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListDeliveriesRequest {
            page_size: i32::try_from(limit.saturating_sub(found.len()).min(PAGE)).unwrap_or(1),
            page_token: token,
            standings: standings.iter().map(|one| (*one).into()).collect(),
            city: city.to_owned(),
        };
        let page = service.list_deliveries(request).await?.into_inner();
        found.extend(page.deliveries);
        token = page.next_page_token;
        if token.is_empty() || found.len() >= limit {
            break;
        }
    }
    if global.output == Output::Json {
        let all: Vec<_> = found.iter().map(|one| json::to_value(one, true)).collect();
        return output::line(&json!({"deliveries": all, "more": !token.is_empty()}).to_string());
    }
    if found.is_empty() {
        return output::line("Nothing waits to be delivered, and nothing was given up.");
    }
    let mut rows = output::table(&["Id", "To", "What", "Standing", "Since", "Tries", "Next", "Trouble"]);
    for one in &found {
        let what = if one.submission { "own step for event" } else { "event" };
        let standing = match one.standing() {
            DeliveryStanding::Unspecified => "?",
            DeliveryStanding::Waiting => "waits",
            DeliveryStanding::Delivered => "delivered",
            DeliveryStanding::Dead => "GIVEN UP",
        };
        let waits = one.standing() == DeliveryStanding::Waiting;
        rows.add_row([
            one.delivery_id.clone(),
            one.city.clone(),
            format!("{what} {}\n{}", one.sequence, short_name(&one.cooperation)),
            standing.to_owned(),
            output::when(one.create_time.as_ref()),
            one.attempts.to_string(),
            if waits { output::when(one.next_attempt_time.as_ref()) } else { String::new() },
            one.problem.clone(),
        ]);
    }
    // An id that is broken into lines can't be copied.
    if let Some(ids) = rows.column_mut(0) {
        ids.set_constraint(ColumnConstraint::ContentWidth);
    }
    output::line(&rows.to_string())?;
    if !token.is_empty() {
        output::note(&format!("there are more than {}: raise --limit or name a --city", found.len()));
    }
    if found.iter().any(|one| one.standing() == DeliveryStanding::Dead) {
        output::note("once the trouble is over: isopolity delivery redrive ID, or --city CITY, or --all");
    }
    Ok(())
}
