//! Asking this city and its peers.

use std::time::Duration;

use isopolity_proto::{
    catalog::{
        AllCities, BestEffort, NamedCities, PartialResponse, SearchRequest,
        catalog_service_client::CatalogServiceClient, partial_response::Accept,
    },
    federation::{Question, SearchOrder, SectorPrefix},
    registry::PartnershipStage,
    types::SectorScheme,
};
use tonic::Request;

use crate::{
    args::{Global, Order, Output, Search},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Search) -> Result<(), Exit> {
    let mut request = Request::new(request(arguments)?);
    if let Some(deadline) = arguments.deadline_ms {
        request.set_timeout(Duration::from_millis(deadline));
    }
    let mut catalog = CatalogServiceClient::new(connect(global).await?).max_decoding_message_size(64 << 20);
    let answer = catalog.search(request).await?.into_inner();
    match global.output {
        Output::Json => output::json(&answer),
        Output::Table => output::answer(&answer),
    }
}

fn request(arguments: &Search) -> Result<SearchRequest, Exit> {
    let order = match arguments.order {
        None => SearchOrder::Unspecified,
        Some(Order::Relevance) => SearchOrder::Relevance,
        Some(Order::UpdateTime) => SearchOrder::UpdateTime,
    };
    let question = Question {
        text: arguments.words.join(" "),
        kinds: arguments.kind.clone(),
        origin_countries: arguments.country.iter().map(|code| code.to_uppercase()).collect(),
        sectors: arguments.sector.iter().map(|text| sector(text)).collect::<Result<_, _>>()?,
        stages: arguments.stage.iter().map(|text| stage(text)).collect::<Result<_, _>>()?,
        languages: arguments.language.clone(),
        order: order.into(),
    };
    Ok(SearchRequest {
        question: Some(question),
        page_size: arguments.limit,
        cities: arguments.city.clone(),
        partial_response: Some(PartialResponse { accept: Some(accept(&arguments.require)) }),
        purpose: arguments.purpose.clone(),
        include_envelope: arguments.envelopes,
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

fn sector(text: &str) -> Result<SectorPrefix, Exit> {
    let parts: Vec<&str> = text.split(':').collect();
    let (scheme, version, code) = match parts.as_slice() {
        [code] => (SectorScheme::Unspecified, "", *code),
        [scheme, version, code] => {
            let scheme = match scheme.to_lowercase().as_str() {
                "nace" => SectorScheme::Nace,
                "isic" => SectorScheme::Isic,
                _ => return Err(Exit::usage(format!("--sector {text}: the scheme is nace or isic"))),
            };
            (scheme, *version, *code)
        }
        _ => return Err(Exit::usage(format!("--sector {text}: write CODE or SCHEME:VERSION:CODE"))),
    };
    Ok(SectorPrefix { scheme: scheme.into(), version: version.to_owned(), code: code.to_owned() })
}

fn stage(text: &str) -> Result<i32, Exit> {
    let name = format!("PARTNERSHIP_STAGE_{}", text.to_uppercase().replace(['-', ' '], "_"));
    PartnershipStage::from_str_name(&name).map(i32::from).ok_or_else(|| {
        let all: Vec<String> = (1..=9)
            .filter_map(|number| PartnershipStage::try_from(number).ok())
            .map(|stage| stage.as_str_name().trim_start_matches("PARTNERSHIP_STAGE_").to_lowercase().replace('_', "-"))
            .collect();
        Exit::usage(format!("--stage {text}: there is {}", all.join(", ")))
    })
}
