//! Code lists over the wire.

use isopolity_proto::registry::{
    ConversionCertainty::{self, Candidate, Official, Renamed, Same},
    ConvertCodeRequest, ListCodeListsRequest, ListCodesRequest, ListCodesResponse,
    code_service_client::CodeServiceClient,
};
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, reason},
};
use tonic::{Code, Status};

async fn list(api: &Api, request: ListCodesRequest) -> Result<ListCodesResponse, Status> {
    Ok(CodeServiceClient::new(api.client.clone()).list_codes(request).await?.into_inner())
}

async fn convert(api: &Api, list: &str, code: &str, to: &str) -> Result<Vec<(String, ConversionCertainty)>, Status> {
    let request = ConvertCodeRequest { list: list.into(), code: code.into(), to_list: to.into() };
    let found = CodeServiceClient::new(api.client.clone()).convert_code(request).await?.into_inner().codes;
    Ok(found.into_iter().map(|one| (one.code.as_ref().unwrap().code.clone(), one.certainty())).collect())
}

fn of(list: &str) -> ListCodesRequest {
    ListCodesRequest { list: list.into(), ..Default::default() }
}

fn codes(page: &ListCodesResponse) -> Vec<&str> {
    page.codes.iter().map(|code| code.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_says_what_it_is_and_holds_what_it_says() {
    let feira = TestNode::start("feira.example").await;
    let mut client = CodeServiceClient::new(feira.api.client.clone());
    let lists = client.list_code_lists(ListCodeListsRequest {}).await.unwrap().into_inner().lists;
    assert!(lists.is_sorted_by_key(|list| list.list.clone()));
    let countries = lists.iter().find(|list| list.list == "iso3166-1").unwrap();
    assert!(countries.languages.contains(&"ar".to_owned()), "{countries:?}");
    for described in &lists {
        assert!(![&described.title, &described.source, &described.licence].iter().any(|text| text.is_empty()));
        let mut request = ListCodesRequest { page_size: 1_000, include_withdrawn: true, ..of(&described.list) };
        let mut found = 0;
        loop {
            let page = list(&feira.api, request.clone()).await.unwrap();
            found += page.codes.len();
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(i64::try_from(found).unwrap(), described.codes, "{}", described.list);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_found_by_words_in_any_language_of_the_list() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    let anyone = feira.api_with(None).await;
    for query in ["Maroc", "morocco", "المغرب", "MA"] {
        let page = list(&anyone, ListCodesRequest { query: query.into(), ..of("iso3166-1") }).await.unwrap();
        assert!(codes(&page).contains(&"MA"), "{query}: {page:?}");
    }
    let bread = list(&anyone, ListCodesRequest { parent_code: "10.7".into(), ..of("nace-2.1") }).await.unwrap();
    assert_eq!(codes(&bread), ["10.71", "10.72", "10.73"]);
    assert!(bread.codes.iter().all(|code| code.parent_code == "10.7" && !code.labels.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_code_is_listed_only_for_those_who_ask() {
    let feira = TestNode::start("feira.example").await;
    let ask = |include_withdrawn| ListCodesRequest { query: "DEM".into(), include_withdrawn, ..of("iso4217") };
    assert!(!codes(&list(&feira.api, ask(false)).await.unwrap()).contains(&"DEM"));
    let all = list(&feira.api, ask(true)).await.unwrap();
    assert!(all.codes.iter().any(|code| code.code == "DEM" && code.withdrawn), "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_hold_each_code_once_and_a_token_belongs_to_its_question() {
    let feira = TestNode::start("feira.example").await;
    let small = ListCodesRequest { page_size: 7, ..of("sdg-goal") };
    let mut request = small.clone();
    let mut found = Vec::new();
    let mut tokens = Vec::new();
    loop {
        let page = list(&feira.api, request.clone()).await.unwrap();
        found.extend(page.codes.into_iter().map(|code| code.code));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token.clone_from(&page.next_page_token);
        tokens.push(page.next_page_token);
    }
    found.sort();
    found.dedup();
    assert_eq!((found.len(), tokens.len()), (17, 2));
    let other = ListCodesRequest { query: "water".into(), page_token: tokens[0].clone(), ..small };
    let refused = list(&feira.api, other).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_says_how_sure_it_is_and_chooses_nothing() {
    let feira = TestNode::start("feira.example").await;
    let split = convert(&feira.api, "isic-4", "1071", "nace-2").await.unwrap();
    assert_eq!(split, [("10.71".into(), Official), ("10.72".into(), Official)]);
    assert_eq!(convert(&feira.api, "nace-2", "C", "nace-2.1").await.unwrap(), [("C".into(), Same)]);
    assert_eq!(convert(&feira.api, "nace-2", "10.52", "nace-2.1").await.unwrap(), [("10.52".into(), Renamed)]);
    let candidates = convert(&feira.api, "nace-2", "K", "nace-2.1").await.unwrap();
    assert!(candidates.len() > 1 && candidates.iter().all(|(_, certainty)| *certainty == Candidate), "{candidates:?}");
    assert_eq!(convert(&feira.api, "nace-2", "91.02", "nace-2.1").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_exist_is_refused_with_what_was_probably_meant() {
    let feira = TestNode::start("feira.example").await;
    for (request, expected, field) in [
        (of(""), "FIELD_REQUIRED", "list"),
        (of("nace-3"), "CODE_UNKNOWN", "list"),
        (ListCodesRequest { parent_code: "10.7x".into(), ..of("nace-2.1") }, "CODE_UNKNOWN", "parent_code"),
        (ListCodesRequest { page_size: 1_001, ..of("nace-2.1") }, "PAGE_SIZE_OUT_OF_RANGE", "page_size"),
        (ListCodesRequest { query: "x".repeat(201), ..of("nace-2.1") }, "FIELD_INVALID", "query"),
    ] {
        let refused = list(&feira.api, request).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, expected.to_owned()));
        assert_eq!(fields(&refused), [field]);
    }
    let refused = convert(&feira.api, "nace-2", "1071", "nace-2.1").await.unwrap_err();
    assert_eq!(fields(&refused), ["code"]);
    assert!(refused.message().contains("10.71"), "{refused:?}");
    let refused = convert(&feira.api, "nace-2.1", "10.71", "isic-4").await.unwrap_err();
    assert_eq!(fields(&refused), ["to_list"]);
    let anyone = feira.api_with(None).await;
    assert_eq!(list(&anyone, of("nace-2")).await.unwrap_err().code(), Code::Unauthenticated);
}
