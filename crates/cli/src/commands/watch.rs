//! Telling of what is published.

use isopolity_proto::{
    catalog::{WatchRequest, catalog_service_client::CatalogServiceClient, watch_response::Part},
    federation::SearchOrder,
};

use super::question::question;
use crate::{
    args::{Global, Output, Watch},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Watch) -> Result<(), Exit> {
    let request = WatchRequest {
        question: Some(question(&arguments.asked, SearchOrder::Unspecified)?),
        cities: arguments.asked.city.clone(),
        purpose: arguments.asked.purpose.clone(),
        include_envelope: false,
        resume_token: arguments.resume_token.clone(),
    };
    let mut catalog = CatalogServiceClient::new(connect(global).await?);
    let mut parts = catalog.watch(request).await?.into_inner();
    let mut hits = 0;
    while let Some(part) = parts.message().await? {
        hits += usize::from(matches!(part.part, Some(Part::Hit(_))));
        let text = match (global.output, &part.part) {
            (Output::Json, _) => output::json_line(&part),
            (Output::Table, Some(Part::Hit(hit))) => output::hit_line(hit),
            (Output::Table, Some(Part::City(city))) if city.watching => format!("watching {}", city.city),
            (Output::Table, Some(Part::City(city))) => format!("{} is not watched: {}", city.city, city.reason),
            // For programs; people begin again.
            (Output::Table, Some(Part::ResumeToken(_)) | None) => continue,
        };
        if !output::line_while_read(&text)? {
            break;
        }
        if arguments.most.is_some_and(|most| hits >= most) {
            break;
        }
    }
    Ok(())
}
