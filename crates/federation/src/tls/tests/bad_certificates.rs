//! Each kind of bad certificate, as a caller's and as a server's: both sides name what is wrong.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::*;
use crate::{
    Bundle, bundle,
    identity::{CRL_LIFETIME, Pki},
    testing::{lasting_identity, openssl},
};

const FEIRA: &str = "spiffe://feira.example/node";

/// What Feira shows, and by which words each side names what is wrong with it.
struct Case {
    name: &'static str,
    identity: Identity,
    leaf: Leaf,
    /// Feira's bundle as Geneva holds it.
    bundle: Bundle,
    here: &'static str,
    there: &'static str,
}

fn bundle_of(identity: &Identity, signed: OffsetDateTime) -> Bundle {
    Bundle::parse(&identity.sign_bundle("https://127.0.0.1:1", 1, signed)).unwrap()
}

fn both() -> Vec<ExtendedKeyUsagePurpose> {
    vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth]
}

fn params(uri: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = NOW - Span::minutes(5);
    params.not_after = NOW + Span::days(1);
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params.distinguished_name.push(rcgen::DnType::CommonName, "a test's leaf");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = both();
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = NOW - Span::days(1);
    params.not_after = NOW + Span::days(365);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Leaf {
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let (not_before, not_after) = (NOW - Span::minutes(5), NOW + Span::days(1));
    Leaf { chain, key: Zeroizing::new(secret), not_before, not_after }
}

/// A chain over an intermediate CA; with `gap` the intermediate one is not shown.
fn over_an_intermediate(gap: bool) -> (Identity, Leaf) {
    let (root_key, middle_key, key) =
        (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = ca_params("Root of a city's own PKI").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::from_ca_cert_der(root.der(), root_key).unwrap();
    let middle = ca_params("Intermediate of a city's own PKI").signed_by(&middle_key, &root_issuer).unwrap();
    let middle_issuer = Issuer::from_ca_cert_der(middle.der(), middle_key).unwrap();
    let end = params(FEIRA).signed_by(&key, &middle_issuer).unwrap();
    let mut chain = vec![end.der().clone()];
    if !gap {
        chain.push(middle.der().clone());
    }
    let feira = identity("feira.example");
    feira.use_pki(Pki { authorities: vec![root.der().clone()], crls: Vec::new() });
    (feira, leaf(chain, &key))
}

/// Certificates of a CA that `openssl` makes: one signed with SHA-1, one below an intermediate CA with RSA of 1024 bits.
fn weak(short_key: bool) -> (Identity, Leaf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    std::fs::write(folder.join("ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
        .unwrap();
    let end = format!(
        "subjectAltName=URI:{FEIRA}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n"
    );
    std::fs::write(folder.join("end.ext"), end).unwrap();
    // Valid at the time of these tests, which openssl can't be told in every version.
    let run = |arguments: &str| openssl(folder, arguments);
    run(
        "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=Root -sha256 -days 2 -set_serial 1",
    );
    run("ecparam -name prime256v1 -genkey -noout -out end.ec");
    run("pkcs8 -topk8 -nocrypt -in end.ec -out end.key");
    run("req -new -key end.key -out end.csr -subj /CN=end");
    let (issuer, issuer_key, digest) = if short_key {
        run("req -newkey rsa:1024 -nodes -keyout middle.key -out middle.csr -subj /CN=Middle");
        run(
            "x509 -req -in middle.csr -CA root.pem -CAkey root.key -set_serial 2 -out middle.pem -days 2 -sha256 -extfile ca.ext",
        );
        ("middle.pem", "middle.key", "-sha256")
    } else {
        ("root.pem", "root.key", "-sha1")
    };
    run(&format!(
        "x509 -req -in end.csr -CA {issuer} -CAkey {issuer_key} -set_serial 3 -out end.pem -days 2 {digest} -extfile end.ext"
    ));
    let certificate = |file: &str| CertificateDer::from_pem_file(folder.join(file)).unwrap();
    let mut chain = vec![certificate("end.pem")];
    if short_key {
        chain.push(certificate("middle.pem"));
    }
    let feira = identity("feira.example");
    feira.use_pki(Pki { authorities: vec![certificate("root.pem")], crls: Vec::new() });
    let key = PrivateKeyDer::from_pem_file(folder.join("end.key")).unwrap();
    let leaf = Leaf { chain, key: Zeroizing::new(key), not_before: NOW, not_after: NOW + Span::days(1) };
    (feira, leaf)
}

fn cases(kenitra: &Identity) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, identity: &Identity, leaf, bundle: Option<Bundle>, here, there| {
        let bundle = bundle.unwrap_or_else(|| bundle_of(identity, NOW));
        cases.push(Case { name, identity: identity.clone(), leaf, bundle, here, there });
    };
    let feira = identity("feira.example");
    let uri = || vec![SanType::URI(FEIRA.try_into().unwrap())];

    let expired = feira.issue_node_leaf(NOW - Span::days(8), LEAF_LIFETIME).unwrap();
    add("expired", &feira, expired, None, "the certificate expired at 2013-03-14", "it has expired by our clock too");
    let tomorrow = feira.issue_node_leaf(NOW + Span::days(1), LEAF_LIFETIME).unwrap();
    add(
        "not yet valid",
        &feira,
        tomorrow,
        None,
        "valid only from 2013-03-16",
        "by our clock, too, it is not valid yet",
    );
    let names = vec![SanType::URI("https://feira.example/node".try_into().unwrap())];
    let wrong_name = feira.issue(names, both(), NOW, LEAF_LIFETIME).unwrap();
    add("wrong SAN", &feira, wrong_name, None, "exactly one URI", "does not carry the SPIFFE ID");
    let other_keys = identity("feira.example").issue_node_leaf(NOW, LEAF_LIFETIME).unwrap();
    add(
        "wrong CA",
        &feira,
        other_keys,
        None,
        "not issued by a CA in the city's trust bundle",
        "a CA that is not in our own bundle",
    );

    let (_folder, revoking) = lasting_identity("feira.example");
    let revoked = revoking.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap();
    let serial = crate::certificate::Facts::read(&revoked.chain[0]).unwrap().serial;
    revoking.revoke(&[(serial, revoking.current_authority().id())], NOW).unwrap();
    add("revoked", &revoking, revoked, None, "was revoked by its city", "our certificate was revoked");
    // The city has not signed a new list for a month, and the certificate is not even in it.
    let fresh = revoking.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap();
    let stale = bundle_of(&revoking, NOW - CRL_LIFETIME - Span::minutes(1));
    assert!(bundle::LIFETIME > CRL_LIFETIME && !stale.expired(NOW));
    add(
        "stale CRL",
        &revoking,
        fresh,
        Some(stale),
        "the list of revoked certificates",
        "the list of revoked certificates",
    );

    let key = KeyPair::generate().unwrap();
    let own = params(FEIRA).self_signed(&key).unwrap();
    let shown = leaf(vec![own.der().clone()], &key);
    add("self-signed", &feira, shown, None, "the certificate is self-signed", "the certificate is self-signed");
    let (sha_1, shown) = weak(false);
    add("weak: SHA-1", &sha_1, shown, None, "SHA-1", "too weak");
    let (short, shown) = weak(true);
    add("weak: RSA 1024", &short, shown, None, "its RSA key has 1024 bits", "too weak");
    let (gap, shown) = over_an_intermediate(true);
    add("chain gap", &gap, shown, None, "the chain has a gap", "the chain has a gap");
    let for_code = feira.issue(uri(), vec![ExtendedKeyUsagePurpose::CodeSigning], NOW, LEAF_LIFETIME).unwrap();
    add("wrong EKU", &feira, for_code, None, "extended key usage", "extended key usage");
    let borrowed = kenitra.issue(uri(), both(), NOW, LEAF_LIFETIME).unwrap();
    add(
        "other alliance",
        &feira,
        borrowed,
        None,
        "a CA of kenitra.example issued it",
        "a CA that is not in our own bundle",
    );
    cases
}

#[tokio::test]
async fn t5_each_bad_certificate_is_named_on_both_sides() {
    let kenitra = identity("kenitra.example");
    for Case { name, identity, leaf, bundle, here, there } in cases(&kenitra) {
        let geneve = Node::start("geneve.example").await;
        let showing = LeafKeeper::once(identity, leaf).unwrap();
        let feira = Node::start_showing(showing, ListenerLimits::default()).await;
        let known = Bundle { endpoint: feira.endpoint(), ..bundle };
        let neighbour = peer_of(&kenitra, "https://127.0.0.1:1", PeerState::Active);
        geneve.peers.set(vec![PeerSettings { bundle: known, ..feira.as_peer(PeerState::Active) }, neighbour]);
        feira.peers.set(vec![geneve.as_peer(PeerState::Active)]);

        // As a caller's: the one who is called names it in the list of peers, the caller is told and looks at its own.
        let told = refused(&feira, &geneve).await;
        assert_eq!(told.reason, Reason::TlsHandshake, "{name}: {told}");
        assert!(told.description.contains(there), "{name}, whose it is: {told}");
        if name != "wrong SAN" {
            // Without a name there is nobody in the list; the log has it.
            let trouble = geneve.inbound_trouble(feira.city());
            assert!(trouble.contains(here), "{name}, who is called: {trouble}");
        }
        // As a server's.
        let error = refused(&geneve, &feira).await;
        assert_eq!(error.reason, Reason::TlsHandshake, "{name}: {error}");
        assert!(error.description.contains(here), "{name}, who calls: {error}");
    }
}

#[tokio::test]
async fn t5_a_good_chain_over_an_intermediate_ca_is_believed_both_ways() {
    let (identity, leaf) = over_an_intermediate(false);
    let geneve = Node::start("geneve.example").await;
    let feira = Node::start_showing(LeafKeeper::once(identity, leaf).unwrap(), ListenerLimits::default()).await;
    geneve.peers.set(vec![feira.as_peer(PeerState::Active)]);
    feira.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    still_serves(&geneve, &feira).await;
    still_serves(&feira, &geneve).await;
}
