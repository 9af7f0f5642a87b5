//! Who is on the other side of a handshake.
//!
//! The certificate says which city it is of; that city's own bundle, and no other, decides whether this is true.

use std::sync::{Arc, Mutex, PoisonError};

use isopolity_domain::CityId;
use isopolity_proto::{admin::PeerState, error::Reason};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tracing::warn;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::HandshakeRefusal;
use crate::{certificate::Facts, health::Direction, peers::PeerSettings, trust::Trust};

/// Checks who calls: the node of any peer that is not held back.
#[derive(Debug)]
pub struct PeerVerifier {
    trust: Arc<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PeerVerifier {
    pub(crate) fn new(trust: Arc<Trust>) -> Self {
        Self { trust, algorithms: ring::default_provider().signature_verification_algorithms }
    }

    fn refuse(&self, claimed: Option<&CityId>, refusal: &HandshakeRefusal) {
        if let Some(city) = claimed.filter(|city| self.trust.table().contains_key(city)) {
            let description = format!("a call in its name was refused: {refusal}");
            self.trust.trouble(city, Direction::Inbound, Reason::TlsHandshake, &description);
        } else {
            warn!(peer.city = claimed.map(CityId::as_str), "a call was refused: {refusal}");
        }
    }
}

impl ClientCertVerifier for PeerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: a stranger learns nothing about whom this city knows.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let claimed = claimed_city(end_entity);
        let judged = claimed.as_ref().map_err(Clone::clone).and_then(|city| {
            let path = Path { end_entity, intermediates, now, usage: KeyUsage::client_auth() };
            judge(&self.trust, city, path, &self.algorithms)
        });
        match judged {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            // As a guest, who is told apart after the handshake: `Peers::admit` judges again.
            Err(HandshakeRefusal::UnknownCity(_)) if self.trust.guests.is_open(self.trust.clock.now()) => {
                Ok(ClientCertVerified::assertion())
            }
            Err(refusal) => {
                self.refuse(claimed.as_ref().ok(), &refusal);
                Err(refusal.to_rustls())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Checks that the one who was called is the city that was meant. For one attempt; keeps why it refused.
#[derive(Debug)]
pub struct ServerVerifier {
    trust: Arc<Trust>,
    expected: CityId,
    /// Nothing is known yet by which the certificate could be judged: what is said over the connection is believed by its content
    /// alone.
    unproven: bool,
    algorithms: WebPkiSupportedAlgorithms,
    refusal: Mutex<Option<HandshakeRefusal>>,
}

impl ServerVerifier {
    pub(crate) fn new(trust: Arc<Trust>, expected: CityId, unproven: bool) -> Self {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Self { trust, expected, unproven, algorithms, refusal: Mutex::new(None) }
    }

    /// Why it refused, if it did.
    #[must_use]
    pub fn refusal(&self) -> Option<HandshakeRefusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(&self, path: Path<'_>) -> Result<(), HandshakeRefusal> {
        let found = claimed_city(path.end_entity)?;
        if found != self.expected {
            return Err(HandshakeRefusal::WrongCity { expected: self.expected.clone(), found });
        }
        if self.unproven {
            return Ok(());
        }
        judge(&self.trust, &found, path, &self.algorithms)
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        // The host name counts for nothing here: the SPIFFE ID does.
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let path = Path { end_entity, intermediates, now, usage: KeyUsage::server_auth() };
        match self.judge(path) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => {
                let error = refusal.to_rustls();
                *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A certificate with what came along, to be judged.
#[derive(Clone, Copy)]
struct Path<'a> {
    end_entity: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    now: UnixTime,
    usage: KeyUsage,
}

/// The city whose node a certificate claims to be of. A claim is no proof.
pub(crate) fn claimed_city(end_entity: &CertificateDer<'_>) -> Result<CityId, HandshakeRefusal> {
    Facts::read(end_entity)
        .map_err(|error| HandshakeRefusal::Other(format!("the certificate can't be read: {error}")))?
        .node_city()
        .ok_or(HandshakeRefusal::NotSpiffe)
}

/// Whether a peer is let through a handshake: one that is not active is, to greet and to be told so; the node sees to that.
pub(crate) fn admits(peer: &PeerSettings) -> Result<(), HandshakeRefusal> {
    match peer.state {
        PeerState::Active | PeerState::Invited | PeerState::Suspended | PeerState::Left => Ok(()),
        PeerState::Unspecified => Err(HandshakeRefusal::Left(peer.city.clone())),
    }
}

/// Judges who calls by the certificates that were shown, end entity first, at the present time.
pub(crate) fn judge_chain(trust: &Trust, city: &CityId, chain: &[CertificateDer<'_>]) -> Result<(), HandshakeRefusal> {
    let (end_entity, intermediates) = chain.split_first().ok_or(HandshakeRefusal::NoCertificate)?;
    if claimed_city(end_entity)? != *city {
        return Err(HandshakeRefusal::NotSpiffe);
    }
    let seconds = u64::try_from(trust.clock.now().unix_timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let path = Path { end_entity, intermediates, now, usage: KeyUsage::client_auth() };
    judge(trust, city, path, &ring::default_provider().signature_verification_algorithms)
}

/// Validates the path to one of the claimed city's own CAs.
fn judge(
    trust: &Trust,
    city: &CityId,
    path: Path<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), HandshakeRefusal> {
    let table = trust.table();
    let peer = table.get(city).ok_or_else(|| HandshakeRefusal::UnknownCity(city.clone()))?;
    let leaf = EndEntityCert::try_from(path.end_entity).map_err(|error| HandshakeRefusal::of_path(&error))?;
    let now = trust.clock.now();

    // An anchor's own dates are not looked at by path validation.
    let mut authorities = Vec::new();
    let mut out_of_date = None;
    for authority in &peer.bundle.authorities {
        match Facts::read(authority) {
            Ok(facts) if facts.valid_at(now) => authorities.push(authority),
            Ok(facts) if now < facts.not_before => {
                out_of_date = Some(HandshakeRefusal::NotYetValid { at: facts.not_before });
            }
            Ok(facts) => out_of_date = Some(HandshakeRefusal::Expired { at: facts.not_after }),
            Err(_unreadable) => {}
        }
    }
    if authorities.is_empty() {
        return Err(out_of_date.unwrap_or(HandshakeRefusal::UntrustedCa));
    }
    let anchors: Vec<_> = authorities.iter().filter_map(|authority| anchor_from_trusted_cert(authority).ok()).collect();
    leaf.verify_for_usage(algorithms.all, &anchors, path.intermediates, path.now, path.usage, None, None)
        .map_err(|error| HandshakeRefusal::of_path(&error))?;

    // Only now is it known that the city itself is there, so only now is it told how it stands.
    admits(peer)?;
    if peer.bundle.expired(now) {
        return Err(HandshakeRefusal::BundleExpired(city.clone()));
    }
    Ok(())
}
