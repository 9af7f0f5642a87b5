//! With keys that are made here. A real provider is asked in tests/oidc.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use isopolity_domain::clock::FixedClock;
use isopolity_domain::retention::Retention;
use isopolity_federation::{Identity, Limits, Peers};
use isopolity_proto::admin::Role;
use isopolity_registry::{Patience, Settings, cooperation::Rules};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);
const ISSUER: &str = "https://login.feira.example";

/// A provider, as far as its keys go, and a city that trusts it.
struct Bench {
    registry: Registry,
    provider: Arc<Provider>,
    clock: Arc<FixedClock>,
    elliptic: EcdsaKeyPair,
    edwards: Ed25519KeyPair,
    _folder: TempDir,
}

fn settings() -> Oidc {
    let roles = [("staff", "viewer"), ("economy", "editor"), ("audit", "auditor"), ("it", "administrator")];
    let roles: serde_json::Map<String, Value> =
        roles.map(|(group, role)| (group.to_owned(), json!(role))).into_iter().collect();
    serde_json::from_value(json!({"issuer": ISSUER, "audience": "isopolity", "roles": roles})).unwrap()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Bench {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Oidc) -> Self {
        let random = SystemRandom::new();
        let elliptic = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let elliptic = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, elliptic.as_ref(), &random).unwrap();
        let edwards = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
        let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(FixedClock::at(NOW)));
        let identity = Identity::create(&folder.path().join("trust"), &"feira.example".parse().unwrap(), NOW).unwrap();
        let registry = Registry::open(Settings {
            peers: Peers::new(identity.clone(), clock.clone(), Limits::default()).unwrap(),
            identity,
            endpoint: None,
            storage_url: format!("sqlite://{}", folder.path().join("registry.db").display()),
            index_folder: folder.path().join("index"),
            clock: clock.clone(),
            patience: Patience::default(),
            retention: Retention::default(),
            cooperation: Rules::default(),
        });
        let provider = Provider::new(settings, None, clock.clone()).unwrap();
        let bench = Self { registry: registry.await.unwrap(), provider, clock, elliptic, edwards, _folder: folder };
        bench.hold(&bench.set());
        bench
    }

    /// The provider's keys, as it would publish them.
    fn set(&self) -> Value {
        let point = self.elliptic.public_key().as_ref();
        let curve = json!({"kty": "EC", "crv": "P-256", "kid": "e1", "use": "sig", "alg": "ES256",
                           "x": encoded(&point[1..33]), "y": encoded(&point[33..])});
        let edwards = json!({"kty": "OKP", "crv": "Ed25519", "kid": "d1", "x": encoded(self.edwards.public_key())});
        json!({"keys": [curve, edwards, {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}, {"kty": "new"}, 7]})
    }

    /// Holds these keys, as if they had been fetched just now.
    fn hold(&self, set: &Value) {
        let keys = Keys::read(set.to_string().as_bytes()).unwrap();
        self.provider.held.store(Arc::new(Held { keys, fetched: Some(self.clock.now()) }));
    }

    /// The provider is asked no more for a while.
    async fn cut_off(&self) {
        self.provider.tries.lock().await.extend([self.clock.now(); TRIES]);
    }

    /// A token with these claims beside those that it needs; null takes one away.
    fn token(&self, header: &Value, claims: &Value) -> String {
        let now = NOW.unix_timestamp();
        let mut all = json!({"iss": ISSUER, "aud": "isopolity", "sub": "ana@feira.example", "exp": now + 300,
                             "iat": now, "nbf": now, "groups": ["economy"]});
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let message = format!("{}.{}", encoded(header.to_string()), encoded(all.to_string()));
        let signature = match header["alg"].as_str().unwrap() {
            "ES256" => self.elliptic.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.edwards.sign(message.as_bytes()).as_ref().to_vec(),
            "HS256" => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"secret");
                ring::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            _ => b"x".to_vec(),
        };
        format!("{message}.{}", encoded(signature))
    }

    async fn caller(&self, header: &Value, claims: &Value) -> Result<Caller, Error> {
        self.provider.caller(&self.registry, &self.token(header, claims)).await
    }

    async fn role(&self, claims: &Value) -> Role {
        self.caller(&good(), claims).await.unwrap().known().unwrap().role
    }
}

fn good() -> Value {
    json!({"alg": "ES256", "kid": "e1", "typ": "JWT"})
}

#[tokio::test]
async fn whom_the_provider_vouches_for_has_the_role_of_their_group() {
    let bench = Bench::new().await;
    let caller = bench.caller(&good(), &json!({})).await.unwrap();
    let known = caller.known().unwrap();
    assert_eq!((known.role, known.identification), (Role::Editor, Identification::Provider));
    assert_eq!(known.expire_time, Some(NOW + Duration::seconds(300)));
    assert!(!caller.id().contains("ana"), "{}", caller.id());
    let again =
        bench.caller(&json!({"alg": "EdDSA", "kid": "d1"}), &json!({"exp": NOW.unix_timestamp() + 9})).await.unwrap();
    assert_eq!(again.id(), caller.id(), "the same person has the same id");
    assert_eq!(bench.role(&json!({"groups": "it"})).await, Role::Administrator);
    assert_eq!(bench.role(&json!({"groups": ["nobody knows", "staff", "audit", 7]})).await, Role::Auditor);
    for none in [json!(null), json!([]), json!(["ECONOMY"]), json!({"it": true}), json!([["it"]])] {
        assert_eq!(bench.role(&json!({"groups": none})).await, Role::Unspecified, "{none}");
    }
    let stranger = bench.caller(&good(), &json!({"groups": ["nobody knows"]})).await.unwrap();
    assert!(matches!(stranger.must(isopolity_registry::Right::Read), Err(Error::RightMissing(_))));
}

#[tokio::test]
async fn groups_may_stand_deeper_in_a_token() {
    let bench = Bench::with(Oidc { groups_claim: "realm_access.roles".into(), ..settings() }).await;
    assert_eq!(bench.role(&json!({"realm_access": {"roles": ["it"]}})).await, Role::Administrator);
    assert_eq!(bench.role(&json!({"realm_access": ["it"], "roles": ["it"]})).await, Role::Unspecified);
}

#[tokio::test]
async fn a_token_that_is_not_for_this_city_now_is_refused() {
    let bench = Bench::new().await;
    let now = NOW.unix_timestamp();
    for (what, claims) in [
        ("another issuer", json!({"iss": "https://login.evil.example"})),
        ("no issuer", json!({"iss": null})),
        ("another audience", json!({"aud": "payroll"})),
        ("other audiences", json!({"aud": ["payroll", "Isopolity"]})),
        ("no audience", json!({"aud": null})),
        ("no end", json!({"exp": null})),
        ("an end in words", json!({"exp": "9999999999"})),
        ("an end that is no time", json!({"exp": 1e300})),
        ("expired", json!({"exp": now - 60})),
        ("not yet", json!({"nbf": now + 61})),
        ("a beginning in words", json!({"nbf": "soon"})),
        ("no subject", json!({"sub": null})),
        ("an empty subject", json!({"sub": ""})),
        ("a long subject", json!({"sub": "a".repeat(256)})),
        ("another client", json!({"azp": "payroll"})),
    ] {
        let refused = bench.caller(&good(), &claims).await;
        assert!(matches!(refused, Err(Error::TokenInvalid)), "{what}: {refused:?}");
    }
    for (what, claims) in [
        ("among others", json!({"aud": ["payroll", "isopolity"]})),
        ("clocks differ", json!({"exp": now - 59})),
        ("clocks differ the other way", json!({"nbf": now + 60})),
        ("parts of seconds", json!({"exp": 1e9 + 1e9 + 0.5})),
        ("this client", json!({"azp": "isopolity"})),
    ] {
        bench.caller(&good(), &claims).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[tokio::test]
async fn only_the_clients_that_are_named_may_have_got_a_token() {
    let bench = Bench::with(Oidc { clients: vec!["portal".into()], ..settings() }).await;
    bench.caller(&good(), &json!({"azp": "portal"})).await.unwrap();
    bench.caller(&good(), &json!({"client_id": "portal"})).await.unwrap();
    for claims in [json!({"azp": "isopolity"}), json!({}), json!({"azp": "x", "client_id": "portal"})] {
        assert!(matches!(bench.caller(&good(), &claims).await, Err(Error::TokenInvalid)), "{claims}");
    }
}

#[tokio::test]
async fn a_token_that_the_provider_did_not_sign_like_this_is_refused() {
    let bench = Bench::new().await;
    bench.cut_off().await;
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "none", "kid": "e1"}),
        json!({"alg": "HS256", "kid": "secret"}),
        json!({"alg": "HS256", "kid": "e1"}),
        json!({"alg": "EdDSA", "kid": "e1"}),
        json!({"alg": "ES256", "kid": "d1"}),
        json!({"alg": "RS256", "kid": "e1"}),
        json!({"alg": "ES256", "kid": "unknown"}),
        json!({"alg": "ES256", "kid": "e1", "crit": ["b64"]}),
    ] {
        let refused = bench.caller(&header, &json!({})).await;
        assert!(matches!(refused, Err(Error::TokenInvalid)), "{header}: {refused:?}");
    }
    let token = bench.token(&good(), &json!({}));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other = bench.token(&good(), &json!({"groups": ["it"]}));
    let other_claims = other.split('.').nth(1).unwrap();
    for forged in [
        format!("{header}.{other_claims}.{signature}"),
        format!("{message}.{}", encoded([0; 64])),
        format!("{message}.{}", encoded("")),
    ] {
        let refused = bench.provider.caller(&bench.registry, &forged).await;
        assert!(matches!(refused, Err(Error::TokenInvalid)), "{refused:?}");
    }
    bench.caller(&json!({"alg": "ES256"}), &json!({})).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_for_something_else_is_not_used() {
    let bench = Bench::new().await;
    bench.cut_off().await;
    for (name, value) in [("use", "enc"), ("alg", "ES384"), ("crv", "P-384"), ("x", "AAAA"), ("kid", "e2")] {
        let mut set = bench.set();
        set["keys"][0][name] = json!(value);
        bench.hold(&set);
        let refused = bench.caller(&good(), &json!({})).await;
        assert!(matches!(refused, Err(Error::TokenInvalid)), "{name}: {refused:?}");
    }
    let mut two = bench.set();
    let mut second = two["keys"][0].clone();
    second["kid"] = json!("e2");
    two["keys"].as_array_mut().unwrap().push(second);
    bench.hold(&two);
    let refused = bench.caller(&json!({"alg": "ES256"}), &json!({})).await;
    assert!(matches!(refused, Err(Error::TokenInvalid)), "of two keys neither is guessed");
}

#[tokio::test]
async fn keys_are_good_for_a_day_while_the_provider_is_silent() {
    let bench = Bench::with(Oidc { issuer: "https://127.0.0.1:1".into(), ..settings() }).await;
    let claims = |bench: &Bench| json!({"iss": "https://127.0.0.1:1", "exp": bench.clock.now().unix_timestamp() + 60});
    bench.clock.advance(KEPT - Duration::SECOND);
    bench.caller(&good(), &claims(&bench)).await.unwrap();
    bench.clock.advance(Duration::SECOND);
    let silent = bench.caller(&good(), &claims(&bench)).await;
    assert!(matches!(silent, Err(Error::ProviderUnreachable)), "{silent:?}");
}

#[tokio::test]
async fn made_up_keys_let_a_node_ask_the_provider_now_and_then_and_no_more() {
    let bench = Bench::with(Oidc { issuer: "https://127.0.0.1:1".into(), ..settings() }).await;
    let made_up = async || {
        let refused = bench.caller(&json!({"alg": "ES256", "kid": "made up"}), &json!({})).await;
        assert!(matches!(refused, Err(Error::TokenInvalid)), "{refused:?}");
        bench.provider.tries.lock().await.clone()
    };
    for tries in [1, 2, 3, 3, 3] {
        assert_eq!(made_up().await.len(), tries);
    }
    bench.clock.advance(TRIES_IN - Duration::MICROSECOND);
    assert_eq!(made_up().await, [NOW; TRIES]);
    bench.clock.advance(Duration::MICROSECOND);
    assert_eq!(made_up().await, [bench.clock.now()]);
}

#[tokio::test]
async fn what_is_no_set_of_keys_is_refused_and_one_is_read_as_far_as_it_goes() {
    for wrong in ["", "[]", "{}", r#"{"keys": 7}"#, r#"{"keys": [}"#] {
        assert!(Keys::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert_eq!(Bench::new().await.provider.held.load().keys.len(), 2);
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encoded([1; 32])});
    let many = json!({"keys": vec![key; 1_000]});
    assert_eq!(Keys::read(many.to_string().as_bytes()).unwrap().len(), 100);
}
