//! Tokens: which programs may use the API. And who may administer, by a token or as a user.
//!
//! A token is `iso_{id}_{secret}`. The id is public; the secret is 32 random bytes, of which the database keeps a SHA-256
//! hash (a slow hash would add nothing: there is no dictionary of 256-bit secrets).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use isopolity_domain::{
    Violation,
    audit::Subject,
    bearer::{self, Bearer},
    clock::{from_timestamp, to_timestamp},
    text,
};
use isopolity_proto::admin::{self, AuditAction, Identification, Role, Scope};
use isopolity_store::{Token, Tx, User};
use prost_types::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{Caller, Error, Known, Registry, Right, attempts::keyed, author::NODE, permission::Scopes};

const LABEL_MAX: usize = 200;

/// A token that was just created: the only time that its secret is known.
pub struct NewToken {
    /// The token without its secret.
    pub token: admin::Token,
    /// What the bearer sends.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewToken").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Registry {
    /// Finds out who bears a token or has a session.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`] if it is not known, expired or revoked.
    pub async fn authenticate(&self, secret: &str) -> Result<Caller, Error> {
        let mut known = None;
        let caller = self.bearer(secret, &mut known).await;
        if matches!(caller, Err(Error::TokenInvalid)) {
            self.journal().authentication_failed(known.as_deref().unwrap_or_default());
        }
        caller
    }

    /// Who bears a token; and the token's id, if there is such a one.
    async fn bearer(&self, secret: &str, id_known: &mut Option<String>) -> Result<Caller, Error> {
        let id = match Bearer::parse(secret) {
            Some(Bearer::Token(id)) => id,
            Some(Bearer::Session(id)) => return self.in_session(id, secret).await,
            Some(Bearer::Signed(_)) | None => return Err(Error::TokenInvalid),
        };
        let token = if let Some(known) = self.inner.hot.token(id) {
            known
        } else {
            let begun = self.inner.hot.begin();
            self.inner.hot.keep_token(begun, self.store().token(id).await?.ok_or(Error::TokenInvalid)?)
        };
        *id_known = Some(token.id.clone());
        let same: bool = hash(secret).ct_eq(&token.hash).into();
        if same && alive(&token, self.now()) {
            Ok(Caller::Known(Known {
                id: token.id.clone(),
                identification: Identification::Token,
                role: token.role,
                scopes: Scopes::of(&token.scopes),
                session: None,
                expire_time: token.expire_time,
            }))
        } else {
            Err(Error::TokenInvalid)
        }
    }

    /// Creates a token for an administrator.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`] for a label or role that is missing or an end in the past.
    pub async fn create_token(
        &self,
        caller: &Caller,
        label: &str,
        role: Role,
        scopes: &[Scope],
        expire_time: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        caller.must(Right::Administer)?;
        self.mint(caller, label, role, scopes, expire_time).await
    }

    /// When a token ends that is made now and lasts so long.
    #[must_use]
    pub fn default_end(&self, life: time::Duration) -> Option<Timestamp> {
        self.now().checked_add(life).map(to_timestamp)
    }

    /// Creates the first administrator's token, if nobody may administer yet.
    ///
    /// # Errors
    /// What the store says.
    pub async fn first_token(&self) -> Result<Option<NewToken>, Error> {
        let mut tx = self.store().begin("look for an administrator").await?;
        let found = Administrators::of(&mut tx, self.now()).await?;
        drop(tx);
        if found != Administrators::None {
            return Ok(None);
        }
        self.mint(NODE, "first administrator", Role::Administrator, &[], None).await.map(Some)
    }

    async fn mint(
        &self,
        by: impl Into<Subject>,
        label: &str,
        role: Role,
        scopes: &[Scope],
        expire_time: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        let now = self.now();
        if label.trim().is_empty() {
            return Err(Violation::required("label").into());
        }
        if label.chars().count() > LABEL_MAX {
            return Err(Violation::invalid("label", format!("is longer than {LABEL_MAX} characters")).into());
        }
        if role == Role::Unspecified {
            return Err(Violation::required("role").into());
        }
        if let Some(at) = scopes.iter().position(|scope| *scope == Scope::Unspecified) {
            return Err(Violation::required(format!("scopes[{at}]")).into());
        }
        let expire_time = match expire_time {
            None => None,
            Some(time) => match from_timestamp(&time).filter(|end| *end > now) {
                Some(end) => Some(end),
                None => return Err(Violation::invalid("expire_time", "must be in the future").into()),
            },
        };
        let secret = Secret::new(bearer::TOKEN)?;
        let token = Token {
            id: secret.id.clone(),
            hash: Bytes::copy_from_slice(&secret.hash()),
            label: label.to_owned(),
            role,
            scopes: Scopes::of(scopes).list(),
            create_time: now,
            expire_time,
            revoke_time: None,
        };
        let mut tx = self.store().begin("create token").await?;
        tx.put_token(&token).await?;
        let made = self.event(by, AuditAction::TokenCreated).about(format!("tokens/{}", token.id));
        tx.audit(made.saying(&format!("{}: {label}", role.as_str_name())));
        tx.commit().await?;
        Ok(NewToken { token: to_proto(&token), secret: secret.text })
    }

    /// Lists all tokens by creation time.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<admin::Token>, Error> {
        caller.must(Right::Administer)?;
        let mut tokens = self.store().tokens().await?;
        tokens.sort_by(|one, other| (one.create_time, &one.id).cmp(&(other.create_time, &other.id)));
        Ok(tokens.iter().map(to_proto).collect())
    }

    /// Revokes a token at once.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::LastAdministrator`] if nobody could administer any more.
    pub async fn revoke_token(&self, caller: &Caller, id: &str) -> Result<admin::Token, Error> {
        caller.must(Right::Administer)?;
        let now = self.now();
        let mut tx = self.store().begin("revoke token").await?;
        let mut token = tx.token(id).await?.ok_or_else(|| Error::NotFound(format!("token {id}")))?;
        if token.revoke_time.is_some() {
            return Ok(to_proto(&token));
        }
        let administrators = Administrators::of(&mut tx, now).await?;
        token.revoke_time = Some(now);
        tx.put_token(&token).await?;
        tx.audit(self.event(caller, AuditAction::TokenRevoked).about(format!("tokens/{id}")));
        Administrators::of(&mut tx, now).await?.must_do_after(administrators)?;
        tx.commit().await?;
        self.inner.hot.changed_token(id);
        Ok(to_proto(&token))
    }

    /// What peers learn of who asks: the same for the same caller, and of no use to find out who it is.
    pub(crate) fn pseudonym(&self, caller: &Caller) -> String {
        match caller {
            Caller::Anonymous => format!("anonymous@{}", self.city()),
            Caller::Known(known) => format!("{}@{}", keyed(&self.inner.pseudonym_key, &[&known.id]), self.city()),
        }
    }

    /// The id of somebody whom an identity provider knows: the same for the same person, and nothing of them in it.
    #[must_use]
    pub fn provided_id(&self, issuer: &str, subject: &str) -> String {
        format!("o{}", keyed(&self.inner.pseudonym_key, &["provided", issuer, subject]))
    }
}

/// What the bearer of something sends, and the id by which it is found.
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) text: Zeroizing<String>,
}

impl Secret {
    pub(crate) fn new(prefix: &str) -> Result<Self, Error> {
        let mut random = Zeroizing::new([0_u8; 38]);
        getrandom::fill(random.as_mut()).map_err(|error| Error::internal(error.to_string()))?;
        let (id, secret) = random.split_at(6);
        let id = text::hexadecimal(id);
        let text = Zeroizing::new(format!("{prefix}{id}_{}", URL_SAFE_NO_PAD.encode(secret)));
        Ok(Self { id, text })
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        hash(&self.text)
    }
}

/// Who may administer the node: one rule over tokens and users. Whom an identity provider sends does not count: it may be gone tomorrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Administrators {
    /// Nobody.
    None,
    /// Only those whose tokens end some day.
    ForNow,
    /// Somebody without an end.
    ForGood,
}

impl Administrators {
    /// How it is now.
    pub(crate) async fn of(tx: &mut Tx, now: OffsetDateTime) -> Result<Self, Error> {
        let tokens = tx.tokens().await?;
        let users = tx.users().await?;
        let by_token = tokens.iter().map(|token| Self::by_token(token, now));
        Ok(by_token.chain(users.iter().map(Self::by_user)).max().unwrap_or(Self::None))
    }

    fn by_token(token: &Token, now: OffsetDateTime) -> Self {
        let administers = token.role == Role::Administrator && Scopes::of(&token.scopes).has(Scope::Administer);
        match token.expire_time {
            _ if !administers || !alive(token, now) => Self::None,
            Some(_) => Self::ForNow,
            None => Self::ForGood,
        }
    }

    fn by_user(user: &User) -> Self {
        if user.role == Role::Administrator && user.disable_time.is_none() { Self::ForGood } else { Self::None }
    }

    /// Refuses a change that leaves less than there was.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`].
    pub(crate) fn must_do_after(self, before: Self) -> Result<(), Error> {
        if self < before { Err(Error::LastAdministrator) } else { Ok(()) }
    }
}

pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn alive(token: &Token, now: OffsetDateTime) -> bool {
    token.revoke_time.is_none() && token.expire_time.is_none_or(|end| end > now)
}

fn to_proto(token: &Token) -> admin::Token {
    admin::Token {
        id: token.id.clone(),
        label: token.label.clone(),
        role: token.role.into(),
        create_time: Some(to_timestamp(token.create_time)),
        expire_time: token.expire_time.map(to_timestamp),
        revoke_time: token.revoke_time.map(to_timestamp),
        scopes: token.scopes.iter().copied().map(Into::into).collect(),
    }
}
