//! A caller of a federation listener with a certificate of the test's choice, who believes whoever answers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use hyper_util::rt::TokioIo;
use isopolity_federation::Leaf;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime, pem::PemObject as _},
    version::TLS13,
};
use time::{Duration, OffsetDateTime};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint, Uri};

/// What a caller shows.
#[derive(Debug)]
pub struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl From<Leaf> for Shown {
    fn from(leaf: Leaf) -> Self {
        Self { chain: leaf.chain.clone(), key: leaf.key.clone_key() }
    }
}

impl Shown {
    /// A chain and its key in PEM form.
    pub fn from_pem(chain: Vec<CertificateDer<'static>>, key: &str) -> Self {
        Self { chain, key: PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap() }
    }
}

/// A certificate with this URI that the CA in a city's trust folder signs.
pub fn signed_by(trust: &Path, uri: &str, now: OffsetDateTime) -> Shown {
    let read = |file: &str| std::fs::read_to_string(trust.join(file)).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&read("ca.pem"), KeyPair::from_pem(&read("ca.key")).unwrap()).unwrap();
    let mut params = CertificateParams::default();
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + Duration::days(1);
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Shown { chain: vec![certificate.der().clone()], key }
}

/// Connects and waits for what the listener says first. In TLS 1.3 it judges the caller only after the caller's half of the
/// handshake is over: so a refusal comes with the first bytes.
pub async fn call(address: SocketAddr, shown: Option<Shown>) -> Result<(), String> {
    let mut tls = connect(address, &config(shown)).await.map_err(|error| error.to_string())?;
    match tls.read(&mut [0; 1]).await {
        Ok(0) => Err("closed".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// A channel to a listener.
pub fn channel(address: SocketAddr, shown: Option<Shown>) -> Channel {
    let config = config(shown);
    Endpoint::from_static("https://node").connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
        let config = Arc::clone(&config);
        async move { connect(address, &config).await.map(TokioIo::new) }
    }))
}

/// A bare connection to a listener, from a local address of the test's choice, after the handshake.
pub async fn connection(
    address: SocketAddr,
    from: Ipv4Addr,
    shown: Option<Shown>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let tcp = socket.connect(address).await?;
    TlsConnector::from(config(shown)).connect(ServerName::IpAddress(address.ip().into()), tcp).await
}

async fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::clone(config)).connect(ServerName::IpAddress(address.ip().into()), tcp).await
}

fn config(shown: Option<Shown>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone));
    let mut config = match shown {
        Some(Shown { chain, key }) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// Believes whoever answers.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
