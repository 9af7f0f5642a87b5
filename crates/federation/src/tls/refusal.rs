//! Why a handshake came to nothing, on the side that refused and on the side that was refused.

use isopolity_domain::CityId;
use rustls::{AlertDescription, CertificateError, OtherError};
use rustls_pki_types::UnixTime;
use time::OffsetDateTime;

/// Why the other side of a handshake was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeRefusal {
    /// It showed no certificate.
    #[error("no certificate was shown")]
    NoCertificate,
    /// Its certificate does not name one city's node.
    #[error("the certificate does not carry exactly one URI, of the form spiffe://{{city}}/node")]
    NotSpiffe,
    /// Its certificate names a city that is not a peer.
    #[error("the certificate names {0}, which is not a peer here; add it first")]
    UnknownCity(CityId),
    /// Its certificate names another city than the one that was called.
    #[error("the certificate names {found}, not {expected}; check the endpoint in the bundle of {expected}")]
    WrongCity {
        /// The city that was called.
        expected: CityId,
        /// The city in the certificate.
        found: CityId,
    },
    /// Its certificate is not issued by one of the city's CAs.
    #[error("the certificate is not issued by a CA in the city's trust bundle; fetch its present bundle")]
    UntrustedCa,
    /// Its certificate is signed with its own key.
    #[error("the certificate is self-signed; a node shows one that a CA in its city's trust bundle issued")]
    SelfSigned,
    /// The certificate that issued it is missing.
    #[error(
        "the chain has a gap: the certificate was issued by {issuer:?}, which is neither in the city's trust bundle nor was \
         it shown; the intermediate certificates must be shown too"
    )]
    ChainGap {
        /// Who issued the last certificate that was shown.
        issuer: String,
    },
    /// Its certificate is issued by another city's CA.
    #[error("the certificate names {claimed}, but a CA of {issuer} issued it; one city can't vouch for another")]
    OtherAlliance {
        /// The city in the certificate.
        claimed: CityId,
        /// The city whose CA issued it.
        issuer: CityId,
    },
    /// Its certificate, or an intermediate one, was revoked.
    #[error("the certificate was revoked by its city; a node that shows it must get a new one")]
    Revoked,
    /// The list of revoked certificates is too old to go by.
    #[error("the list of revoked certificates in the trust bundle is stale: a newer one was due at {due}")]
    StaleCrl {
        /// When the next one was due.
        due: OffsetDateTime,
    },
    /// A key or a signature is weaker than is believed here.
    #[error("the certificate is too weak: {0}")]
    Weak(String),
    /// Its certificate is for something else.
    #[error("the certificate is not for connections between nodes (extended key usage: needs client and server)")]
    WrongUsage,
    /// Its certificate, or its CA's, has expired.
    #[error("the certificate expired at {at}; renew it, or check both clocks")]
    Expired {
        /// When it expired.
        at: OffsetDateTime,
    },
    /// Its certificate, or its CA's, is not valid yet.
    #[error("the certificate is valid only from {at} on; check both clocks")]
    NotYetValid {
        /// When it becomes valid.
        at: OffsetDateTime,
    },
    /// The bundle held of the city has expired.
    #[error("the trust bundle held of {0} has expired; ask the city for its present one")]
    BundleExpired(CityId),
    /// The peering has ended.
    #[error("the peering with {0} has ended here")]
    Left(CityId),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl HandshakeRefusal {
    /// Whether the city's newer bundle may lead to another judgement.
    #[must_use]
    pub fn may_be_outdated(&self) -> bool {
        matches!(
            self,
            Self::UntrustedCa
                | Self::ChainGap { .. }
                | Self::Revoked
                | Self::StaleCrl { .. }
                | Self::Expired { .. }
                | Self::BundleExpired(_)
        )
    }

    /// What is wrong with a path, as webpki found it.
    pub(super) fn of_path(error: &webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::CertExpired { not_after, .. } => Self::Expired { at: time_of(*not_after) },
            E::CertNotValidYet { not_before, .. } => Self::NotYetValid { at: time_of(*not_before) },
            E::UnknownIssuer | E::InvalidSignatureForPublicKey | E::EndEntityUsedAsCa | E::CaUsedAsEndEntity => {
                Self::UntrustedCa
            }
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Self::WrongUsage,
            E::CertRevoked => Self::Revoked,
            E::CrlExpired { next_update, .. } => Self::StaleCrl { due: time_of(*next_update) },
            E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                Self::Weak("it is signed in a way that is not believed here, for example with SHA-1".to_owned())
            }
            other => Self::Other(format!("the certificate can't be used: {other}")),
        }
    }

    /// The same for rustls, chosen so that the alert which it sends tells the other side the cause. [`alert_in_words`]
    /// reads it there.
    pub(super) fn to_rustls(&self) -> rustls::Error {
        match self {
            Self::NoCertificate => return rustls::Error::NoCertificatesPresented,
            // bad_certificate
            Self::NotSpiffe | Self::WrongCity { .. } => CertificateError::NotValidForName,
            // unknown_ca
            Self::UntrustedCa | Self::SelfSigned | Self::ChainGap { .. } | Self::OtherAlliance { .. } => {
                CertificateError::UnknownIssuer
            }
            // certificate_revoked
            Self::Revoked => CertificateError::Revoked,
            // decrypt_error
            Self::Weak(_) => CertificateError::BadSignature,
            // certificate_expired
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            // bad_certificate_status_response; nothing here uses OCSP
            Self::BundleExpired(_) | Self::StaleCrl { .. } => CertificateError::InvalidOcspResponse,
            // access_denied
            Self::Left(_) => CertificateError::ApplicationVerificationFailure,
            // certificate_unknown
            Self::UnknownCity(_) => CertificateError::Other(OtherError(std::sync::Arc::new(self.clone()))),
            // unsupported_certificate
            Self::WrongUsage | Self::Other(_) => CertificateError::InvalidPurpose,
        }
        .into()
    }
}

/// What the other side means by an alert.
pub(crate) fn alert_in_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateExpired => {
            "the peer says that our certificate has expired or is not valid yet by its clock; check both clocks"
        }
        AlertDescription::UnknownCA => {
            "the peer says that our certificate is not issued by a CA in the bundle that it holds of us; send it our \
             present bundle"
        }
        AlertDescription::BadCertificateStatusResponse => {
            "the peer says that the bundle which it holds of us has expired, or the list of revoked certificates in it; send \
             it our present bundle"
        }
        AlertDescription::AccessDenied => "the peer says that it has suspended or ended the peering with us",
        AlertDescription::CertificateRequired => "the peer says that we showed no certificate",
        AlertDescription::BadCertificate => {
            "the peer says that our certificate does not carry the SPIFFE ID that it expects; it may have meant another \
             city, so check the endpoints in both bundles"
        }
        AlertDescription::CertificateUnknown => "the peer says that our city is not a peer there; ask it to add us",
        AlertDescription::CertificateRevoked => {
            "the peer says that our certificate was revoked; this node needs a new one, unless somebody else shows its old one"
        }
        AlertDescription::UnsupportedCertificate => {
            "the peer says that our certificate can't be used between nodes (extended key usage)"
        }
        AlertDescription::DecryptError => {
            "the peer says that our certificate is too weak (RSA below 2048 bits, SHA-1) or our signature does not fit"
        }
        AlertDescription::ProtocolVersion => "the peer says that it speaks no TLS version that we speak (1.3)",
        AlertDescription::NoApplicationProtocol => "the peer says that it does not speak HTTP/2; check the endpoint",
        other => return format!("the peer broke the TLS connection off with the alert {other:?}"),
    }
    .to_owned()
}

fn time_of(time: UnixTime) -> OffsetDateTime {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
