//! Trust bundles: which keys are a city's.
//!
//! A bundle is a SPIFFE bundle, that is, a JWK set (RFC 7517): the city's CA certificates (`use: x509-svid`), the public
//! keys that sign its records (`use: isopolity-record`, RFC 8037), a sequence that only grows, and under `isopolity` the
//! city, its endpoint, when it was issued and until when it is good, and lists of revoked certificates (X.509 CRLs). It travels
//! as a DSSE envelope signed with its current record key.
//!
//! The bundle that replaces it must be signed with a key that it names as current or next: so a key is announced, and takes
//! over later. A peer that was away while several keys took over is handed the bundles between ([`links`]) and goes from one to
//! the next ([`Bundle::advance`]).

mod jwks;

use bytes::Bytes;
use isopolity_domain::{
    CityId,
    clock::from_timestamp,
    envelope::{self, EnvelopeError, Keys, VerifyingKey},
    record,
    text::hexadecimal,
};
use isopolity_proto::federation::{Envelope, Record};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

pub(crate) use jwks::Content;

use crate::{certificate::Facts, identity::KeyState};

/// How long a bundle is good for. A city signs the next one long before.
pub const LIFETIME: Duration = Duration::days(90);
/// After so long a city signs its bundle anew, though nothing has changed: an old one is noticed by its age.
pub const REISSUE: Duration = Duration::days(7);
/// A bundle that is older than this is not the city's present one, whoever says so: either the city does not run, or somebody
/// holds its newer ones back.
pub const STALE: Duration = Duration::days(21);
/// How often peers should look for a new one: at a quarter of this.
pub const REFRESH_HINT: Duration = Duration::minutes(16);
/// The largest bundle that is read, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// How many CA certificates a bundle may hold.
pub const MOST_KEYS: usize = 8;
/// How many record keys it may hold, with those of before.
pub const MOST_RECORD_KEYS: usize = 64;
/// How many lists of revoked certificates it may hold.
pub const MOST_CRLS: usize = 16;
/// How far the sequence may be ahead of the one before: whoever once held a key can't use all numbers up at one stroke.
pub const LONGEST_JUMP: i64 = 1_000_000;
/// How many bundles may lead from one that is held to the present one.
pub const MOST_LINKS: usize = 32;

/// Why a bundle is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It is not a bundle, or one of its parts is wrong.
    #[error("not a trust bundle: {0}")]
    Malformed(String),
    /// It is not signed with one of its own keys.
    #[error("the trust bundle of {city} is badly signed: {problem}")]
    Signature {
        /// The city that it claims to be of.
        city: CityId,
        /// What is wrong with the signature.
        problem: String,
    },
    /// It is of another city than the one that it should replace.
    #[error("a trust bundle of {found} can't replace one of {expected}")]
    OtherCity {
        /// The city of the bundle that is held.
        expected: CityId,
        /// The city of the new one.
        found: CityId,
    },
    /// It is older than the one that is held.
    #[error(
        "the trust bundle of {city} has sequence {found}, but {held} was seen before; an older one is never taken back"
    )]
    Rollback {
        /// The city.
        city: CityId,
        /// The sequence that is held.
        held: i64,
        /// The sequence of the new one.
        found: i64,
    },
    /// Its sequence was seen before, with other content.
    #[error("there are two different trust bundles of {city} with sequence {sequence}; ask the city which is right")]
    Fork {
        /// The city.
        city: CityId,
        /// The sequence.
        sequence: i64,
    },
    /// It is not signed with a key of the one that it should replace.
    #[error(
        "the new trust bundle of {city} is not signed with a current or next key of the one held; compare fingerprints \
         with the city, then take it with \"isopolity trust reset\""
    )]
    NotSucceeding {
        /// The city.
        city: CityId,
    },
    /// Its sequence is far ahead.
    #[error(
        "the trust bundle of {city} has sequence {found}, more than {LONGEST_JUMP} ahead of {held}; if the city says that \
         this is right, take it with \"isopolity trust reset\""
    )]
    Jump {
        /// The city.
        city: CityId,
        /// The sequence that is held.
        held: i64,
        /// The sequence of the new one.
        found: i64,
    },
}

/// A record key as a bundle names it.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// The key.
    pub key: VerifyingKey,
    /// What it is for.
    pub state: KeyState,
    /// Until when it signed, if it is a former one.
    pub until: Option<OffsetDateTime>,
}

/// A trust bundle whose form and own signature were checked. Whether it is the city's is another question: a fingerprint
/// compared by telephone answers it the first time, [`Bundle::succeeds`] from then on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundle {
    /// The city.
    pub city: CityId,
    /// Where its federation listener is: `https://host:port`.
    pub endpoint: String,
    /// The sequence, from 1, growing.
    pub sequence: i64,
    /// When it was signed. Bundles of before this was told do not say.
    pub issued: Option<OffsetDateTime>,
    /// Until when it may be used.
    pub expires: OffsetDateTime,
    /// The CA certificates.
    pub authorities: Vec<CertificateDer<'static>>,
    /// All keys that sign or have signed records, by their id.
    pub keys: Keys,
    /// The same with what each is for.
    pub record_keys: Vec<HeldKey>,
    /// The `kid` of the key that signed it.
    pub signer: String,
    /// Lists of revoked certificates, DER. Path validation checks who signed them.
    pub crls: Vec<Vec<u8>>,
    /// How often to look for a new one: at a quarter of this.
    pub refresh_hint: Duration,
    /// The signed file, as it came.
    pub file: Bytes,
}

impl Bundle {
    /// Reads a bundle and checks all that it says about itself, its signature included.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] or [`BundleError::Signature`].
    pub fn parse(file: &[u8]) -> Result<Self, BundleError> {
        if file.len() > LARGEST {
            return Err(malformed(format!("it has {} bytes, more than {LARGEST}", file.len())));
        }
        let envelope = envelope::from_file(file).map_err(malformed)?;
        let read = jwks::read(&envelope.payload)?;
        let current = |key: &&HeldKey| key.state == KeyState::Current;
        envelope::open(&envelope, envelope::BUNDLE, &by_id(read.keys.iter().filter(current)))
            .map_err(|error| BundleError::Signature { city: read.city.clone(), problem: error.to_string() })?;
        let signer = envelope.signatures.first().map(|one| one.keyid.clone()).unwrap_or_default();
        parse_endpoint(&read.endpoint).map_err(malformed)?;
        for authority in &read.authorities {
            let facts = Facts::read(authority).map_err(|error| malformed(format!("a CA certificate: {error}")))?;
            if !facts.is_ca_of(&read.city) {
                return Err(malformed(format!("it holds a certificate that is not of a CA of {}", read.city)));
            }
        }
        Ok(Self {
            city: read.city,
            endpoint: read.endpoint,
            sequence: read.sequence,
            issued: read.issued,
            expires: read.expires,
            authorities: read.authorities,
            keys: by_id(&read.keys),
            record_keys: read.keys,
            signer,
            crls: read.crls,
            refresh_hint: read.refresh_hint,
            file: Bytes::copy_from_slice(file),
        })
    }

    /// SHA-256 of the file in hexadecimal: what two people compare by telephone.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hexadecimal(&Sha256::digest(&self.file))
    }

    /// Whether this bundle may take the place of an earlier one. The same file may, too.
    ///
    /// # Errors
    /// [`BundleError`] if it is of another city, not later, far later, or not signed with a key that is current or next in the
    /// earlier one.
    pub fn succeeds(&self, earlier: &Self) -> Result<(), BundleError> {
        let city = self.city.clone();
        if city != earlier.city {
            return Err(BundleError::OtherCity { expected: earlier.city.clone(), found: city });
        }
        if self.sequence < earlier.sequence {
            return Err(BundleError::Rollback { city, held: earlier.sequence, found: self.sequence });
        }
        if self.sequence == earlier.sequence {
            let same = self.file == earlier.file;
            return if same { Ok(()) } else { Err(BundleError::Fork { city, sequence: self.sequence }) };
        }
        if self.sequence - earlier.sequence > LONGEST_JUMP {
            return Err(BundleError::Jump { city, held: earlier.sequence, found: self.sequence });
        }
        envelope::from_file(&self.file)
            .and_then(|envelope| envelope::open(&envelope, envelope::BUNDLE, &earlier.successors()))
            .map(drop)
            .map_err(|_error: envelope::EnvelopeError| BundleError::NotSucceeding { city })
    }

    /// Goes from this bundle through those between to the last one, and returns that. Those that are not later than this one are
    /// passed over: the other side may not know how far we are.
    ///
    /// # Errors
    /// [`BundleError`] if one of them can't be read or may not take the place of the one before.
    pub fn advance(&self, files: &[Bytes]) -> Result<Self, BundleError> {
        if files.len() > MOST_LINKS + 1 {
            return Err(malformed(format!("{} bundles lead to it, more than {MOST_LINKS}", files.len())));
        }
        let mut held = self.clone();
        let (last, between) = files.split_last().ok_or_else(|| malformed("there is none"))?;
        for file in between {
            let next = Self::parse(file)?;
            if next.sequence > held.sequence || next.city != held.city {
                next.succeeds(&held)?;
                held = next;
            }
        }
        let last = Self::parse(last)?;
        last.succeeds(&held)?;
        Ok(last)
    }

    /// The keys that may sign the bundle after this one. A former key may not: it may have been replaced because it was stolen.
    fn successors(&self) -> Keys {
        by_id(self.record_keys.iter().filter(|key| key.state != KeyState::Former))
    }

    /// Reads a record of the city and checks its signature. A former key is believed only for what was published while it was in
    /// use.
    ///
    /// # Errors
    /// [`EnvelopeError`] if it is not signed by the city, or says that it is another city's, or is later than its key.
    pub fn record(&self, sealed: &Envelope) -> Result<Record, EnvelopeError> {
        let record = record::verify(sealed, &self.city, &self.keys)?;
        let signer = sealed.signatures.first().map(|one| one.keyid.as_str()).unwrap_or_default();
        let until = self.record_keys.iter().find(|key| envelope::key_id(&key.key) == signer).and_then(|key| key.until);
        let published = record.publish_time.as_ref().and_then(from_timestamp);
        match until {
            // The clock of the one node that publishes and rotates is the same for both.
            Some(until) if published.is_none_or(|published| published > until) => Err(EnvelopeError::Payload(format!(
                "it says that it was published after {until}, when the key that signed it was replaced"
            ))),
            _ => Ok(record),
        }
    }

    /// From when on and until when that of its CAs is valid which is the last to end.
    #[must_use]
    pub fn last_authority(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let facts = self.authorities.iter().filter_map(|authority| Facts::read(authority).ok());
        facts.map(|facts| (facts.not_before, facts.not_after)).max_by_key(|(_, ends)| *ends)
    }

    /// How old it is, if it says when it was signed.
    #[must_use]
    pub fn age(&self, now: OffsetDateTime) -> Option<Duration> {
        self.issued.map(|issued| now - issued)
    }

    /// The city's CAs in plain SPIFFE bundle form: a JWK set that any SPIFFE library reads.
    #[must_use]
    pub fn to_spiffe(&self) -> String {
        jwks::plain(&self.authorities, self.sequence, self.refresh_hint)
    }

    /// Whether it may no longer be used.
    #[must_use]
    pub fn expired(&self, now: OffsetDateTime) -> bool {
        now >= self.expires
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Bundle")
            .field("city", &self.city)
            .field("endpoint", &self.endpoint)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// Of a city's own bundles, in order of sequence, those that lead a peer from the one that it holds to the last one: the last
/// one itself comes at the end. The fewest that do.
#[must_use]
pub fn links(history: &[Bundle], held_sequence: i64) -> Vec<Bytes> {
    let Some(last) = history.last() else { return Vec::new() };
    let mut links = Vec::new();
    let mut at = history.iter().rev().find(|bundle| bundle.sequence <= held_sequence);
    if at.is_none() {
        // The one that it holds is not kept here any more: it was replaced by one that the same key signed. From there on.
        at = history.first();
        links.extend(at.filter(|first| first.sequence < last.sequence).map(|first| first.file.clone()));
    }
    while let Some(held) = at.filter(|held| held.sequence < last.sequence) {
        let farthest = history.iter().rev().find(|next| next.sequence > held.sequence && next.succeeds(held).is_ok());
        let Some(next) = farthest else { break };
        if next.sequence == last.sequence || links.len() >= MOST_LINKS {
            break;
        }
        links.push(next.file.clone());
        at = Some(next);
    }
    links.push(last.file.clone());
    links
}

fn by_id<'a>(keys: impl IntoIterator<Item = &'a HeldKey>) -> Keys {
    keys.into_iter().map(|held| (envelope::key_id(&held.key), held.key)).collect()
}

/// The host and port of an endpoint, which must be `https://host:port` and nothing more.
///
/// # Errors
/// A line that says what an endpoint looks like.
pub fn parse_endpoint(endpoint: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{:?} is not an endpoint of the form https://host:port", short(endpoint));
    let uri: http::Uri = endpoint.parse().map_err(|_error: http::uri::InvalidUri| wrong())?;
    let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let (host, port) = (authority.host(), authority.port_u16().unwrap_or(0));
    if port == 0 || host.is_empty() || format!("https://{host}:{port}") != endpoint {
        return Err(wrong());
    }
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn malformed(problem: impl ToString) -> BundleError {
    BundleError::Malformed(problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identity, KeyKind,
        testing::{NOW, city, identity, lasting_identity},
    };

    const HERE: &str = "https://127.0.0.1:7443";

    fn bundle(of: &Identity, sequence: i64) -> Bundle {
        Bundle::parse(&of.sign_bundle(HERE, sequence, NOW)).unwrap()
    }

    /// A bundle that says of itself what the test wants, properly signed.
    fn parse_content(of: &Identity, change: impl FnOnce(&mut serde_json::Value)) -> Result<Bundle, BundleError> {
        let envelope = envelope::from_file(&of.sign_bundle(HERE, 1, NOW)).unwrap();
        let mut content = serde_json::from_slice(&envelope.payload).unwrap();
        change(&mut content);
        let payload = Bytes::from(content.to_string());
        Bundle::parse(envelope::to_file(&envelope::seal(envelope::BUNDLE, payload, &of.record_key())).as_bytes())
    }

    #[test]
    fn a_bundle_is_read_as_it_was_signed() {
        let geneve = identity("geneve.example");
        let read = bundle(&geneve, 3);
        assert_eq!((read.city.as_str(), read.endpoint.as_str(), read.sequence), ("geneve.example", HERE, 3));
        assert_eq!(read.expires, NOW + LIFETIME);
        assert_eq!(read.refresh_hint, REFRESH_HINT);
        assert_eq!(read.authorities.len(), 1);
        assert_eq!(read.keys.keys().collect::<Vec<_>>(), [&envelope::key_id(&geneve.record_key().verifying_key())]);
        assert_eq!(read.fingerprint().len(), 64);
        assert!(!read.expired(NOW) && read.expired(NOW + LIFETIME));
    }

    #[test]
    fn a_bundle_with_any_byte_changed_is_rejected() {
        let file = identity("geneve.example").sign_bundle(HERE, 1, NOW);
        for position in (0..file.len()).step_by(7) {
            let mut changed = file.to_vec();
            changed[position] ^= 0x01;
            assert!(Bundle::parse(&changed).is_err(), "byte {position}");
        }
        assert!(Bundle::parse(&vec![b' '; LARGEST + 1]).is_err());
    }

    #[test]
    fn a_city_cant_bring_another_citys_ca() {
        let (geneve, feira) = (identity("geneve.example"), identity("feira.example"));
        let foreign = envelope::from_file(&feira.sign_bundle(HERE, 1, NOW)).unwrap();
        let foreign: serde_json::Value = serde_json::from_slice(&foreign.payload).unwrap();
        let error = parse_content(&geneve, |content| content["keys"][0] = foreign["keys"][0].clone()).unwrap_err();
        assert!(error.to_string().contains("not of a CA of geneve.example"), "{error}");
        let error = parse_content(&geneve, |content| content["isopolity"]["city"] = "feira.example".into());
        assert!(error.is_err());
    }

    #[test]
    fn what_is_out_of_form_is_refused() {
        let geneve = identity("geneve.example");
        assert!(parse_content(&geneve, |_| {}).is_ok());
        for endpoint in ["http://a.b:1", "https://a.b", "https://a.b:0", "https://a.b:1/x", "https://u@a.b:1", "a"] {
            assert!(parse_content(&geneve, |content| content["isopolity"]["endpoint"] = endpoint.into()).is_err());
        }
        assert!(parse_content(&geneve, |content| content["spiffe_sequence"] = 0.into()).is_err());
        assert!(parse_content(&geneve, |content| content["keys"] = serde_json::json!([])).is_err());
        assert!(parse_content(&geneve, |content| content["keys"][0]["x"] = "AAAA".into()).is_err());
        assert!(parse_content(&geneve, |content| content["keys"][1]["kid"] = "other".into()).is_err());
        assert!(parse_content(&geneve, |content| content["isopolity"]["expires"] = "soon".into()).is_err());
        let unknown = serde_json::json!({"kty": "RSA", "use": "something-new", "n": "AQAB"});
        let more = parse_content(&geneve, |content| content["keys"].as_array_mut().unwrap().push(unknown)).unwrap();
        assert_eq!((more.authorities.len(), more.keys.len()), (1, 1), "keys for other uses are passed over");
    }

    #[test]
    fn a_later_bundle_succeeds_and_an_older_one_never_does() {
        let geneve = identity("geneve.example");
        let (second, third) = (bundle(&geneve, 2), bundle(&geneve, 3));
        assert_eq!(third.succeeds(&second), Ok(()));
        assert_eq!(second.succeeds(&second), Ok(()));
        assert!(matches!(second.succeeds(&third), Err(BundleError::Rollback { held: 3, found: 2, .. })));
        let other = Bundle::parse(&geneve.sign_bundle("https://127.0.0.1:1", 2, NOW)).unwrap();
        assert!(matches!(other.succeeds(&second), Err(BundleError::Fork { sequence: 2, .. })));
    }

    #[test]
    fn a_bundle_signed_with_an_unknown_key_does_not_succeed() {
        let (geneve, impostor) = (identity("geneve.example"), identity("geneve.example"));
        let error = bundle(&impostor, 2).succeeds(&bundle(&geneve, 1)).unwrap_err();
        assert!(matches!(error, BundleError::NotSucceeding { .. }), "{error}");
        let error = bundle(&identity("feira.example"), 2).succeeds(&bundle(&geneve, 1)).unwrap_err();
        assert!(matches!(error, BundleError::OtherCity { .. }), "{error}");
    }

    #[test]
    fn an_endpoint_may_be_an_ipv6_address() {
        assert_eq!(parse_endpoint("https://[::1]:7443"), Ok(("::1".to_owned(), 7443)));
        assert_eq!(parse_endpoint("https://geneve.example:7443"), Ok(("geneve.example".to_owned(), 7443)));
    }

    /// All bundles that a city ever signed while its record key was replaced so often, in order.
    fn history(of: &Identity, rotations: usize) -> Vec<Bundle> {
        let mut all: Vec<Bundle> = Vec::new();
        let mut sign = || all.push(bundle(of, i64::try_from(all.len()).unwrap() + 1));
        sign();
        for _ in 0..rotations {
            of.prepare(KeyKind::Record, NOW).unwrap();
            sign();
            of.rotate(KeyKind::Record, NOW).unwrap();
            sign();
            sign();
        }
        all
    }

    /// What the store keeps of them: of each key the last that it signed.
    fn kept(all: &[Bundle]) -> Vec<Bundle> {
        let is_last = |at: usize| all[at + 1..].iter().all(|later| later.signer != all[at].signer);
        (0..all.len()).filter(|at| is_last(*at)).map(|at| all[at].clone()).collect()
    }

    #[test]
    fn t2_whoever_holds_any_bundle_of_before_is_led_to_the_last_one_step_by_step() {
        let (_folder, geneve) = lasting_identity("geneve.example");
        let all = history(&geneve, 4);
        let (kept, last) = (kept(&all), all.last().unwrap());
        assert_eq!(kept.len(), 5, "one for each key");
        for held in &all {
            let links = links(&kept, held.sequence);
            assert_eq!(&held.advance(&links).unwrap(), last, "from {}", held.sequence);
            assert!(links.len() <= 5, "{} links from {}", links.len(), held.sequence);
        }
        assert!(last.succeeds(&all[0]).is_err(), "not in one step");
        assert_eq!(links(&kept, last.sequence).len(), 1);
        // Somebody who leaves a step out leads nowhere.
        let mut links = links(&kept, 1);
        links.remove(1);
        assert!(matches!(all[0].advance(&links), Err(BundleError::NotSucceeding { .. })));
    }

    #[test]
    fn a_key_that_was_replaced_signs_no_further_bundle() {
        let (folder, geneve) = lasting_identity("geneve.example");
        // Somebody has a copy of the folder as it was.
        let copy = tempfile::tempdir().unwrap();
        let copied = copy.path().join("trust");
        std::fs::create_dir(&copied).unwrap();
        for file in std::fs::read_dir(folder.path().join("trust")).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), copied.join(file.file_name())).unwrap();
        }
        let thief = Identity::load(&copied, &city("geneve.example")).unwrap();
        let all = history(&geneve, 1);
        let forged = bundle(&thief, 9);
        assert!(forged.succeeds(&all[0]).is_ok(), "as long as the key was in use");
        assert!(matches!(forged.succeeds(all.last().unwrap()), Err(BundleError::NotSucceeding { .. })));
    }

    #[test]
    fn t4_a_sequence_that_jumps_far_ahead_is_refused() {
        let geneve = identity("geneve.example");
        let held = bundle(&geneve, 3);
        assert_eq!(bundle(&geneve, 3 + LONGEST_JUMP).succeeds(&held), Ok(()));
        let error = bundle(&geneve, 4 + LONGEST_JUMP).succeeds(&held).unwrap_err();
        assert!(matches!(error, BundleError::Jump { held: 3, .. }), "{error}");
        assert!(error.to_string().contains("trust reset"), "{error}");
    }

    #[test]
    fn a_former_key_is_believed_for_what_it_signed_and_for_nothing_later() {
        let (_folder, geneve) = lasting_identity("geneve.example");
        let old = geneve.record_key();
        let later = NOW + Duration::days(1);
        geneve.prepare(KeyKind::Record, NOW).unwrap();
        geneve.rotate(KeyKind::Record, NOW).unwrap();
        let held = bundle(&geneve, 3);
        let record = |key: &envelope::SigningKey, published: OffsetDateTime| {
            let record = Record {
                city: "geneve.example".to_owned(),
                name: "cities/geneve.example/partnerships/one".to_owned(),
                publish_time: Some(isopolity_domain::clock::to_timestamp(published)),
                ..Record::default()
            };
            envelope::seal(envelope::RECORD, Bytes::from(prost::Message::encode_to_vec(&record)), key)
        };
        assert!(held.record(&record(&old, NOW)).is_ok());
        let error = held.record(&record(&old, later)).unwrap_err().to_string();
        assert!(error.contains("published after") && error.contains("was replaced"), "{error}");
        assert!(held.record(&record(&geneve.record_key(), later)).is_ok());
    }

    #[test]
    fn t7_a_bundle_is_no_record_and_a_record_no_bundle() {
        let geneve = identity("geneve.example");
        let held = bundle(&geneve, 1);
        let sealed = envelope::from_file(&held.file).unwrap();
        assert!(matches!(held.record(&sealed), Err(EnvelopeError::PayloadType { .. })));
        let relabelled = Envelope { payload_type: envelope::RECORD.to_owned(), ..sealed.clone() };
        assert!(matches!(held.record(&relabelled), Err(EnvelopeError::BadSignature)));
        let as_record = envelope::seal(envelope::RECORD, sealed.payload, &geneve.record_key());
        assert!(Bundle::parse(envelope::to_file(&as_record).as_bytes()).is_err());
        let relabelled = Envelope { payload_type: envelope::BUNDLE.to_owned(), ..as_record };
        assert!(Bundle::parse(envelope::to_file(&relabelled).as_bytes()).is_err());
    }

    #[test]
    fn the_plain_form_holds_the_cas_and_nothing_of_our_own() {
        let geneve = identity("geneve.example");
        let plain: serde_json::Value = serde_json::from_str(&bundle(&geneve, 7).to_spiffe()).unwrap();
        assert_eq!((&plain["spiffe_sequence"], plain["keys"].as_array().unwrap().len()), (&7.into(), 1));
        assert_eq!(plain["keys"][0]["use"], "x509-svid");
        assert!(!plain.to_string().contains("isopolity"), "{plain}");
    }
}
