//! Reading from the provider: its description, and its keys. HTTPS only, no redirects, little at a time and not for long.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use isopolity_federation::tls;
use isopolity_registry::error::with_causes;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::{net::TcpStream, task::AbortHandle, time::timeout};
use tokio_rustls::TlsConnector;

use super::keys::Keys;

/// What reading one document may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest document.
const DOCUMENT_MAX: usize = 256 << 10;

/// Why something can't be had from the provider.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

/// Reads from the provider.
#[derive(Clone)]
pub(super) struct Fetcher(TlsConnector);

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

/// What is read of the provider's description (OpenID Connect Discovery 1.0).
#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl Fetcher {
    /// Believes these CAs (PEM), or those of the web.
    pub(super) fn new(roots: Option<&str>) -> Result<Self, FetchError> {
        let mut config = match roots {
            Some(roots) => tls::client_config(roots).map_err(|error| FetchError(with_causes(&error)))?,
            None => web(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The keys of a provider.
    pub(super) async fn keys(&self, issuer: &str) -> Result<Keys, FetchError> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let wrong = |address: &str, why: &str| FetchError(format!("{address} {why}"));
        let description: Description = serde_json::from_slice(&self.read(&address).await?)
            .map_err(|error| wrong(&address, &format!("is no description of a provider: {error}")))?;
        if description.issuer != issuer {
            return Err(wrong(&address, "describes another provider"));
        }
        let json = self.read(&description.jwks_uri).await?;
        Keys::read(&json).map_err(|error| wrong(&description.jwks_uri, &format!("holds no keys: {error}")))
    }

    /// Reads a document.
    async fn read(&self, address: &str) -> Result<Bytes, FetchError> {
        let read = timeout(PATIENCE, self.get(address)).await;
        read.unwrap_or_else(|_elapsed| Err(format!("did not answer within {} s", PATIENCE.as_secs())))
            .map_err(|why| FetchError(format!("{address}: {why}")))
    }

    async fn get(&self, address: &str) -> Result<Bytes, String> {
        let uri: Uri = address.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("is not an address that begins with https://".to_owned());
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_error: rustls_pki_types::InvalidDnsNameError| format!("{host:?} is not the name of a host"))?;
        let tcp =
            TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await.map_err(|error| error.to_string())?;
        let tls = self.0.connect(name, tcp).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.map_err(|error| with_causes(&error))?;
        let _end = Ends(tokio::spawn(connection).abort_handle());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(header::HOST, authority.as_str())
            .header(header::ACCEPT, "application/json, application/jwk-set+json")
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| with_causes(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("answers {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), DOCUMENT_MAX).collect().await;
        Ok(body.map_err(|error| error.to_string())?.to_bytes())
    }
}

/// Ends a connection when it is no longer needed.
struct Ends(AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Believes the CAs of the web: a provider in a cloud has a certificate of one of these. Peers never come this way.
fn web() -> ClientConfig {
    let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap_or_else(|error| unreachable!("ring speaks TLS 1.2 and 1.3: {error}"))
        .with_root_certificates(roots)
        .with_no_client_auth()
}
