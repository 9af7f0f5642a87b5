//! Tokens: who may use the API.
//!
//! A token is `iso_{id}_{secret}`. The id is public; the secret is 32 random bytes, of which the database keeps a SHA-256
//! hash (a slow hash would add nothing: there is no dictionary of 256-bit secrets).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use isopolity_domain::{
    Violation,
    clock::{from_timestamp, to_timestamp},
    text,
};
use isopolity_proto::admin::{self, Role};
use isopolity_store::Token;
use prost_types::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{Caller, Error, Registry, Right};

const PREFIX: &str = "iso_";
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
    /// Finds out who bears a token.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`] if it is not known, expired or revoked.
    pub async fn authenticate(&self, secret: &str) -> Result<Caller, Error> {
        let (id, _) = secret.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(Error::TokenInvalid)?;
        let token = if let Some(known) = self.inner.hot.token(id) {
            known
        } else {
            let begun = self.inner.hot.begin();
            self.inner.hot.keep_token(begun, self.store().token(id).await?.ok_or(Error::TokenInvalid)?)
        };
        let same: bool = hash(secret).ct_eq(&token.hash).into();
        if same && alive(&token, self.now()) {
            Ok(Caller::Token { id: token.id.clone(), role: token.role })
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
        expire_time: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        caller.must(Right::Administer)?;
        self.mint(label, role, expire_time).await
    }

    /// Creates the first administrator's token, if there is none that may administer yet.
    ///
    /// # Errors
    /// What the store says.
    pub async fn first_token(&self) -> Result<Option<NewToken>, Error> {
        if self.store().tokens().await?.iter().any(|token| administers(token, self.now())) {
            return Ok(None);
        }
        self.mint("first administrator", Role::Administrator, None).await.map(Some)
    }

    async fn mint(&self, label: &str, role: Role, expire_time: Option<Timestamp>) -> Result<NewToken, Error> {
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
        let expire_time = match expire_time {
            None => None,
            Some(time) => match from_timestamp(&time).filter(|end| *end > now) {
                Some(end) => Some(end),
                None => return Err(Violation::invalid("expire_time", "must be in the future").into()),
            },
        };
        let mut random = Zeroizing::new([0_u8; 38]);
        getrandom::fill(random.as_mut()).map_err(|error| Error::internal(error.to_string()))?;
        let (id, secret) = random.split_at(6);
        let id = text::hexadecimal(id);
        let secret = Zeroizing::new(format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret)));
        let token = Token {
            id,
            hash: Bytes::copy_from_slice(&hash(&secret)),
            label: label.to_owned(),
            role,
            create_time: now,
            expire_time,
            revoke_time: None,
        };
        let mut tx = self.store().begin("create token").await?;
        tx.put_token(&token).await?;
        tx.commit().await?;
        Ok(NewToken { token: to_proto(&token), secret })
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
        let others = tx.tokens().await?;
        if administers(&token, now) && !others.iter().any(|other| other.id != token.id && administers(other, now)) {
            return Err(Error::LastAdministrator);
        }
        token.revoke_time = Some(now);
        tx.put_token(&token).await?;
        tx.commit().await?;
        self.inner.hot.changed_token(id);
        Ok(to_proto(&token))
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn alive(token: &Token, now: OffsetDateTime) -> bool {
    token.revoke_time.is_none() && token.expire_time.is_none_or(|end| end > now)
}

fn administers(token: &Token, now: OffsetDateTime) -> bool {
    token.role == Role::Administrator && alive(token, now)
}

fn to_proto(token: &Token) -> admin::Token {
    admin::Token {
        id: token.id.clone(),
        label: token.label.clone(),
        role: token.role.into(),
        create_time: Some(to_timestamp(token.create_time)),
        expire_time: token.expire_time.map(to_timestamp),
        revoke_time: token.revoke_time.map(to_timestamp),
    }
}
