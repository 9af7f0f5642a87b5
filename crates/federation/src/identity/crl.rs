//! Lists of revoked certificates (RFC 5280), one for each CA that has revoked any.

use isopolity_domain::text::hexadecimal;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber};
use time::{Duration, OffsetDateTime};

use super::{BACKDATED, IdentityError, issue, ring::Ring, whole_seconds};

/// How long a list is good for. A city signs the next one, with a bundle, each week.
pub const CRL_LIFETIME: Duration = Duration::days(30);

/// The lists of all CAs, DER.
pub(super) fn lists(ring: &Ring, now: OffsetDateTime) -> Result<Vec<Vec<u8>>, IdentityError> {
    let mut lists = Vec::new();
    for authority in &ring.authorities {
        let id = authority.id();
        let revoked: Vec<_> = ring.revoked.iter().filter(|one| one.authority == id).collect();
        if revoked.is_empty() {
            continue;
        }
        let entries = revoked.iter().filter_map(|one| {
            Some(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&bytes(&one.serial)?),
                revocation_time: whole_seconds(one.time),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
        });
        let params = CertificateRevocationListParams {
            this_update: whole_seconds(now - BACKDATED),
            next_update: whole_seconds(now + CRL_LIFETIME),
            crl_number: SerialNumber::from(ring.crl_number),
            issuing_distribution_point: None,
            revoked_certs: entries.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&authority.issuer).map_err(|error| match error {
            rcgen::Error::IssuerNotCrlSigner => IdentityError::Issue(format!(
                "the CA {id} was made without the right to sign lists of revoked certificates"
            )),
            other => issue(other),
        })?;
        lists.push(list.der().to_vec());
    }
    Ok(lists)
}

/// The bytes that hexadecimal digits stand for.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    let bytes: Vec<u8> = pairs.collect::<Option<_>>()?;
    (hexadecimal(&bytes).eq_ignore_ascii_case(digits)).then_some(bytes)
}
