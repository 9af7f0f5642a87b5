//! A city whose certificates its own PKI or SPIRE issues.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use isopolity_domain::Clock as _;
use isopolity_node::config::Trust;
use isopolity_proto::admin::{KeyKind, RevokeCertificatesRequest};
use isopolity_tests::{
    TestNode,
    clock::{clock, eventually},
    federation,
    openssl::{issue, own_pki, revoke},
    refusal::reason,
    sample::partnerships,
};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use tempfile::TempDir;
use time::Duration;
use tonic::Code;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const URI: &str = "spiffe://geneve.example/node";

fn files(folder: &Path) -> Trust {
    let file = |name: &str| Some(folder.join(name));
    Trust { authorities: file("root.pem"), certificate: file("chain.pem"), key: file("node.key"), crls: None }
}

async fn all_answer(cities: [&TestNode; 2]) {
    for city in cities {
        eventually("both answer", async || {
            (city.api.ask(partnerships()).await.coverage?.cities_answered == 2).then_some(())
        })
        .await;
    }
}

/// Openssl dates what it issues by the machine's clock, and the nodes' own stands still.
fn catch_up(cities: [&TestNode; 2]) {
    for city in cities {
        let behind = clock().now() - city.clock.now();
        city.clock.advance(behind + Duration::SECOND);
    }
}

/// Makes all connections anew.
fn reconnect(feira: &TestNode, geneve: &TestNode) {
    feira.registry().federation().close_connections(&GENEVE.parse().unwrap());
    geneve.registry().federation().close_connections(&FEIRA.parse().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_openssl_made_is_believed_renewed_without_a_restart_and_revoked() {
    let pki = TempDir::new().unwrap();
    own_pki(pki.path(), URI);
    let none = pki.path().join("none.pem");
    isopolity_tests::openssl::openssl(
        pki.path(),
        "ca -config openssl.cnf -cert middle.pem -keyfile middle.key -gencrl -out none.pem",
    );
    fs::rename(&none, pki.path().join("revoked.pem")).unwrap();
    let trust = Trust { crls: Some(pki.path().join("revoked.pem")), ..files(pki.path()) };
    let [feira, geneve] = federation::among([TestNode::plan(FEIRA), TestNode::plan(GENEVE).with_pki(trust)]).await;
    all_answer([&feira, &geneve]).await;
    let leaf = geneve.registry().federation().leaf().clone();
    assert_eq!(leaf.serial().unwrap(), "1002");

    // The PKI writes a new certificate; the old one is revoked.
    let old = (leaf.chain(), fs::read_to_string(pki.path().join("node.key")).unwrap());
    revoke(pki.path());
    issue(pki.path(), URI, "4099");
    catch_up([&feira, &geneve]);
    geneve.registry().tend_trust().await;
    assert_eq!(leaf.serial().unwrap(), "1003", "read without a restart");
    eventually("Feira has the list of revoked certificates", async || {
        feira.registry().tend_peers().await;
        (feira.api.peer(GENEVE, false).await.bundle_sequence == geneve.api.trust().await.bundle_sequence).then_some(())
    })
    .await;
    reconnect(&feira, &geneve);
    all_answer([&feira, &geneve]).await;
    let thief = isopolity_tests::stranger::Shown::from_pem(old.0, &old.1);
    let refused = isopolity_tests::stranger::call(feira.node().federation_address(), Some(thief)).await.unwrap_err();
    assert!(refused.contains("CertificateRevoked"), "{refused}");

    // What the PKI keeps, the node leaves alone; the record key is its own.
    let trust = geneve.api.trust().await;
    assert!(trust.external_pki && trust.certificates.is_empty());
    let refused = geneve.api.rotate(KeyKind::Authority, true).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "PKI_EXTERNAL".into()));
    let refused = geneve.api.trusts().revoke_certificates(RevokeCertificatesRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "PKI_EXTERNAL".into()));
    geneve.api.prepare(KeyKind::Record).await;
    geneve.api.rotate(KeyKind::Record, true).await.unwrap();
    all_answer([&feira, &geneve]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_as_spire_writes_them_are_believed_and_a_new_ca_is_taken_over() {
    let spire = TempDir::new().unwrap();
    let now = clock().now();
    let make = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, name);
        params.subject_alt_names = vec![SanType::URI("spiffe://geneve.example".try_into().unwrap())];
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = now - Duration::minutes(5);
        params.not_after = now + Duration::days(1);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), Issuer::new(params, key))
    };
    let svid = |issuer: &Issuer<'static, KeyPair>| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(URI.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = now - Duration::minutes(5);
        params.not_after = now + Duration::hours(1);
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs::write(spire.path().join("chain.pem"), certificate.pem()).unwrap();
        fs::write(spire.path().join("node.key"), key.serialize_pem()).unwrap();
        fs::set_permissions(spire.path().join("node.key"), fs::Permissions::from_mode(0o600)).unwrap();
    };
    let ((old_pem, old), (new_pem, new)) = (make("SPIRE 1"), make("SPIRE 2"));
    fs::write(spire.path().join("root.pem"), &old_pem).unwrap();
    svid(&old);
    let plan = TestNode::plan(GENEVE).with_pki(files(spire.path()));
    let [feira, geneve] = federation::among([TestNode::plan(FEIRA), plan]).await;
    all_answer([&feira, &geneve]).await;

    // SPIRE publishes the CA that comes next, and issues by it later.
    fs::write(spire.path().join("root.pem"), old_pem + &new_pem).unwrap();
    geneve.registry().tend_trust().await;
    eventually("Feira knows both", async || {
        feira.registry().tend_peers().await;
        (feira.registry().federation().get(&GENEVE.parse().unwrap()).unwrap().bundle.authorities.len() == 2)
            .then_some(())
    })
    .await;
    svid(&new);
    geneve.registry().tend_trust().await;
    reconnect(&feira, &geneve);
    all_answer([&feira, &geneve]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_peers_would_refuse_are_named_at_the_start_and_change_nothing_later() {
    let pki = TempDir::new().unwrap();
    own_pki(pki.path(), URI);
    let (chain, key) = (pki.path().join("chain.pem"), pki.path().join("node.key"));
    let good = (fs::read_to_string(&chain).unwrap(), fs::read_to_string(&key).unwrap());
    let start = async || TestNode::plan(GENEVE).with_pki(files(pki.path())).try_start().await;
    let refused = async |words: &str| {
        let Err(error) = start().await else { panic!("it started, though: {words}") };
        assert!(error.to_string().contains(words) && !error.to_string().contains('\n'), "{error}");
    };

    fs::write(&chain, fs::read_to_string(pki.path().join("node.pem")).unwrap()).unwrap();
    refused("peers would refuse it: the chain has a gap").await;
    fs::write(&chain, &good.0).unwrap();
    fs::write(&key, "nothing").unwrap();
    refused("holds no private key in PEM form").await;
    fs::write(&key, fs::read_to_string(pki.path().join("middle.key")).unwrap()).unwrap();
    refused("do not belong together").await;
    fs::write(&key, &good.1).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused("is open to everybody").await;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    issue(pki.path(), "spiffe://geneve.example/other", "4100");
    refused("must carry exactly one URI, spiffe://geneve.example/node").await;
    fs::remove_file(pki.path().join("root.pem")).unwrap();
    refused("root.pem").await;

    let pki = TempDir::new().unwrap();
    own_pki(pki.path(), URI);
    let geneve = TestNode::plan(GENEVE).with_pki(files(pki.path())).start().await;
    let leaf = geneve.registry().federation().leaf().clone();
    let before = leaf.serial();
    fs::write(pki.path().join("chain.pem"), "half written").unwrap();
    assert!(leaf.renew_if_due(geneve.clock.now()).is_err());
    geneve.registry().tend_trust().await;
    assert_eq!(leaf.serial(), before, "the one before stays in use");
}
