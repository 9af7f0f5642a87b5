//! Signing in and out. A session is `isos_{id}_{secret}`, kept like a token.

use std::net::IpAddr;

use bytes::Bytes;
use isopolity_domain::{Violation, audit::Subject, bearer, clock::to_timestamp, login::user_name};
use isopolity_proto::admin::{self, AuditAction, Identification};
use isopolity_store::{Session, User};
use subtle::ConstantTimeEq as _;
use time::Duration;
use tracing::info;
use zeroize::Zeroizing;

use crate::{
    Caller, Error, Known, Registry,
    access::{self, Secret},
    attempts::Attempt,
    password::{Place, Verdict},
    permission::Scopes,
};

/// How long a session lasts, however much it is used: a day's work.
const SESSION: Duration = Duration::hours(12);
/// How many sessions a user has at most.
const SESSIONS_MAX: u64 = 20;

/// A session that just began: the only time that its secret is known.
pub struct NewSession {
    /// Whose it is, and until when.
    pub session: admin::Session,
    /// What the bearer sends.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewSession").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Registry {
    /// Begins a session for whoever knows a user's password.
    ///
    /// # Errors
    /// [`Error::Invalid`] if name or password is missing, [`Error::LoginFailed`] whatever else is wrong with them,
    /// [`Error::LoginDelayed`] after too many failures, [`Error::Overloaded`].
    pub async fn login(&self, name: &str, password: Zeroizing<String>, from: IpAddr) -> Result<NewSession, Error> {
        if name.trim().is_empty() {
            return Err(Violation::required("user").into());
        }
        if password.is_empty() {
            return Err(Violation::required("password").into());
        }
        // A name that can't be one is treated as one that nobody has.
        let name = user_name(name).unwrap_or_default();
        let attempt = Attempt::of(self, &name, from);
        // Before anything is written: a crowd that signs in waits here, and not where everybody writes.
        let place = self.inner.passwords.enter().await?;
        self.begin_attempt(&attempt).await?;
        let user = self.store().user_named(&name).await?;
        let verdict = self.compared(place, &password, user.as_ref()).await?;
        let Some(user) = user.filter(|user| user.disable_time.is_none() && verdict != Verdict::Wrong) else {
            info!(network = %isopolity_domain::login::network_of(from), "somebody did not sign in");
            return Err(Error::LoginFailed);
        };
        // Some 30 ms for one that was made before the parameters grew, once.
        let stronger =
            if verdict == Verdict::SameButWeak { Some(self.inner.passwords.hash(password).await?) } else { None };
        let now = self.now();
        let secret = Secret::new(bearer::SESSION)?;
        let mut tx = self.store().begin("sign in").await?;
        // What was true when the password was compared must be true still.
        let mut present = tx
            .user(&user.id)
            .await?
            .filter(|present| present.disable_time.is_none() && present.password == user.password);
        let Some(user) = present.as_mut() else { return Err(Error::LoginFailed) };
        user.login_time = Some(now);
        user.password = stronger.unwrap_or_else(|| user.password.clone());
        let session = Session {
            id: secret.id.clone(),
            hash: Bytes::copy_from_slice(&secret.hash()),
            user: user.id.clone(),
            create_time: now,
            expire_time: now + SESSION,
        };
        tx.put_user(user).await?;
        tx.forget_sessions(now).await?;
        tx.end_sessions(&user.id, SESSIONS_MAX - 1, None).await?;
        tx.add_session(&session).await?;
        self.forgive_attempt(&mut tx, &attempt).await?;
        tx.audit(self.event(Subject::user(&user.id, user.role), AuditAction::SignedIn));
        tx.commit().await?;
        self.inner.hot.changed_user(&user.id);
        info!(user.id = user.id, session.id = session.id, "user signed in");
        Ok(NewSession { session: self.describe_session(&known(&session, user)), secret: secret.text })
    }

    /// Ends the session that the call carries.
    ///
    /// # Errors
    /// [`Error::SessionRequired`] if it carries none.
    pub async fn logout(&self, caller: &Caller) -> Result<(), Error> {
        let known = caller.known()?;
        let id = known.session.as_ref().ok_or(Error::SessionRequired)?;
        let mut tx = self.store().begin("sign out").await?;
        tx.end_session(id).await?;
        tx.audit(self.event(caller, AuditAction::SignedOut));
        tx.commit().await?;
        self.inner.hot.changed_user(&known.id);
        info!(user.id = known.id, session.id = id, "user signed out");
        Ok(())
    }

    /// Who the caller is.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] for nobody in particular.
    pub fn whoami(&self, caller: &Caller) -> Result<admin::Session, Error> {
        caller.known().map(|known| self.describe_session(known))
    }

    /// Sets the caller's own password and ends the user's other sessions.
    ///
    /// # Errors
    /// [`Error::SessionRequired`], [`Error::Invalid`], [`Error::LoginFailed`] if the present password is another,
    /// [`Error::LoginDelayed`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        present: Zeroizing<String>,
        new: Zeroizing<String>,
        from: IpAddr,
    ) -> Result<(), Error> {
        let known = caller.known()?;
        let session = known.session.as_deref().ok_or(Error::SessionRequired)?;
        if present.is_empty() {
            return Err(Violation::required("password").into());
        }
        let user = self.store().user(&known.id).await?.ok_or(Error::TokenInvalid)?;
        let attempt = Attempt::of(self, &user.name, from);
        let place = self.inner.passwords.enter().await?;
        self.begin_attempt(&attempt).await?;
        if self.compared(place, &present, Some(&user)).await? == Verdict::Wrong {
            return Err(Error::LoginFailed);
        }
        let password = self.hashed(new, "new_password", &user.name).await?;
        let now = self.now();
        let mut tx = self.store().begin("change password").await?;
        let mut changed = tx
            .user(&user.id)
            .await?
            .filter(|present| present.disable_time.is_none() && present.password == user.password);
        let Some(user) = changed.as_mut() else { return Err(Error::TokenInvalid) };
        (user.password, user.password_time, user.update_time) = (password, now, now);
        tx.put_user(user).await?;
        tx.end_sessions(&user.id, 0, Some(session)).await?;
        self.forgive_attempt(&mut tx, &attempt).await?;
        tx.audit(self.event(caller, AuditAction::PasswordChanged).about(format!("users/{}", user.id)));
        tx.commit().await?;
        self.inner.hot.changed_user(&user.id);
        info!(user.id = user.id, "user changed the password");
        Ok(())
    }

    /// Whose session it is.
    pub(crate) async fn in_session(&self, id: &str, shown: &str) -> Result<Caller, Error> {
        let kept = if let Some(kept) = self.inner.hot.session(id) {
            kept
        } else {
            let begun = self.inner.hot.begin();
            let (session, user) = self.store().session(id).await?.ok_or(Error::TokenInvalid)?;
            self.inner.hot.keep_session(begun, session, user)
        };
        let (session, user) = kept.as_ref();
        let same: bool = access::hash(shown).ct_eq(&session.hash).into();
        if same && session.expire_time > self.now() && user.disable_time.is_none() {
            Ok(Caller::Known(known(session, user)))
        } else {
            Err(Error::TokenInvalid)
        }
    }

    fn describe_session(&self, known: &Known) -> admin::Session {
        admin::Session {
            id: known.id.clone(),
            identification: known.identification.into(),
            role: known.role.into(),
            scopes: known.scopes.list().into_iter().map(Into::into).collect(),
            expire_time: known.expire_time.map(to_timestamp),
            city: self.city().to_string(),
        }
    }

    /// What comes of comparing a password with a user's.
    async fn compared(
        &self,
        place: Place,
        password: &Zeroizing<String>,
        user: Option<&User>,
    ) -> Result<Verdict, Error> {
        // A password longer than any may be is not hashed, whosever it is: it can't be right.
        if password.chars().count() > isopolity_domain::login::PASSWORD_MAX {
            return Ok(Verdict::Wrong);
        }
        self.inner.passwords.verify(place, password.clone(), user.map(|user| user.password.as_str())).await
    }
}

fn known(session: &Session, user: &User) -> Known {
    Known {
        id: user.id.clone(),
        identification: Identification::User,
        role: user.role,
        scopes: Scopes::ALL,
        session: Some(session.id.clone()),
        expire_time: Some(session.expire_time),
    }
}

#[cfg(test)]
mod tests;
