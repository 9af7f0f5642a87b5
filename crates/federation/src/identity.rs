//! A city's own keys: its CA, which issues the certificates of its node, and the key that signs its records.
//!
//! They lie as files in one folder. They are made once, never overwritten, and never leave the machine.

mod files;

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding};
use isopolity_domain::{
    CityId,
    envelope::{self, SigningKey},
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    bundle,
    certificate::{Facts, trust_domain_id},
};

/// How long a certificate of the node is valid unless said otherwise. It is renewed at half of it.
pub const LEAF_LIFETIME: Duration = Duration::days(7);
/// How long the CA is valid.
const CA_LIFETIME: Duration = Duration::days(3652);
/// How far a certificate is dated back, for peers whose clocks are late.
const BACKDATED: Duration = Duration::minutes(5);

const CA_CERTIFICATE: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const RECORD_KEY: &str = "record.key";

/// Why a city's keys can't be made, read or used. One line, with the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is a key already.
    #[error("{0}: exists already and is never overwritten; to begin anew, move the folder away")]
    Exists(PathBuf),
    /// A file can't be read, written or used.
    #[error("{path}: {problem}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate can't be issued.
    #[error("no certificate can be issued: {0}")]
    Issue(String),
}

impl IdentityError {
    fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::File { path: path.to_owned(), problem: problem.to_string() }
    }
}

/// A certificate with its key, as the node shows it.
#[derive(Debug)]
pub struct Leaf {
    /// The certificate, then the CA's.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key; wiped when dropped.
    pub key: Zeroizing<PrivateKeyDer<'static>>,
    /// From when on it is valid.
    pub not_before: OffsetDateTime,
    /// Until when it is valid.
    pub not_after: OffsetDateTime,
}

/// A city's keys. Cheap to clone; shows no secret when printed.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    city: CityId,
    issuer: Issuer<'static, KeyPair>,
    ca: CertificateDer<'static>,
    ca_pem: String,
    ca_expires: OffsetDateTime,
    record_key: SigningKey,
}

impl Identity {
    /// Makes new keys and writes them to the folder, readable by the owner alone.
    ///
    /// # Errors
    /// [`IdentityError`] if there is any of the files already, or if they can't be written.
    pub fn create(folder: &Path, city: &CityId, now: OffsetDateTime) -> Result<Self, IdentityError> {
        files::prepare(folder, &[CA_CERTIFICATE, CA_KEY, RECORD_KEY])?;

        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| IdentityError::Issue(error.to_string()))?;
        let record_pem = SigningKey::from_bytes(&seed)
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| IdentityError::Issue(error.to_string()))?;

        let mut ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(issue)?;
        let ca_key_pem = Zeroizing::new(ca_key.serialize_pem());
        let ca = ca_params(city, now)?.self_signed(&ca_key).map_err(issue)?;
        ca_key.zeroize();

        // The certificate last: without it the identity is not complete and is not taken for one.
        files::write_new(&folder.join(RECORD_KEY), record_pem.as_bytes())?;
        files::write_new(&folder.join(CA_KEY), ca_key_pem.as_bytes())?;
        files::write_new(&folder.join(CA_CERTIFICATE), ca.pem().as_bytes())?;
        Self::load(folder, city)
    }

    /// Reads the keys of this city from the folder.
    ///
    /// # Errors
    /// [`IdentityError`] naming the file that is missing, open to others, damaged, of another city, or does not fit.
    pub fn load(folder: &Path, city: &CityId) -> Result<Self, IdentityError> {
        let path = folder.join(CA_CERTIFICATE);
        let ca_pem = files::read(&path)?.to_string();
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes())
            .map_err(|error| IdentityError::file(&path, format!("holds no certificate in PEM form: {error}")))?;
        let facts = Facts::read(&ca).map_err(|error| IdentityError::file(&path, error))?;
        if !facts.is_ca_of(city) {
            let found = if facts.uris.is_empty() { "no URI".to_owned() } else { facts.uris.join(", ") };
            let wanted = trust_domain_id(city);
            return Err(IdentityError::file(&path, format!("is not the CA of {city}: carries {found}, not {wanted}")));
        }

        let path = folder.join(CA_KEY);
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(&files::read_secret(&path)?, &PKCS_ECDSA_P256_SHA256)
            .map_err(|error| IdentityError::file(&path, format!("holds no ECDSA P-256 key (PKCS#8, PEM): {error}")))?;
        if key.public_key_raw() != facts.public_key {
            return Err(IdentityError::file(
                &path,
                format!("is not the key of {CA_CERTIFICATE}; restore both together"),
            ));
        }
        let issuer = Issuer::from_ca_cert_der(&ca, key).map_err(issue)?;

        let path = folder.join(RECORD_KEY);
        let record_key = SigningKey::from_pkcs8_pem(&files::read_secret(&path)?)
            .map_err(|error| IdentityError::file(&path, format!("holds no Ed25519 key (PKCS#8, PEM): {error}")))?;

        let ca_expires = facts.not_after;
        Ok(Self { inner: Arc::new(Inner { city: city.clone(), issuer, ca, ca_pem, ca_expires, record_key }) })
    }

    /// The city.
    #[must_use]
    pub fn city(&self) -> &CityId {
        &self.inner.city
    }

    /// The key that signs records and bundles.
    #[must_use]
    pub fn record_key(&self) -> &SigningKey {
        &self.inner.record_key
    }

    /// The CA's certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.inner.ca_pem
    }

    /// Until when the CA is valid.
    #[must_use]
    pub fn ca_expires(&self) -> OffsetDateTime {
        self.inner.ca_expires
    }

    /// The trust bundle as a file, signed with the record key. It expires after [`bundle::LIFETIME`], or with the CA.
    #[must_use]
    pub fn sign_bundle(&self, endpoint: &str, sequence: i64, now: OffsetDateTime) -> Bytes {
        let expires = (now + bundle::LIFETIME).min(self.ca_expires());
        let key = self.record_key();
        let content = bundle::Content {
            city: self.city(),
            endpoint,
            sequence,
            expires,
            authorities: std::slice::from_ref(&self.inner.ca),
            keys: &[key.verifying_key()],
        };
        let sealed = envelope::seal(envelope::BUNDLE, content.to_payload(), key);
        Bytes::from(envelope::to_file(&sealed))
    }

    /// Issues a certificate for the node among nodes: its only name is the city's SPIFFE ID.
    ///
    /// # Errors
    /// [`IdentityError::Issue`] if the CA has expired.
    pub fn issue_node_leaf(&self, now: OffsetDateTime, lifetime: Duration) -> Result<Leaf, IdentityError> {
        let id = self.city().spiffe_id().try_into().map_err(issue)?;
        let both = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(vec![SanType::URI(id)], both, now, lifetime)
    }

    /// Issues a certificate for the API under these host names and addresses.
    ///
    /// # Errors
    /// [`IdentityError::Issue`] if there is no host, a host is neither a DNS name nor an address, or the CA has expired.
    pub fn issue_api_leaf(
        &self,
        hosts: &[String],
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Result<Leaf, IdentityError> {
        let name = |host: &String| match host.parse::<IpAddr>() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => host.as_str().try_into().map(SanType::DnsName),
        };
        let names = hosts.iter().map(name).collect::<Result<Vec<_>, _>>().map_err(issue)?;
        if names.is_empty() {
            return Err(IdentityError::Issue("the API has no host name; name at least one".to_owned()));
        }
        self.issue(names, vec![ExtendedKeyUsagePurpose::ServerAuth], now, lifetime)
    }

    /// Issues a certificate under any names.
    pub(crate) fn issue(
        &self,
        names: Vec<SanType>,
        purposes: Vec<ExtendedKeyUsagePurpose>,
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Result<Leaf, IdentityError> {
        let not_after = whole_seconds((now + lifetime).min(self.ca_expires()));
        if not_after <= now {
            return Err(IdentityError::Issue(format!("the CA of {} expired at {}", self.city(), self.ca_expires())));
        }
        let not_before = whole_seconds(now - BACKDATED);
        let mut params = CertificateParams::default();
        params.not_before = not_before;
        params.not_after = not_after;
        params.distinguished_name = common_name(self.city(), "Isopolity node");
        params.subject_alt_names = names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purposes;
        params.use_authority_key_identifier_extension = true;
        let mut key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(issue)?;
        let certificate = params.signed_by(&key, &self.inner.issuer).map_err(issue)?;
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        key.zeroize();
        let chain = vec![certificate.der().clone(), self.inner.ca.clone()];
        Ok(Leaf { chain, key: Zeroizing::new(secret), not_before, not_after })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("city", self.city()).finish_non_exhaustive()
    }
}

fn ca_params(city: &CityId, now: OffsetDateTime) -> Result<CertificateParams, IdentityError> {
    let mut params = CertificateParams::default();
    params.not_before = whole_seconds(now - BACKDATED);
    params.not_after = whole_seconds(now + CA_LIFETIME);
    params.distinguished_name = common_name(city, "Isopolity CA");
    params.subject_alt_names = vec![SanType::URI(trust_domain_id(city).try_into().map_err(issue)?)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

/// A common name for people to read. X.509 allows 64 characters, a city's id may have more.
fn common_name(city: &CityId, role: &str) -> DistinguishedName {
    let full = format!("{role} of {city}");
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, if full.len() <= 64 { full } else { role.to_owned() });
    name
}

/// Certificates know no fractions of a second.
fn whole_seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn issue(error: rcgen::Error) -> IdentityError {
    IdentityError::Issue(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2013-03-15 12:00 UTC);

    fn city(id: &str) -> CityId {
        id.parse().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn created() -> (tempfile::TempDir, PathBuf, Identity) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("trust");
        let identity = Identity::create(&folder, &city("geneve.example"), NOW).unwrap();
        (temporary, folder, identity)
    }

    #[test]
    fn what_was_created_is_loaded_again_and_is_for_the_owner_alone() {
        let (_temporary, folder, identity) = created();
        let again = Identity::load(&folder, &city("geneve.example")).unwrap();
        assert_eq!(again.record_key().verifying_key(), identity.record_key().verifying_key());
        assert_eq!(again.ca_pem(), identity.ca_pem());
        assert_eq!(again.ca_expires(), NOW + CA_LIFETIME);
        assert_eq!(mode(&folder), 0o700);
        for file in [CA_KEY, RECORD_KEY] {
            assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "no temporary file stays");
    }

    #[test]
    fn keys_are_never_overwritten() {
        let (_temporary, folder, identity) = created();
        let before = fs::read(folder.join(CA_KEY)).unwrap();
        let refused = Identity::create(&folder, identity.city(), NOW).unwrap_err();
        assert!(matches!(refused, IdentityError::Exists(_)), "{refused}");
        fs::remove_file(folder.join(CA_CERTIFICATE)).unwrap();
        assert!(Identity::create(&folder, identity.city(), NOW).is_err(), "a key is enough to refuse");
        assert_eq!(fs::read(folder.join(CA_KEY)).unwrap(), before);
    }

    #[test]
    fn another_citys_folder_is_refused_by_name() {
        let (_temporary, folder, _identity) = created();
        let error = Identity::load(&folder, &city("feira.example")).unwrap_err().to_string();
        assert!(error.contains("ca.pem") && error.contains("spiffe://geneve.example"), "{error}");
    }

    #[test]
    fn a_key_that_does_not_fit_the_certificate_is_named() {
        let (_temporary, folder, _identity) = created();
        let (_other_temporary, other, _other) = created();
        fs::copy(other.join(CA_KEY), folder.join(CA_KEY)).unwrap();
        let error = Identity::load(&folder, &city("geneve.example")).unwrap_err().to_string();
        assert!(error.contains("ca.key") && error.contains("not the key of ca.pem"), "{error}");
    }

    #[test]
    fn a_missing_damaged_or_open_key_is_named() {
        let (_temporary, folder, identity) = created();
        let record = folder.join(RECORD_KEY);
        fs::set_permissions(&record, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Identity::load(&folder, identity.city()).unwrap_err().to_string();
        assert!(error.contains("record.key") && error.contains("chmod 600"), "{error}");
        fs::set_permissions(&record, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&record, "nothing").unwrap();
        let error = Identity::load(&folder, identity.city()).unwrap_err().to_string();
        assert!(error.contains("record.key") && error.contains("Ed25519"), "{error}");
        fs::remove_file(&record).unwrap();
        let error = Identity::load(&folder, identity.city()).unwrap_err().to_string();
        assert!(error.contains("record.key") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn nothing_printed_holds_a_secret() {
        let (_temporary, _folder, identity) = created();
        assert_eq!(format!("{identity:?}"), "Identity { city: geneve.example, .. }");
        let leaf = identity.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap();
        assert_eq!(format!("{:?}", leaf.key), "Zeroizing { .. }");
    }

    #[test]
    fn the_nodes_certificate_names_the_city_and_the_apis_does_not() {
        let (_temporary, _folder, identity) = created();
        let node = identity.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap();
        let facts = Facts::read(&node.chain[0]).unwrap();
        assert_eq!(facts.node_city(), Some(city("geneve.example")));
        assert_eq!((facts.not_before, facts.not_after), (NOW - BACKDATED, NOW + LEAF_LIFETIME));
        assert!(!facts.is_ca);
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let api = identity.issue_api_leaf(&hosts, NOW, LEAF_LIFETIME).unwrap();
        assert_eq!(Facts::read(&api.chain[0]).unwrap().uris, Vec::<String>::new());
        assert!(identity.issue_api_leaf(&[], NOW, LEAF_LIFETIME).is_err());
    }

    #[test]
    fn no_certificate_outlives_the_ca() {
        let (_temporary, _folder, identity) = created();
        let late = identity.ca_expires() - Duration::days(1);
        assert_eq!(identity.issue_node_leaf(late, LEAF_LIFETIME).unwrap().not_after, identity.ca_expires());
        assert!(identity.issue_node_leaf(identity.ca_expires(), LEAF_LIFETIME).is_err());
    }
}
