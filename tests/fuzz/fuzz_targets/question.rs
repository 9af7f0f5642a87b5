//! A question with all that belongs to it, as a peer sends it.
#![no_main]

use isopolity_domain::{
    answer::After,
    query,
    question::{check_query_facets, check_question, check_watch},
};
use isopolity_proto::federation::QueryRequest;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = QueryRequest::decode(bytes) else { return };
    let question = request.question.clone().unwrap_or_default();
    let _ = check_watch(&question, "question");
    let _ = check_query_facets(&request.facets, "facets");
    if let Ok(order) = check_question(&question, "question") {
        let _ = query::parse(&question.text);
        if let Some(after) = request.after.as_ref().and_then(|after| After::from_proto(after, order)) {
            assert_eq!(After::from_proto(&after.to_proto(), order), Some(after));
        }
    }
});
