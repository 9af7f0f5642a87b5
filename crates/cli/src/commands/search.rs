//! Asking this city and its peers.

use std::time::Duration;

use indicatif::ProgressBar;
use isopolity_node::client::Client;
use isopolity_proto::{
    catalog::{
        AllCities, BestEffort, FacetRequest, NamedCities, PartialResponse, SearchRequest, SearchResponse,
        StreamSearchRequest, catalog_service_client::CatalogServiceClient, partial_response::Accept,
        stream_search_response::Part,
    },
    federation::SearchOrder,
    options::Facet,
};
use tonic::Request;

use super::question::question;
use crate::{
    args::{Global, Order, Output, Search},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Search) -> Result<(), Exit> {
    let asked = request(arguments)?;
    let catalog = CatalogServiceClient::new(connect(global).await?).max_decoding_message_size(64 << 20);
    if arguments.all {
        return all(global, arguments, asked, catalog).await;
    }
    let mut catalog = catalog;
    let answer = catalog.search(timed(asked, arguments)).await?.into_inner();
    match global.output {
        Output::Json => output::json(&answer),
        Output::Table => output::answer(&answer),
    }
}

/// The whole answer, hit by hit. In JSON a line for each part, as it comes.
async fn all(
    global: &Global,
    arguments: &Search,
    asked: SearchRequest,
    mut catalog: CatalogServiceClient<Client>,
) -> Result<(), Exit> {
    let request = StreamSearchRequest {
        question: asked.question,
        limit: arguments.limit,
        cities: asked.cities,
        partial_response: asked.partial_response,
        purpose: asked.purpose,
        include_envelope: asked.include_envelope,
        facets: asked.facets,
        explain: asked.explain,
        highlight: asked.highlight,
    };
    let mut parts = catalog.stream_search(timed(request, arguments)).await?.into_inner();
    let waiting = ProgressBar::new_spinner();
    let mut answer = SearchResponse::default();
    while let Some(part) = parts.message().await? {
        if global.output == Output::Json {
            if !output::line_while_read(&output::json_line(&part))? {
                return Ok(());
            }
            continue;
        }
        match part.part {
            Some(Part::Preview(preview)) => {
                let cities = preview.waiting_for.join(", ");
                waiting.set_message(format!("{} match so far; waiting for {cities}", preview.total));
                waiting.tick();
            }
            Some(Part::Hit(hit)) => answer.hits.push(hit),
            Some(Part::End(end)) => {
                answer.total = end.total;
                answer.total_at_least = end.total_at_least;
                answer.coverage = end.coverage;
                answer.outcomes = end.outcomes;
                answer.facets = end.facets;
                answer.explanation = end.explanation;
            }
            None => {}
        }
    }
    waiting.finish_and_clear();
    if global.output == Output::Json { Ok(()) } else { output::answer(&answer) }
}

fn timed<T>(message: T, arguments: &Search) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(deadline) = arguments.deadline_ms {
        request.set_timeout(Duration::from_millis(deadline));
    }
    request
}

fn request(arguments: &Search) -> Result<SearchRequest, Exit> {
    let order = match arguments.order {
        None => SearchOrder::Unspecified,
        Some(Order::Relevance) => SearchOrder::Relevance,
        Some(Order::UpdateTime) => SearchOrder::UpdateTime,
        Some(Order::StartDate) => SearchOrder::StartDate,
        Some(Order::Title) => SearchOrder::Title,
    };
    Ok(SearchRequest {
        question: Some(question(&arguments.asked, order)?),
        page_size: arguments.limit,
        cities: arguments.asked.city.clone(),
        partial_response: Some(PartialResponse { accept: Some(accept(&arguments.require)) }),
        purpose: arguments.asked.purpose.clone(),
        include_envelope: arguments.envelopes,
        page_token: arguments.page_token.clone(),
        facets: arguments.facet.iter().map(|text| facet(text)).collect::<Result<_, _>>()?,
        explain: arguments.explain,
        highlight: arguments.highlight,
    })
}

fn accept(text: &str) -> Accept {
    match (text, text.parse()) {
        ("best-effort", _) => Accept::BestEffort(BestEffort {}),
        ("all", _) => Accept::All(AllCities {}),
        (_, Ok(number)) => Accept::AtLeast(number),
        _ => Accept::Named(NamedCities { cities: text.split(',').map(|city| city.trim().to_owned()).collect() }),
    }
}

fn facet(text: &str) -> Result<FacetRequest, Exit> {
    let (word, limit) = text.split_once(':').unwrap_or((text, "0"));
    let name = format!("FACET_{}", word.to_uppercase().replace('-', "_"));
    let facet = Facet::from_str_name(&name).filter(|facet| *facet != Facet::Unspecified);
    let facet = facet.ok_or_else(|| {
        let known = (1..).map_while(|number| Facet::try_from(number).ok());
        let words: Vec<String> = known
            .map(|facet| facet.as_str_name().trim_start_matches("FACET_").to_lowercase().replace('_', "-"))
            .collect();
        Exit::usage(format!("--facet {text}: there is {}", words.join(", ")))
    })?;
    let limit = limit
        .parse()
        .map_err(|_error: std::num::ParseIntError| Exit::usage(format!("--facet {text}: {limit} is no number")))?;
    Ok(FacetRequest { facet: facet.into(), limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facet_is_named_with_or_without_how_many() {
        assert_eq!(facet("origin-country:5").unwrap(), FacetRequest { facet: Facet::OriginCountry.into(), limit: 5 });
        assert_eq!(facet("kind").unwrap(), FacetRequest { facet: Facet::Kind.into(), limit: 0 });
        for bad in ["colour", "kind:many", "unspecified", ""] {
            facet(bad).unwrap_err();
        }
    }
}
