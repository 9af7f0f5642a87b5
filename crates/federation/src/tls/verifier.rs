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
use time::OffsetDateTime;
use tracing::warn;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use super::HandshakeRefusal;
use crate::{certificate::Facts, health::Direction, identity::Pki, peers::PeerSettings, trust::Trust};

/// Checks who calls: the node of any peer that is not held back.
#[derive(Debug)]
pub struct PeerVerifier {
    trust: Arc<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PeerVerifier {
    pub(crate) fn new(trust: Arc<Trust>) -> Self {
        Self { trust, algorithms: algorithms() }
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
                if let Ok(city) = &claimed
                    && refusal.may_be_outdated()
                    && self.trust.table().contains_key(city)
                {
                    self.trust.nudges.outdated(city);
                }
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
    algorithms: WebPkiSupportedAlgorithms,
    /// Only whom the certificate names counts, not who issued it: for reading a bundle, which proves itself.
    unproven: bool,
    refusal: Mutex<Option<HandshakeRefusal>>,
}

impl ServerVerifier {
    pub(crate) fn new(trust: Arc<Trust>, expected: CityId) -> Self {
        Self { trust, expected, algorithms: algorithms(), unproven: false, refusal: Mutex::new(None) }
    }

    /// For a connection over which nothing but the city's bundle is read. The chain of bundles is signed; whoever answers can
    /// hold it back, but forge nothing.
    pub(crate) fn unproven(trust: Arc<Trust>, expected: CityId) -> Self {
        Self { unproven: true, ..Self::new(trust, expected) }
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
        if self.unproven { Ok(()) } else { judge(&self.trust, &found, path, &self.algorithms) }
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

/// Judges a certificate that claims to be of a city by what is held of that city.
fn judge(
    trust: &Trust,
    city: &CityId,
    path: Path<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), HandshakeRefusal> {
    let table = trust.table();
    let peer = table.get(city).ok_or_else(|| HandshakeRefusal::UnknownCity(city.clone()))?;
    let now = trust.clock.now();
    validate(path, &peer.bundle.authorities, &peer.bundle.crls, now, algorithms).map_err(|refusal| {
        // Whose CA it is, if it is another peer's.
        let issued = |other: &&PeerSettings| {
            other.city != *city && validate(path, &other.bundle.authorities, &[], now, algorithms).is_ok()
        };
        match (refusal, table.values().find(issued)) {
            (HandshakeRefusal::UntrustedCa | HandshakeRefusal::ChainGap { .. }, Some(other)) => {
                HandshakeRefusal::OtherAlliance { claimed: city.clone(), issuer: other.city.clone() }
            }
            (refusal, _) => refusal,
        }
    })?;

    // Only now is it known that the city itself is there, so only now is it told how it stands.
    admits(peer)?;
    if peer.bundle.expired(now) {
        return Err(HandshakeRefusal::BundleExpired(city.clone()));
    }
    Ok(())
}

/// Validates the path to one of these CAs.
fn validate(
    path: Path<'_>,
    authorities: &[CertificateDer<'static>],
    crls: &[Vec<u8>],
    now: OffsetDateTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), HandshakeRefusal> {
    for certificate in std::iter::once(path.end_entity).chain(path.intermediates) {
        if let Some(weakness) = Facts::read(certificate).ok().and_then(|facts| facts.weakness) {
            return Err(HandshakeRefusal::Weak(weakness));
        }
    }
    let leaf = EndEntityCert::try_from(path.end_entity).map_err(|error| HandshakeRefusal::of_path(&error))?;

    // An anchor's own dates are not looked at by path validation.
    let mut valid = Vec::new();
    let mut out_of_date = None;
    for authority in authorities {
        match Facts::read(authority) {
            Ok(facts) if facts.valid_at(now) => valid.push(authority),
            Ok(facts) if now < facts.not_before => {
                out_of_date = Some(HandshakeRefusal::NotYetValid { at: facts.not_before });
            }
            Ok(facts) => out_of_date = Some(HandshakeRefusal::Expired { at: facts.not_after }),
            Err(_unreadable) => {}
        }
    }
    if valid.is_empty() {
        return Err(out_of_date.unwrap_or(HandshakeRefusal::UntrustedCa));
    }
    let anchors: Vec<_> = valid.iter().filter_map(|authority| anchor_from_trusted_cert(authority).ok()).collect();

    let lists: Vec<CertRevocationList<'_>> =
        crls.iter().filter_map(|crl| BorrowedCertRevocationList::from_der(crl).ok()).map(Into::into).collect();
    let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
    // Without lists nothing is revoked. A CA without a list has revoked nothing; a list that is stale is not gone by.
    let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
        options
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Allow)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    });
    leaf.verify_for_usage(algorithms.all, &anchors, path.intermediates, path.now, path.usage, revocation, None)
        .map(drop)
        .map_err(|error| match HandshakeRefusal::of_path(&error) {
            HandshakeRefusal::UntrustedCa => without_issuer(path, &valid),
            refusal => refusal,
        })
}

/// Why nobody who is trusted issued a certificate.
fn without_issuer(path: Path<'_>, authorities: &[&CertificateDer<'static>]) -> HandshakeRefusal {
    let Ok(leaf) = Facts::read(path.end_entity) else { return HandshakeRefusal::UntrustedCa };
    if leaf.issuer == leaf.subject {
        return HandshakeRefusal::SelfSigned;
    }
    let shown: Vec<Facts> = path.intermediates.iter().filter_map(|one| Facts::read(one).ok()).collect();
    let known: Vec<Facts> = authorities.iter().filter_map(|one| Facts::read(one).ok()).collect();
    // Upwards as far as it goes.
    let mut issuer = leaf.issuer;
    for _ in 0..shown.len() {
        match shown.iter().find(|one| one.subject == issuer) {
            Some(next) if next.issuer == next.subject => return HandshakeRefusal::UntrustedCa,
            Some(next) => issuer.clone_from(&next.issuer),
            None => break,
        }
    }
    if known.iter().any(|one| one.subject == issuer) || shown.iter().any(|one| one.subject == issuer) {
        return HandshakeRefusal::UntrustedCa;
    }
    HandshakeRefusal::ChainGap { issuer }
}

/// Whether peers that hold these CAs will believe this chain, as a caller's and as a server's.
pub(crate) fn leads_to(
    pki: &Pki,
    chain: &[CertificateDer<'static>],
    now: OffsetDateTime,
) -> Result<(), HandshakeRefusal> {
    for usage in [KeyUsage::client_auth(), KeyUsage::server_auth()] {
        let (end_entity, intermediates) = chain.split_first().ok_or(HandshakeRefusal::NoCertificate)?;
        let path = Path { end_entity, intermediates, now: unix(now), usage };
        validate(path, &pki.authorities, &pki.crls, now, &algorithms())?;
    }
    Ok(())
}

/// What was shown in the handshake of a connection, to be judged again when the city's bundle changes.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    chain: Vec<CertificateDer<'static>>,
    /// Who showed it: the caller, or the one who was called.
    client: bool,
}

impl Credential {
    pub(crate) fn of_client(chain: &[CertificateDer<'_>]) -> Self {
        Self { chain: chain.iter().map(|one| one.clone().into_owned()).collect(), client: true }
    }

    pub(crate) fn of_server(chain: &[CertificateDer<'_>]) -> Self {
        Self { chain: chain.iter().map(|one| one.clone().into_owned()).collect(), client: false }
    }

    /// Whether it would be let in at present.
    pub(crate) fn still_good(&self, trust: &Trust, city: &CityId) -> Result<(), HandshakeRefusal> {
        let (end_entity, intermediates) = self.chain.split_first().ok_or(HandshakeRefusal::NoCertificate)?;
        if claimed_city(end_entity)? != *city {
            return Err(HandshakeRefusal::NotSpiffe);
        }
        let usage = if self.client { KeyUsage::client_auth() } else { KeyUsage::server_auth() };
        let path = Path { end_entity, intermediates, now: unix(trust.clock.now()), usage };
        judge(trust, city, path, &algorithms())
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    ring::default_provider().signature_verification_algorithms
}

fn unix(time: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(time.unix_timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}
