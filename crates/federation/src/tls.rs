//! TLS: mutual between nodes, one-sided for the API.
//!
//! TLS 1.3 only, with *ring*, chosen by name so that a second provider in the build can't take its place. Sessions are
//! never resumed: resumption skips the verifiers, and a withdrawn peer would live on.

mod diagnosis;
mod keeper;
mod refusal;
mod verifier;

use std::{path::Path, sync::Arc};

use isopolity_domain::{CityId, Clock};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    server::NoServerSessionStorage,
    time_provider::TimeProvider,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _};

pub(crate) use diagnosis::own_fault;
pub use keeper::LeafKeeper;
pub use refusal::HandshakeRefusal;
pub(crate) use refusal::alert_in_words;
pub(crate) use verifier::{Credential, admits, claimed_city, leads_to};
pub use verifier::{PeerVerifier, ServerVerifier};

use crate::{IdentityError, trust::Trust};

/// HTTP/2 alone, between nodes.
pub(crate) const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// The server side between nodes: asks for a certificate of a peer in the table and shows this node's own.
pub(crate) fn peer_server_config(trust: &Arc<Trust>, keeper: &LeafKeeper) -> Arc<ServerConfig> {
    let time = Arc::new(ClockTime(trust.clock.clone()));
    let builder = ServerConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&TLS13])
        .unwrap_or_else(|error| unreachable!("ring speaks TLS 1.3: {error}"));
    let config = builder
        .with_client_cert_verifier(Arc::new(PeerVerifier::new(trust.clone())))
        .with_cert_resolver(Arc::new(keeper.clone()));
    Arc::new(without_resumption(config, &[H2]))
}

/// The client side between nodes, for one attempt to reach one city. The verifier tells afterwards why it refused. `unproven`: no
/// bundle of the city is known yet, so that nothing but the name in its certificate is looked at.
pub(crate) fn peer_client_config(
    trust: &Arc<Trust>,
    keeper: &LeafKeeper,
    city: &CityId,
) -> (Arc<ClientConfig>, Arc<ServerVerifier>) {
    client_side(trust, keeper, ServerVerifier::new(trust.clone(), city.clone()))
}

/// The same for reading nothing but the city's bundle, from whoever names that city: the bundle proves itself.
pub(crate) fn bundle_client_config(
    trust: &Arc<Trust>,
    keeper: &LeafKeeper,
    city: &CityId,
) -> (Arc<ClientConfig>, Arc<ServerVerifier>) {
    client_side(trust, keeper, ServerVerifier::unproven(trust.clone(), city.clone()))
}

fn client_side(
    trust: &Arc<Trust>,
    keeper: &LeafKeeper,
    verifier: ServerVerifier,
) -> (Arc<ClientConfig>, Arc<ServerVerifier>) {
    let verifier = Arc::new(verifier);
    let time = Arc::new(ClockTime(trust.clock.clone()));
    let mut config = ClientConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&TLS13])
        .unwrap_or_else(|error| unreachable!("ring speaks TLS 1.3: {error}"))
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_client_cert_resolver(Arc::new(keeper.clone()));
    config.alpn_protocols = vec![H2.to_vec()];
    config.resumption = Resumption::disabled();
    (Arc::new(config), verifier)
}

/// The API's side, with certificates that this city's CA issues.
#[must_use]
pub fn api_server_config(keeper: &LeafKeeper) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap_or_else(|error| unreachable!("ring speaks TLS 1.3: {error}"))
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(keeper.clone()));
    Arc::new(without_resumption(config, &[H2, HTTP_1_1]))
}

/// The API's side, with a certificate chain and key (PEM) from somewhere else. Read once: a new certificate needs a
/// restart.
///
/// # Errors
/// [`IdentityError`] naming the file that can't be used.
pub fn api_server_config_from_files(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, IdentityError> {
    let problem = |path: &Path, problem: String| IdentityError::File { path: path.to_owned(), problem };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(chain, format!("holds no certificates in PEM form: {error}")))?;
    if certificates.is_empty() {
        return Err(problem(chain, "holds no certificate in PEM form".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| problem(key, format!("holds no private key in PEM form: {error}")))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap_or_else(|error| unreachable!("ring speaks TLS 1.3: {error}"))
        .with_no_client_auth()
        .with_single_cert(certificates, secret)
        .map_err(|error| problem(key, format!("can't be used with {}: {error}", chain.display())))?;
    Ok(Arc::new(without_resumption(config, &[H2, HTTP_1_1])))
}

/// The side of a program that calls an API: believes certificates of these CAs (PEM) for the host that it calls, and no
/// others.
///
/// # Errors
/// A line that says what is wrong with the CA certificates.
pub fn client_config(root_pem: &str) -> Result<ClientConfig, IdentityError> {
    let wrong = |problem: String| IdentityError::Issue(format!("the CA certificate can't be used: {problem}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(root_pem.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("there is none in PEM form".to_owned()));
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![H2.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn without_resumption(mut config: ServerConfig, protocols: &[&[u8]]) -> ServerConfig {
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    config
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Our clock, as rustls asks for the time.
#[derive(Debug)]
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests;
