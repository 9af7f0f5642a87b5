//! A channel to a node's API, for the command line and tests.

use std::{error::Error as _, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use isopolity_federation::tls;
use isopolity_registry::error::with_causes;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint, Uri},
};

/// A channel that sends a token with each call.
pub type Client = InterceptedService<Channel, Bearer>;

/// Why a node can't be reached.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address makes no sense.
    #[error("{0:?} is not the address of a node: give host:port")]
    Address(String),
    /// The certificate of the city's CA can't be used.
    #[error("the CA certificate can't be used: {0}")]
    Authority(String),
    /// The token can't be sent.
    #[error("the token holds characters that can't be sent")]
    Token,
    /// Nobody answers.
    #[error("no node answers at {address}: {cause}; start it with \"isopolity serve\", or name another with --node")]
    Unreachable {
        /// Where.
        address: String,
        /// What happened.
        cause: String,
    },
}

/// Puts the token into each call.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Connects to a node's API at `host:port`, trusting the CA certificate `root_pem` and nothing else.
///
/// # Errors
/// [`ClientError`].
pub async fn connect(address: &str, root_pem: &str, token: Option<&str>) -> Result<Client, ClientError> {
    let bearer = match token {
        None => Bearer(None),
        Some(token) => {
            let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
                .parse()
                .map_err(|_error: tonic::metadata::errors::InvalidMetadataValue| ClientError::Token)?;
            value.set_sensitive(true);
            Bearer(Some(value))
        }
    };
    let config = tls::client_config(root_pem).map_err(|error| ClientError::Authority(error.to_string()))?;
    let (host, _) = address.rsplit_once(':').ok_or_else(|| ClientError::Address(address.to_owned()))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_error: rustls_pki_types::InvalidDnsNameError| ClientError::Address(address.to_owned()))?;
    let endpoint = Endpoint::from_shared(format!("https://{address}"))
        .map_err(|_error: tonic::transport::Error| ClientError::Address(address.to_owned()))?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_while_idle(true);
    let connector = TlsConnector::from(Arc::new(config));
    let target = address.to_owned();
    let connect = tower::service_fn(move |_error: Uri| {
        let (connector, name, target) = (connector.clone(), name.clone(), target.clone());
        async move {
            let stream = TcpStream::connect(target).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, stream).await?))
        }
    });
    let channel = endpoint.connect_with_connector(connect).await.map_err(|error| {
        // tonic's own text says no more than that it was the transport.
        let cause = error.source().map_or_else(|| error.to_string(), with_causes);
        ClientError::Unreachable { address: address.to_owned(), cause }
    })?;
    Ok(InterceptedService::new(channel, bearer))
}
