//! Real handshakes over loopback between two nodes: who is let in, and what both sides know when one is not.

mod bad_certificates;

use std::{io, sync::Arc, time::Duration};

use isopolity_domain::Clock as _;
use isopolity_proto::{admin::PeerState, error::Reason};
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls::{
    ClientConfig, SignatureScheme,
    client::ResolvesClientCert,
    crypto::ring::sign::any_supported_type,
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS12,
};
use rustls_pki_types::ServerName;
use time::Duration as Span;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{H2, LeafKeeper, alert_in_words, api_server_config, client_config, peer_client_config, provider};
use crate::{
    Bundle, HandshakeRefusal, Identity, Leaf, LinkError, ListenerLimits, PeerSettings,
    identity::LEAF_LIFETIME,
    listener::accept_callers,
    testing::{NOW, Node, city, identity, pair, peer_of},
    trust::Trust,
};

const WITHIN: Duration = Duration::from_secs(20);

/// What a caller learns of its attempt: over gRPC, as in operation.
async fn refused(caller: &Node, server: &Node) -> LinkError {
    caller.peers.greet(server.city(), WITHIN).await.unwrap_err()
}

async fn still_serves(server: &Node, caller: &Node) {
    assert_eq!(caller.peers.greet(server.city(), WITHIN).await.map(|answer| answer.approved), Ok(true));
}

/// A caller's side that believes `called`, to be changed by the test.
fn raw_config(called: &Node) -> ClientConfig {
    let trust = Arc::new(Trust::new(called.clock.clone()));
    trust.replace([(called.city().clone(), called.as_peer(PeerState::Active))].into());
    let keeper = LeafKeeper::node(identity("feira.example"), NOW).unwrap();
    let (config, _verifier) = peer_client_config(&trust, &keeper, called.city());
    Arc::unwrap_or_clone(config)
}

/// Shakes hands and waits for the first byte that the server sends to those whom it serves.
async fn raw_attempt(called: &Node, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(called.address).await?;
    let name = ServerName::IpAddress(called.address.ip().into());
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    tls.read_u8().await?;
    Ok(tls)
}

fn showing(leaf: Leaf) -> Arc<dyn ResolvesClientCert> {
    let signer = any_supported_type(&leaf.key).unwrap();
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(leaf.chain, signer)))
}

/// A certificate of this identity's CA for nodes, under these URIs.
fn leaf_with_uris(identity: &Identity, uris: &[&str]) -> Leaf {
    let names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    identity.issue(names, vec![ExtendedKeyUsagePurpose::ClientAuth], NOW, LEAF_LIFETIME).unwrap()
}

fn alert_of(attempt: io::Result<TlsStream<TcpStream>>) -> String {
    let error = attempt.map(drop).unwrap_err();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => alert_in_words(*alert),
        _ => panic!("no alert came: {error:?}"),
    }
}

#[tokio::test]
async fn two_cities_that_know_each_other_shake_hands() {
    let (geneve, feira) = pair().await;
    still_serves(&geneve, &feira).await;
    let (peer, _) = geneve.last_call.lock().unwrap().clone().unwrap();
    assert_eq!(&peer.city, feira.city());
    assert_eq!(geneve.peers.health(feira.city()).inbound, None);
}

#[tokio::test]
async fn a_city_that_is_only_invited_passes_the_handshake() {
    let (geneve, feira) = pair().await;
    geneve.peers.set(vec![feira.as_peer(PeerState::Invited)]);
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn the_wrong_ca_is_refused_and_both_sides_know() {
    let (geneve, feira) = pair().await;
    let impostor = Node::start("feira.example").await;
    impostor.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    let error = refused(&impostor, &geneve).await;
    assert_eq!(error.reason, Reason::TlsHandshake);
    assert!(error.description.contains("not issued by a CA in the bundle that it holds of us"), "{error}");
    let trouble = geneve.inbound_trouble(feira.city());
    assert!(trouble.contains("not issued by a CA in the city's trust bundle"), "{trouble}");
    still_serves(&geneve, &feira).await;
    assert_eq!(geneve.inbound_trouble(feira.city()), "", "a call without trouble ends the trouble");
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_both_sides_know() {
    let (geneve, feira) = pair().await;
    geneve.clock.advance(LEAF_LIFETIME + Span::hours(1));
    let error = refused(&feira, &geneve).await;
    assert!(error.description.contains("our certificate has expired"), "{error}");
    let trouble = geneve.inbound_trouble(feira.city());
    assert!(trouble.contains("the certificate expired at 2013-03-22"), "{trouble}");
    feira.clock.advance(LEAF_LIFETIME + Span::hours(1));
    for node in [&geneve, &feira] {
        assert!(node.peers.leaf().renew_if_due(node.clock.now()).unwrap());
    }
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_refused_and_both_sides_know() {
    let (geneve, feira) = pair().await;
    geneve.clock.advance(Span::hours(-1));
    let error = refused(&feira, &geneve).await;
    assert!(error.description.contains("not valid yet"), "{error}");
    let trouble = geneve.inbound_trouble(feira.city());
    assert!(trouble.contains("valid only from 2013-03-15 11:55"), "{trouble}");
    geneve.clock.advance(Span::hours(1));
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn one_citys_ca_cant_speak_for_another_city() {
    let (geneve, feira) = pair().await;
    let kenitra = Node::start("kenitra.example").await;
    geneve.peers.set(vec![feira.as_peer(PeerState::Active), kenitra.as_peer(PeerState::Active)]);
    let mut config = raw_config(&geneve);
    config.client_auth_cert_resolver = showing(leaf_with_uris(&feira.identity, &["spiffe://kenitra.example/node"]));
    let alert = alert_of(raw_attempt(&geneve, config).await);
    assert!(alert.contains("not issued by a CA in the bundle"), "{alert}");
    let trouble = geneve.inbound_trouble(kenitra.city());
    assert!(trouble.contains("a CA of feira.example issued it"), "{trouble}");
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn the_caller_refuses_a_server_of_another_city() {
    let (geneve, feira) = pair().await;
    // Kénitra's bundle names Geneva's listener: by mistake, or because somebody took its address.
    let kenitra = identity("kenitra.example");
    let misled = peer_of(&kenitra, &geneve.endpoint(), PeerState::Active);
    feira.peers.set(vec![geneve.as_peer(PeerState::Active), misled]);
    let error = feira.peers.greet(kenitra.city(), WITHIN).await.unwrap_err();
    assert!(error.description.contains("names geneve.example, not kenitra.example"), "{error}");
    let trouble = feira.peers.health(kenitra.city()).outbound.unwrap();
    assert_eq!((trouble.reason, trouble.description), (Reason::TlsHandshake, error.description));
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn the_caller_refuses_a_server_with_the_wrong_ca() {
    let (geneve, feira) = pair().await;
    let other = identity("geneve.example");
    feira.peers.set(vec![peer_of(&other, &geneve.endpoint(), PeerState::Active)]);
    let error = refused(&feira, &geneve).await;
    assert!(error.description.contains("the peer was refused: the certificate is not issued by"), "{error}");
    feira.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn t5_who_shows_no_certificate_is_refused_and_told_so() {
    #[derive(Debug)]
    struct Nothing;
    impl ResolvesClientCert for Nothing {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            None
        }
        fn has_certs(&self) -> bool {
            false
        }
    }
    let (geneve, feira) = pair().await;
    let mut config = raw_config(&geneve);
    config.client_auth_cert_resolver = Arc::new(Nothing);
    let alert = alert_of(raw_attempt(&geneve, config).await);
    assert!(alert.contains("we showed no certificate"), "{alert}");
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn a_certificate_without_exactly_one_spiffe_id_is_refused() {
    let (geneve, feira) = pair().await;
    let own = "spiffe://feira.example/node";
    let wrong: [&[&str]; 4] =
        [&[own, "spiffe://kenitra.example/node"], &[own, "https://a.example"], &["spiffe://feira.example"], &[]];
    for uris in wrong {
        let mut config = raw_config(&geneve);
        config.client_auth_cert_resolver = showing(leaf_with_uris(&feira.identity, uris));
        let alert = alert_of(raw_attempt(&geneve, config).await);
        assert!(alert.contains("does not carry the SPIFFE ID"), "{uris:?}: {alert}");
    }
    let mut config = raw_config(&geneve);
    config.client_auth_cert_resolver = showing(leaf_with_uris(&feira.identity, &[own]));
    assert!(raw_attempt(&geneve, config).await.is_ok(), "the same with its one id is let in");
}

#[tokio::test]
async fn a_certificate_of_the_api_opens_no_door_between_nodes() {
    let (geneve, feira) = pair().await;
    let names = vec![SanType::URI("spiffe://feira.example/node".try_into().unwrap())];
    let server_only = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut config = raw_config(&geneve);
    config.client_auth_cert_resolver = showing(feira.identity.issue(names, server_only, NOW, LEAF_LIFETIME).unwrap());
    let alert = alert_of(raw_attempt(&geneve, config).await);
    assert!(alert.contains("can't be used between nodes"), "{alert}");
    assert!(geneve.inbound_trouble(feira.city()).contains("extended key usage"));
}

#[tokio::test]
async fn a_city_that_is_not_a_peer_is_refused_and_told_so() {
    let (geneve, feira) = pair().await;
    let stranger = Node::start("kenitra.example").await;
    stranger.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    let error = refused(&stranger, &geneve).await;
    assert!(error.description.contains("our city is not a peer there"), "{error}");
    assert_eq!(geneve.inbound_trouble(stranger.city()), "", "strangers are logged, not remembered");
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn a_city_that_is_suspended_or_was_left_passes_the_handshake_so_that_it_can_be_told_why() {
    let (geneve, feira) = pair().await;
    for state in [PeerState::Suspended, PeerState::Left] {
        geneve.peers.set(vec![feira.as_peer(state)]);
        still_serves(&geneve, &feira).await;
    }
    geneve.peers.set(vec![PeerSettings { state: PeerState::Unspecified, ..feira.as_peer(PeerState::Left) }]);
    let error = refused(&feira, &geneve).await;
    assert!(error.description.contains("suspended or ended the peering"), "{error}");
}

#[tokio::test]
async fn a_guest_is_let_in_only_while_an_invitation_is_open_and_never_as_a_peer() {
    let (geneve, feira) = pair().await;
    let stranger = Node::start("kenitra.example").await;
    stranger.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    assert!(refused(&stranger, &geneve).await.description.contains("our city is not a peer there"));
    geneve.peers.let_guests_in_until(Some(NOW + Span::hours(1)));
    still_serves(&geneve, &stranger).await;
    let identity = geneve.last_call.lock().unwrap().clone().unwrap().0;
    let guest = identity.guest.expect("a stranger is a guest");
    assert_eq!(geneve.peers.connections(stranger.city()), 0, "its connection is not one of a peer");

    // Its certificate is looked at again when it presents a bundle.
    let bundle = |of: &Node| Bundle::parse(&of.identity.sign_bundle(&of.endpoint(), 1, NOW)).unwrap();
    assert_eq!(geneve.peers.belongs_to(&guest, &bundle(&stranger)), Ok(()));
    let namesake = Node::start("kenitra.example").await;
    assert_eq!(geneve.peers.belongs_to(&guest, &bundle(&namesake)), Err(HandshakeRefusal::UntrustedCa));
    assert_eq!(geneve.peers.belongs_to(&guest, &bundle(&feira)), Err(HandshakeRefusal::NotSpiffe));

    // A peer is no guest, whatever certificate is shown in its name.
    let impostor = Node::start("feira.example").await;
    impostor.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    assert!(refused(&impostor, &geneve).await.description.contains("not issued by a CA"));
    geneve.clock.advance(Span::hours(1));
    let late = Node::start("lisboa.example").await;
    late.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    assert!(refused(&late, &geneve).await.description.contains("our city is not a peer there"));
}

#[tokio::test]
async fn a_city_whose_bundle_has_expired_is_refused_and_told_so() {
    let (geneve, feira) = pair().await;
    let signed = NOW - crate::bundle::LIFETIME + Span::days(1);
    let bundle = Bundle::parse(&feira.identity.sign_bundle(&feira.endpoint(), 1, signed)).unwrap();
    geneve.peers.set(vec![PeerSettings { bundle, ..feira.as_peer(PeerState::Active) }]);
    still_serves(&geneve, &feira).await;
    geneve.peers.close_connections(feira.city());
    geneve.clock.advance(Span::days(2));
    let error = refused(&feira, &geneve).await;
    assert!(error.description.contains("bundle which it holds of us has expired"), "{error}");
    assert!(geneve.inbound_trouble(feira.city()).contains("trust bundle held of feira.example has expired"));
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let (geneve, feira) = pair().await;
    let config = raw_config(&geneve);
    let mut old = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_client_cert_resolver(config.client_auth_cert_resolver);
    old.alpn_protocols = vec![H2.to_vec()];
    let alert = alert_of(raw_attempt(&geneve, old).await);
    assert!(alert.contains("TLS version"), "{alert}");
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn no_session_is_ever_resumed() {
    let (geneve, feira) = pair().await;
    let mut config = raw_config(&geneve);
    config.client_auth_cert_resolver = showing(feira.identity.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap());
    // A caller that would resume if it could.
    config.resumption = rustls::client::Resumption::in_memory_sessions(8);
    for _ in 0..2 {
        let tls = raw_attempt(&geneve, config.clone()).await.unwrap();
        assert_eq!(tls.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
    geneve.peers.set(Vec::new());
    assert!(raw_attempt(&geneve, config).await.is_err());
}

#[tokio::test]
async fn a_certificate_is_renewed_while_connections_stay() {
    let (geneve, feira) = pair().await;
    let mut config = raw_config(&geneve);
    config.client_auth_cert_resolver = showing(feira.identity.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap());
    let shown = |tls: &TlsStream<TcpStream>| tls.get_ref().1.peer_certificates().unwrap()[0].clone();
    still_serves(&geneve, &feira).await;
    let before = shown(&raw_attempt(&geneve, config.clone()).await.unwrap());

    let keeper = geneve.peers.leaf();
    geneve.clock.advance(LEAF_LIFETIME / 2 - Span::minutes(1));
    assert!(!keeper.renew_if_due(geneve.clock.now()).unwrap());
    geneve.clock.advance(Span::minutes(1));
    assert!(keeper.renew_if_due(geneve.clock.now()).unwrap());
    assert!(!keeper.renew_if_due(geneve.clock.now()).unwrap(), "once is enough");
    assert_eq!(keeper.expires(), geneve.clock.now() + LEAF_LIFETIME);

    let after = shown(&raw_attempt(&geneve, config).await.unwrap());
    assert_ne!(before, after);
    // A new connection would be refused: Feira's clock stands before Geneva's new certificate. So it is the old one.
    still_serves(&geneve, &feira).await;
}

#[tokio::test]
async fn the_api_is_believed_by_who_has_its_ca_and_by_nobody_else() {
    let geneve = identity("geneve.example");
    let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let at = isopolity_domain::clock::SystemClock.now();
    // A program's own TLS goes by the machine's clock, so the certificates of this test do too.
    let folder = tempfile::tempdir().unwrap();
    let own = Identity::create(&folder.path().join("trust"), &city("geneve.example"), at).unwrap();
    let keeper = LeafKeeper::api(own.clone(), hosts, at).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut incoming = accept_callers(listener, api_server_config(&keeper), ListenerLimits::default());
    let echo = async move {
        use futures::StreamExt as _;
        let mut connection = incoming.next().await.unwrap().unwrap();
        let byte = connection.read_u8().await.unwrap();
        connection.write_u8(byte).await.unwrap();
        connection.flush().await.unwrap();
        incoming
    };
    let call = |pem: String, name: &'static str| async move {
        let tcp = TcpStream::connect(address).await?;
        let config = client_config(&pem).unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name.try_into().unwrap(), tcp).await?;
        tls.write_u8(7).await?;
        tls.read_u8().await
    };
    let wrong = call(geneve.ca_pem(), "localhost").await.unwrap_err();
    assert!(wrong.to_string().contains("UnknownIssuer") || wrong.to_string().contains("BadSignature"), "{wrong}");
    assert!(call(own.ca_pem(), "other.example").await.is_err());
    let (answer, _incoming) = tokio::join!(call(own.ca_pem(), "localhost"), echo);
    assert_eq!(answer.unwrap(), 7);
    assert!(client_config("nothing").is_err());
}
