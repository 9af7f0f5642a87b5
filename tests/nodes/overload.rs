//! More than a node can do, and callers who mean it harm: whatever one of them does, the others are served.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use h2::client::{Connection, SendRequest};
use http::{HeaderMap, Request, header::HeaderValue};
use isopolity_domain::{Clock as _, clock::FixedClock};
use isopolity_proto::federation::{
    QueryRequest, federation_service_client::FederationServiceClient, query_response::Part,
};
use isopolity_tests::{
    TestNode, federation,
    refusal::reason,
    sample::{asking, partnership, partnerships},
    stranger::{self, Shown},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::client::TlsStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Where a caller who means harm calls from. Everybody else is at 127.0.0.1.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// No test waits longer for an attack to be ended.
const PATIENCE: Duration = Duration::from_secs(30);
/// A method that anyone may call.
const METHOD: &str = "https://node/isopolity.catalog.v1.CatalogService/Search";

type Attack = (SendRequest<Bytes>, Connection<TlsStream<TcpStream>, Bytes>);

async fn attack(address: SocketAddr) -> Attack {
    let tls = stranger::connection(address, ELSEWHERE, None).await.unwrap();
    h2::client::handshake(tls).await.unwrap()
}

fn call() -> Request<()> {
    Request::post(METHOD).header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap()
}

/// What was refused says when to come back.
fn comes_back(refused: &Status) {
    assert_eq!(reason(refused), (Code::ResourceExhausted, "OVERLOADED".to_owned()), "{refused:?}");
    assert!(refused.get_details_retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
}

/// Whether the node cut the caller's connection off, because it opens more than is ever read there.
fn is_cut_off(refused: &Status) -> bool {
    let mut next = std::error::Error::source(refused);
    while let Some(error) = next {
        if error.downcast_ref::<h2::Error>().is_some_and(|error| error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM))
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// How a peer shows itself to another's listener.
fn shown(peer: &TestNode, clock: &FixedClock) -> Shown {
    stranger::signed_by(&peer.trust(), &format!("spiffe://{}/node", peer.city()), clock.now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_of_ten_times_as_many_questions_as_are_taken_each_is_answered_in_full_or_told_to_come_back() {
    let feira = TestNode::start("feira.example").await;
    for number in 0..5 {
        feira.api.create(&format!("p{number}"), partnership("Cork", "MA")).await;
    }
    // As many channels as a caller has who opens one for each program.
    let callers = join_all((0..16).map(|_| feira.api_with(Some(&feira.token)))).await;
    let questions = (0..1_600).map(|number| {
        let api = &callers[number % callers.len()];
        async move { api.search(asking(partnerships())).await }
    });
    let (mut answered, mut refused) = (0, 0);
    for answer in join_all(questions).await {
        match answer {
            Ok(answer) => {
                assert_eq!((answer.total, answer.hits.len()), (5, 5), "an answer is whole");
                answered += 1;
            }
            Err(status) => {
                comes_back(&status);
                refused += 1;
            }
        }
    }
    assert!(answered >= 160 && refused > 0, "{answered} answered, {refused} refused");
    assert_eq!(feira.api.ask(partnerships()).await.total, 5, "afterwards all is as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_a_peer_that_asks_fifty_times_as_much_as_it_may_costs_no_other_an_answer() {
    let [geneve, noisy, quiet] = federation::of(["geneve.example", "noisy.example", "quiet.example"]).await;
    geneve.api.create("one", partnership("Cork", "MA")).await;
    geneve.caught_up().await;
    let clock = geneve.clock.clone();
    let as_peer = |peer: &TestNode| {
        let channel = stranger::channel(geneve.node().federation_address(), Some(shown(peer, &clock)));
        FederationServiceClient::new(channel)
    };
    let question = || QueryRequest {
        question: Some(partnerships()),
        limit: 10,
        purpose: "research".to_owned(),
        ..QueryRequest::default()
    };

    let mut flood = JoinSet::new();
    let channels: Vec<_> = (0..8).map(|_| as_peer(&noisy)).collect();
    for number in 0..3_200 {
        let (mut client, question) = (channels[number % channels.len()].clone(), question());
        flood.spawn(async move {
            let mut parts = client.query(question).await?.into_inner();
            while parts.message().await?.is_some() {}
            Ok::<_, Status>(())
        });
    }
    let mut client = as_peer(&quiet);
    for _ in 0..20 {
        let mut parts = client.query(question()).await.expect("the quiet peer is always served").into_inner();
        let mut hits = 0;
        while let Some(part) = parts.message().await.unwrap() {
            hits += match part.part.unwrap() {
                Part::Hits(several) => several.hits.len(),
                Part::Hit(_) => 1,
                Part::Start(_) | Part::End(_) => 0,
            };
        }
        assert_eq!(hits, 1);
    }
    let (mut answered, mut refused, mut cut_off) = (0, 0, 0);
    while let Some(ended) = flood.join_next().await {
        match ended.unwrap() {
            Ok(()) => answered += 1,
            // On a busy machine the flood may also run into the limit of its connection.
            Err(status) if is_cut_off(&status) => cut_off += 1,
            Err(status) => {
                comes_back(&status);
                refused += 1;
            }
        }
    }
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused, {cut_off} cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_ten_thousand_streams_that_are_never_sent_to_their_end_hold_nobody_up() {
    let node = TestNode::plan("feira.example").open_to_everyone().start().await;
    let address = node.node().api_address();
    let (mut tasks, mut kept, mut answers) = (JoinSet::new(), Vec::new(), Vec::new());
    for _ in 0..100 {
        let (mut sender, connection) = attack(address).await;
        tasks.spawn(connection);
        for _ in 0..100 {
            sender = sender.ready().await.unwrap();
            let (answer, stream) = sender.send_request(call(), false).unwrap();
            answers.push(answer);
            kept.push(stream);
        }
        kept_alive(&mut tasks);
    }
    assert_eq!(kept.len(), 10_000);
    // Somebody else is answered while all of them are open.
    let other = node.api_with(None).await;
    for _ in 0..20 {
        assert_eq!(other.ask(partnerships()).await.total, 0);
    }
    // All but as many as one address may have in hand were refused at once.
    let mut refused = BTreeMap::<String, usize>::new();
    while refused.values().sum::<usize>() < 10_000 - 256 {
        let next = tokio::time::timeout(PATIENCE, futures::future::select_all(answers));
        let (answer, _, rest) = next.await.expect("those that are too many are refused");
        answers = rest;
        let status = answer.unwrap().headers()["grpc-status"].to_str().unwrap().to_owned();
        *refused.entry(status).or_default() += 1;
    }
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), [("8".to_owned(), 10_000 - 256)], "RESOURCE_EXHAUSTED");
}

/// None of the connections has ended.
fn kept_alive(tasks: &mut JoinSet<Result<(), h2::Error>>) {
    assert!(tasks.try_join_next().is_none(), "a connection was ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_who_opens_and_resets_streams_without_end_is_cut_off_and_others_are_not() {
    let node = TestNode::plan("feira.example").open_to_everyone().start().await;
    let other = node.api_with(None).await;
    let (mut sender, connection) = attack(node.node().api_address()).await;
    let ended = tokio::spawn(connection);
    let mut resets = 0;
    while let Ok(ready) = sender.clone().ready().await {
        sender = ready;
        let Ok((_, mut stream)) = sender.send_request(call(), false) else { break };
        stream.send_reset(h2::Reason::CANCEL);
        resets += 1;
        assert!(resets < 1_000_000, "nothing was done about it");
    }
    let error = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().unwrap_err();
    // What the node says at last may be lost where more was on its way to it.
    assert!(error.is_io() || (error.is_remote() && error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM)), "{error}");
    assert_eq!(other.ask(partnerships()).await.total, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_headers_that_are_too_many_are_refused_and_a_flood_of_them_is_cut_off() {
    let node = TestNode::plan("feira.example").open_to_everyone().start().await;
    let address = node.node().api_address();
    let (mut sender, connection) = attack(address).await;
    let _connection = tokio::spawn(connection);
    let mut large = call();
    let value = HeaderValue::from_str(&"x".repeat(1_000)).unwrap();
    let headers: &mut HeaderMap = large.headers_mut();
    for number in 0..32 {
        headers.insert(http::HeaderName::try_from(format!("x-{number}")).unwrap(), value.clone());
    }
    let (answer, _stream) = sender.send_request(large, true).unwrap();
    let refused = match answer.await {
        Ok(answer) => answer.status() == http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Err(_reset) => true,
    };
    assert!(refused, "32,000 bytes of headers were taken");

    // A header block that never ends (CVE-2024-27316 and its kind): h2 as a client would not send it.
    let mut tls = stranger::connection(address, ELSEWHERE, None).await.unwrap();
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    tls.write_all(&frame(0x4, 0, 0, &[])).await.unwrap();
    // HEADERS without END_HEADERS, then CONTINUATION without end: each holds literal fields without indexing.
    let field = [&[0x00, 0x01, b'x', 0x7f, 0x81, 0x07][..], &[b'y'; 256]].concat();
    let block = field.repeat(60);
    tls.write_all(&frame(0x1, 0, 1, &block)).await.unwrap();
    let flood = async {
        let mut sent = 0_u64;
        while tls.write_all(&frame(0x9, 0, 1, &block)).await.is_ok() && tls.flush().await.is_ok() {
            sent += 1;
            assert!(sent < 100_000, "{sent} frames were taken");
        }
        let mut rest = Vec::new();
        drop(tls.read_to_end(&mut rest).await);
        sent
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("the flood is ended");
    assert_eq!(node.api_with(None).await.ask(partnerships()).await.total, 0);
}

/// An HTTP/2 frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
