//! What is wrong with our own certificate, when a peer says that something is.
//!
//! An alert names a kind of fault and no more: one and the same is sent for another CA, for a gap in the chain and for a
//! self-signed certificate. Which of them it is can be seen here.

use rustls::AlertDescription;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::{HandshakeRefusal, leads_to};
use crate::{certificate::Facts, identity::Pki};

/// What can be said about our chain, beyond the alert. `authorities`: the CAs in our own bundle.
pub(crate) fn own_fault(
    alert: AlertDescription,
    chain: &[CertificateDer<'static>],
    authorities: &[CertificateDer<'static>],
    now: OffsetDateTime,
) -> Option<String> {
    let leaf = chain.first().and_then(|leaf| Facts::read(leaf).ok())?;
    match alert {
        AlertDescription::CertificateExpired => {
            let state = if now > leaf.not_after {
                "it has expired by our clock too"
            } else if now < leaf.not_before {
                "by our clock, too, it is not valid yet"
            } else {
                "by our clock it is valid"
            };
            Some(format!("ours is valid from {} to {}; {state}", leaf.not_before, leaf.not_after))
        }
        AlertDescription::UnknownCA => {
            let pki = Pki { authorities: authorities.to_vec(), crls: Vec::new() };
            Some(match leads_to(&pki, chain, now) {
                Ok(()) => "by our own present bundle it is good".to_owned(),
                Err(refusal @ (HandshakeRefusal::SelfSigned | HandshakeRefusal::ChainGap { .. })) => {
                    refusal.to_string()
                }
                Err(_) => format!("a CA that is not in our own bundle issued it: {:?}", leaf.issuer),
            })
        }
        AlertDescription::DecryptError => leaf.weakness,
        AlertDescription::CertificateRevoked => Some(format!("ours has the serial number {}", leaf.serial)),
        _ => None,
    }
}
