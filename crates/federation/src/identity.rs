//! A city's own keys: its CAs, which issue the certificates of its node, and the keys that sign its records.
//!
//! They lie as files in one folder. They are never overwritten and never leave the machine. Of each kind one is in use, one may
//! be prepared, and those of before are kept for what they signed ([`Identity::prepare`], [`Identity::rotate`]).
//!
//! A city that has a PKI of its own has its CAs elsewhere: what is theirs comes in with [`Identity::use_pki`].

mod crl;
mod files;
mod leaves;
mod pki;
mod ring;
mod rotate;

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use isopolity_domain::{
    CityId,
    envelope::{self, SigningKey},
    text::hexadecimal,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    bundle,
    certificate::{Facts, trust_domain_id},
};

pub use crl::CRL_LIFETIME;
pub use leaves::IssuedLeaf;
pub use pki::{Pki, PkiFiles};
pub use ring::{Authority, KeyState, RecordKey, Revoked, authority_id};
use ring::{CA_CERTIFICATE, CA_KEY, RECORD_KEY, Ring, STATE};
pub use rotate::{FORMER_CA, KeyKind};

/// How long a certificate of the node is valid unless said otherwise. It is renewed at half of it.
pub const LEAF_LIFETIME: Duration = Duration::days(7);
/// How long the CA is valid.
const CA_LIFETIME: Duration = Duration::days(3652);
/// How far a certificate is dated back, for peers whose clocks are late.
const BACKDATED: Duration = Duration::minutes(5);

/// What page tokens and the like are authenticated with. It outlives the record key.
const SECRET: &str = "secret.key";

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
    /// There is no key that could take over.
    #[error("no next {} is prepared: prepare one first, so that peers know it before it is used", match .0 {
        KeyKind::Record => "record key",
        KeyKind::Authority => "CA",
    })]
    NotPrepared(KeyKind),
    /// There is no former CA of this id.
    #[error("there is no former CA {0}: only a CA that was replaced can be withdrawn; rotate the CA first")]
    NoSuchAuthority(String),
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

/// A city's keys. Cheap to clone; all clones are one, and see a new key at once. Shows no secret when printed.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    city: CityId,
    folder: PathBuf,
    ring: ArcSwap<Ring>,
    secret: Zeroizing<[u8; 32]>,
    pki: ArcSwapOption<Pki>,
    /// Held while keys are changed or a certificate is entered.
    changing: Mutex<()>,
}

impl Identity {
    /// Makes new keys and writes them to the folder, readable by the owner alone.
    ///
    /// # Errors
    /// [`IdentityError`] if there is any of the files already, or if they can't be written.
    pub fn create(folder: &Path, city: &CityId, now: OffsetDateTime) -> Result<Self, IdentityError> {
        files::prepare(folder, &[CA_CERTIFICATE, CA_KEY, RECORD_KEY, SECRET, STATE])?;

        let mut secret = Zeroizing::new([0_u8; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|error| IdentityError::Issue(error.to_string()))?;
        let record_pem = rotate::record_pem(&rotate::random_record_key()?)?;
        let (ca_key_pem, ca) = rotate::new_ca(city, now)?;

        // The certificate last: without it the identity is not complete and is not taken for one.
        files::write_new(&folder.join(SECRET), secret_text(&secret).as_bytes())?;
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
        let ring = Ring::load(folder, city)?;
        let secret = load_secret(folder, &ring)?;
        Ok(Self {
            inner: Arc::new(Inner {
                city: city.clone(),
                folder: folder.to_owned(),
                ring: ArcSwap::from_pointee(ring),
                secret,
                pki: ArcSwapOption::empty(),
                changing: Mutex::new(()),
            }),
        })
    }

    /// The city.
    #[must_use]
    pub fn city(&self) -> &CityId {
        &self.inner.city
    }

    fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// The key that signs records and bundles at present.
    #[must_use]
    pub fn record_key(&self) -> Arc<SigningKey> {
        let ring = self.inner.ring.load();
        let current = ring.record_keys.first().and_then(|key| key.secret.clone());
        current.unwrap_or_else(|| unreachable!("a ring that was loaded has a current key, and it comes first"))
    }

    /// All keys that sign, will sign or have signed records: the current one, the next one, then the former ones.
    #[must_use]
    pub fn record_keys(&self) -> Vec<RecordKey> {
        self.inner.ring.load().record_keys.clone()
    }

    /// All CAs: the current one, the next one, then the former ones.
    #[must_use]
    pub fn authorities(&self) -> Vec<Authority> {
        self.inner.ring.load().authorities.clone()
    }

    /// The certificates of the node that were withdrawn and have not ended with their CA.
    #[must_use]
    pub fn revoked(&self) -> Vec<Revoked> {
        self.inner.ring.load().revoked.clone()
    }

    /// The certificates that the node issued to itself for the federation and that have not ended, the latest last.
    ///
    /// # Errors
    /// [`IdentityError`] if the file can't be read.
    pub fn issued(&self, now: OffsetDateTime) -> Result<Vec<IssuedLeaf>, IdentityError> {
        let mut issued = leaves::read(self.folder())?;
        issued.retain(|leaf| leaf.not_after > now);
        Ok(issued)
    }

    /// The certificates of all CAs, PEM, the current one first: what clients of the API trust.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.inner.ring.load().roots()
    }

    /// Until when the current CA is valid.
    #[must_use]
    pub fn ca_expires(&self) -> OffsetDateTime {
        self.current_authority().expires
    }

    /// The CA that issues certificates at present.
    #[must_use]
    pub fn current_authority(&self) -> Authority {
        let ring = self.inner.ring.load();
        let current = ring.authorities.first().cloned();
        current.unwrap_or_else(|| unreachable!("a ring that was loaded has a current CA, and it comes first"))
    }

    /// Puts the CAs of the city's own PKI into the bundle, instead of those in the folder.
    pub fn use_pki(&self, pki: Pki) {
        self.inner.pki.store(Some(Arc::new(pki)));
    }

    /// The city's own PKI, if it has one.
    #[must_use]
    pub fn pki(&self) -> Option<Arc<Pki>> {
        self.inner.pki.load_full()
    }

    /// A key for one use that stays the same when record keys change. HKDF is not needed for one output of a hash of a secret.
    #[must_use]
    pub fn derive_key(&self, context: &str) -> [u8; 32] {
        derive(self.inner.secret.as_slice(), context)
    }

    /// The CA certificates that stand in the bundle.
    #[must_use]
    pub fn bundle_authorities(&self) -> Vec<CertificateDer<'static>> {
        match self.pki() {
            Some(pki) => pki.authorities.clone(),
            None => self.inner.ring.load().authorities.iter().map(|one| one.certificate.clone()).collect(),
        }
    }

    /// What the bundle says, but for sequence and times, as a number to compare: another one means that a new bundle is needed.
    #[must_use]
    pub fn bundle_mark(&self, endpoint: &str) -> String {
        let ring = self.inner.ring.load();
        let mut digest = Sha256::new();
        let mut add = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        add(endpoint.as_bytes());
        for authority in self.bundle_authorities() {
            add(&authority);
        }
        for key in &ring.record_keys {
            add(key.public.as_bytes());
            add(&[key.state as u8]);
        }
        for crl in self.pki().iter().flat_map(|pki| &pki.crls) {
            add(crl);
        }
        for revoked in &ring.revoked {
            add(revoked.serial.as_bytes());
        }
        hexadecimal(&digest.finalize())
    }

    /// The trust bundle as a file, signed with the present record key. It expires after [`bundle::LIFETIME`], or with the last of
    /// its CAs.
    #[must_use]
    pub fn sign_bundle(&self, endpoint: &str, sequence: i64, now: OffsetDateTime) -> Bytes {
        let ring = self.inner.ring.load();
        let authorities = self.bundle_authorities();
        let ends = authorities.iter().filter_map(|one| Facts::read(one).ok()).map(|facts| facts.not_after).max();
        let crls = match self.pki() {
            Some(pki) => pki.crls.clone(),
            None => crl::lists(&ring, now).unwrap_or_else(|error| {
                tracing::error!(%error, "the list of revoked certificates can't be signed");
                Vec::new()
            }),
        };
        let content = bundle::Content {
            city: self.city(),
            endpoint,
            sequence,
            issued: now,
            expires: (now + bundle::LIFETIME).min(ends.unwrap_or(now)),
            authorities: &authorities,
            keys: &ring.record_keys,
            crls: &crls,
        };
        let sealed = envelope::seal(envelope::BUNDLE, content.to_payload(), &self.record_key());
        Bytes::from(envelope::to_file(&sealed))
    }

    /// Issues a certificate for the node among nodes: its only name is the city's SPIFFE ID.
    ///
    /// # Errors
    /// [`IdentityError::Issue`] if the CA has expired.
    pub fn issue_node_leaf(&self, now: OffsetDateTime, lifetime: Duration) -> Result<Leaf, IdentityError> {
        self.issue_node_leaf_by(&self.current_authority(), now, lifetime)
    }

    /// The same by a former CA, for peers that have not heard of the current one yet.
    pub(crate) fn issue_node_leaf_by(
        &self,
        authority: &Authority,
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Result<Leaf, IdentityError> {
        let id = self.city().spiffe_id().try_into().map_err(issue)?;
        let both = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        self.issue_by(authority, vec![SanType::URI(id)], both, now, lifetime)
    }

    /// Remembers that a certificate is in use in the federation, so that it can be withdrawn. Where the folder can't be written
    /// this is logged: the certificate is good all the same.
    pub fn enter_leaf(&self, chain: &[CertificateDer<'static>], now: OffsetDateTime) {
        let _one_at_a_time = self.inner.changing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let [certificate, authority, ..] = chain else { return };
        let Ok(facts) = Facts::read(certificate) else { return };
        let entry = IssuedLeaf {
            serial: facts.serial,
            authority: authority_id(authority),
            issued: whole_seconds(now),
            not_after: facts.not_after,
        };
        if self.folder().exists()
            && let Err(error) = leaves::add(self.folder(), entry)
        {
            tracing::warn!(%error, "a certificate of this node is not entered; it can't be withdrawn by itself");
        }
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
        self.issue_by(&self.current_authority(), names, purposes, now, lifetime)
    }

    fn issue_by(
        &self,
        authority: &Authority,
        names: Vec<SanType>,
        purposes: Vec<ExtendedKeyUsagePurpose>,
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Result<Leaf, IdentityError> {
        let not_after = whole_seconds((now + lifetime).min(authority.expires));
        if not_after <= now {
            return Err(IdentityError::Issue(format!("the CA of {} expired at {}", self.city(), authority.expires)));
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
        let issuer: &Issuer<'static, KeyPair> = &authority.issuer;
        let certificate = params.signed_by(&key, issuer).map_err(issue)?;
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        key.zeroize();
        let chain = vec![certificate.der().clone(), authority.certificate.clone()];
        Ok(Leaf { chain, key: Zeroizing::new(secret), not_before, not_after })
    }

    /// Writes the secret if the folder is older than it.
    fn keep_secret(&self) -> Result<(), IdentityError> {
        let path = self.folder().join(SECRET);
        if path.exists() { Ok(()) } else { files::write_new(&path, secret_text(&self.inner.secret).as_bytes()) }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("city", self.city()).finish_non_exhaustive()
    }
}

/// The secret in the folder. A folder without one is older than it: there it is what the record key gives, and is written before
/// that key is replaced.
fn load_secret(folder: &Path, ring: &Ring) -> Result<Zeroizing<[u8; 32]>, IdentityError> {
    let path = folder.join(SECRET);
    if !path.exists() {
        let key = ring.record_keys.first().and_then(|key| key.secret.clone());
        let bytes = key.map(|key| Zeroizing::new(key.to_bytes())).unwrap_or_default();
        return Ok(Zeroizing::new(derive(bytes.as_slice(), "secret")));
    }
    let text = files::read_secret(&path)?;
    let bytes =
        crl::bytes(text.trim()).map(Zeroizing::new).and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes.map(Zeroizing::new).ok_or_else(|| IdentityError::file(&path, "does not hold 64 hexadecimal digits"))
}

fn secret_text(secret: &[u8; 32]) -> Zeroizing<String> {
    let digits = Zeroizing::new(hexadecimal(secret));
    Zeroizing::new(format!("{}\n", *digits))
}

fn derive(secret: &[u8], context: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"isopolity derived key v1\0");
    digest.update(context.as_bytes());
    digest.update([0]);
    digest.update(secret);
    digest.finalize().into()
}

fn ca_params(city: &CityId, now: OffsetDateTime) -> Result<CertificateParams, IdentityError> {
    // Each CA has a name of its own: a list of revoked certificates is found by the name of who signed it.
    let mut mark = [0_u8; 4];
    getrandom::fill(&mut mark).map_err(|error| IdentityError::Issue(error.to_string()))?;
    let mut params = CertificateParams::default();
    params.not_before = whole_seconds(now - BACKDATED);
    params.not_after = whole_seconds(now + CA_LIFETIME);
    params.distinguished_name = common_name(city, &format!("Isopolity CA {}", hexadecimal(&mark)));
    params.subject_alt_names = vec![SanType::URI(trust_domain_id(city).try_into().map_err(issue)?)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
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
        for file in [CA_KEY, RECORD_KEY, SECRET] {
            assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4, "no temporary file stays");
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

    #[test]
    fn a_key_is_prepared_then_used_then_kept_for_what_it_signed() {
        let (_temporary, folder, identity) = created();
        let first = identity.record_key().verifying_key();
        assert!(matches!(identity.rotate(KeyKind::Record, NOW), Err(IdentityError::NotPrepared(KeyKind::Record))));
        assert!(identity.prepare(KeyKind::Record, NOW).unwrap());
        assert!(!identity.prepare(KeyKind::Record, NOW).unwrap(), "one is enough");
        assert_eq!(identity.record_key().verifying_key(), first, "it is not in use yet");
        let later = NOW + Duration::days(1);
        identity.rotate(KeyKind::Record, later).unwrap();
        let again = Identity::load(&folder, identity.city()).unwrap();
        for identity in [&identity, &again] {
            let states: Vec<_> = identity.record_keys().iter().map(|key| (key.state, key.until)).collect();
            assert_eq!(states, [(KeyState::Current, None), (KeyState::Former, Some(later + rotate::GRACE))]);
            assert_ne!(identity.record_key().verifying_key(), first);
        }
        assert!(!folder.join(RECORD_KEY).exists(), "the private half of a former key is destroyed");
    }

    #[test]
    fn a_ca_is_prepared_then_used_and_withdrawn_when_no_certificate_of_it_lives() {
        let (_temporary, folder, identity) = created();
        let first = identity.current_authority();
        identity.prepare(KeyKind::Authority, NOW).unwrap();
        assert_eq!(identity.bundle_authorities().len(), 2, "peers learn of the next one");
        identity.rotate(KeyKind::Authority, NOW).unwrap();
        let second = identity.current_authority();
        assert_ne!(first.certificate, second.certificate);
        let by_second = identity.issue_node_leaf(NOW, LEAF_LIFETIME).unwrap();
        assert_eq!(by_second.chain[1], second.certificate);
        let by_first = identity.authorities().iter().any(|one| one.state == KeyState::Former && one.id() == first.id());
        assert!(by_first && identity.issue_node_leaf_by(&first, NOW, LEAF_LIFETIME).is_ok());
        let pem = fs::read_to_string(folder.join(CA_CERTIFICATE)).unwrap();
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "clients of the API trust both");
        assert_eq!(pem, Identity::load(&folder, identity.city()).unwrap().ca_pem());

        assert!(!identity.tidy(NOW + FORMER_CA - Duration::SECOND).unwrap());
        assert!(identity.tidy(NOW + FORMER_CA).unwrap());
        assert_eq!(identity.bundle_authorities(), [second.certificate]);
        assert!(!folder.join(CA_KEY).exists(), "its key is destroyed");
        assert!(matches!(identity.withdraw_authority("ab"), Err(IdentityError::NoSuchAuthority(_))));
    }

    #[test]
    fn what_is_derived_outlives_the_record_key_also_in_a_folder_of_before() {
        for old in [false, true] {
            let (_temporary, folder, identity) = created();
            if old {
                fs::remove_file(folder.join(SECRET)).unwrap();
            }
            let identity = Identity::load(&folder, identity.city()).unwrap();
            let derived = identity.derive_key("page tokens");
            assert_ne!(derived, identity.derive_key("other"));
            identity.prepare(KeyKind::Record, NOW).unwrap();
            identity.rotate(KeyKind::Record, NOW).unwrap();
            assert_eq!(identity.derive_key("page tokens"), derived);
            assert_eq!(Identity::load(&folder, identity.city()).unwrap().derive_key("page tokens"), derived);
        }
    }

    #[test]
    fn a_state_that_was_tampered_with_is_refused_by_name() {
        let (_temporary, folder, identity) = created();
        identity.prepare(KeyKind::Record, NOW).unwrap();
        let path = folder.join(STATE);
        let good = fs::read_to_string(&path).unwrap();
        for (from, to) in
            [("\"current\"", "\"former\""), ("record.key", "../record.key"), ("{", "["), ("\"public\"", "\"other\"")]
        {
            fs::write(&path, good.replace(from, to)).unwrap();
            let error = Identity::load(&folder, identity.city()).unwrap_err().to_string();
            assert!(error.contains("keys.json") || error.contains("record"), "{error}");
        }
        fs::write(&path, good).unwrap();
        Identity::load(&folder, identity.city()).unwrap();
    }
}
