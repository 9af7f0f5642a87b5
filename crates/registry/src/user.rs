//! Local users: people who sign in with a name and a password.

use isopolity_domain::{
    Violation,
    audit::Event,
    clock::to_timestamp,
    login::{check_password, user_name},
    text,
};
use isopolity_proto::{
    admin::{self, AuditAction, Role},
    error::Reason,
};
use isopolity_store::{Tx, User};
use tracing::info;
use zeroize::Zeroizing;

use crate::{Caller, Error, Registry, Right, access::Administrators, attempts};

const DISPLAY_NAME_MAX: usize = 200;
const USERS_MAX: usize = 10_000;

/// What of a user is changed.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The person's name.
    pub display_name: Option<String>,
    /// What the user may do.
    pub role: Option<Role>,
    /// Whether the user may not sign in.
    pub disabled: Option<bool>,
}

impl Registry {
    /// Creates a user with a password.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::UserExists`].
    pub async fn create_user(
        &self,
        caller: &Caller,
        user: &admin::User,
        password: Zeroizing<String>,
    ) -> Result<admin::User, Error> {
        caller.must(Right::Administer)?;
        let name = user_name(&user.name).ok_or_else(|| wrong_name("user.name", &user.name))?;
        let (display_name, role) = (checked_display_name(&user.display_name)?, checked_role(user.role())?);
        let password = self.hashed(password, "password", &name).await?;
        let now = self.now();
        let user = User {
            id: new_id()?,
            name,
            display_name,
            role,
            password,
            create_time: now,
            update_time: now,
            password_time: now,
            login_time: None,
            disable_time: user.disabled.then_some(now),
            delete_time: None,
        };
        let mut tx = self.store().begin("create user").await?;
        if tx.user_named(&user.name).await?.is_some() {
            return Err(Error::UserExists(user.name));
        }
        if tx.users().await?.len() >= USERS_MAX {
            return Err(
                Violation::invalid("user", format!("there are {USERS_MAX} already, the most there may be")).into()
            );
        }
        tx.put_user(&user).await?;
        let made = self.event(caller, AuditAction::UserCreated).about(format!("users/{}", user.id));
        tx.audit(made.saying(&format!("{}: {}", role.as_str_name(), user.name)));
        tx.commit().await?;
        info!(user.id = user.id, user.role = role.as_str_name(), caller.id = caller.id(), "user created");
        Ok(to_proto(&user))
    }

    /// A user by id, also a deleted one, or by name.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::NotFound`].
    pub async fn user(&self, caller: &Caller, user: &str) -> Result<admin::User, Error> {
        caller.must(Right::Administer)?;
        let found = match self.store().user(user).await? {
            Some(found) => Some(found),
            None => match user_name(user) {
                Some(name) => self.store().user_named(&name).await?,
                None => None,
            },
        };
        found.as_ref().map(to_proto).ok_or_else(|| no_such(user))
    }

    /// All users by creation time.
    ///
    /// # Errors
    /// [`Error::RightMissing`].
    pub async fn users(&self, caller: &Caller, show_deleted: bool) -> Result<Vec<admin::User>, Error> {
        caller.must(Right::Administer)?;
        let users = self.store().users().await?;
        Ok(users.iter().filter(|user| show_deleted || user.delete_time.is_none()).map(to_proto).collect())
    }

    /// Changes a user. A new role, and disabling, end the user's sessions at once.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::NotFound`], [`Error::Invalid`], [`Error::LastAdministrator`].
    pub async fn update_user(&self, caller: &Caller, user: &str, change: UserChange) -> Result<admin::User, Error> {
        caller.must(Right::Administer)?;
        let display_name = change.display_name.as_deref().map(checked_display_name).transpose()?;
        let role = change.role.map(checked_role).transpose()?;
        let now = self.now();
        let mut tx = self.store().begin("update user").await?;
        let before = found(&mut tx, user).await?;
        let mut after = before.clone();
        after.display_name = display_name.unwrap_or(after.display_name);
        after.role = role.unwrap_or(after.role);
        match change.disabled {
            Some(true) => after.disable_time = before.disable_time.or(Some(now)),
            Some(false) => after.disable_time = None,
            None => {}
        }
        if after == before {
            return Ok(to_proto(&before));
        }
        after.update_time = now;
        let what = format!("{}, disabled: {}", after.role.as_str_name(), after.disable_time.is_some());
        let action = match (before.disable_time, after.disable_time) {
            (None, Some(_)) => AuditAction::UserDisabled,
            _ => AuditAction::UserUpdated,
        };
        self.replace(tx, self.event(caller, action).saying(&what), &before, &after).await?;
        info!(
            user.id = after.id,
            user.role = after.role.as_str_name(),
            user.disabled = after.disable_time.is_some(),
            caller.id = caller.id(),
            "user changed"
        );
        Ok(to_proto(&after))
    }

    /// Sets a user's password, ends its sessions at once, and forgets attempts to guess the one before.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::NotFound`], [`Error::Invalid`].
    pub async fn set_password(
        &self,
        caller: &Caller,
        user: &str,
        password: Zeroizing<String>,
    ) -> Result<admin::User, Error> {
        let name = self.user(caller, user).await?.name;
        let password = self.hashed(password, "password", &name).await?;
        let now = self.now();
        let mut tx = self.store().begin("set password").await?;
        let before = found(&mut tx, user).await?;
        let after = User { password, password_time: now, update_time: now, ..before.clone() };
        tx.forget_attempts(&[attempts::user_key(self, &after.name)]).await?;
        self.replace(tx, self.event(caller, AuditAction::PasswordChanged), &before, &after).await?;
        info!(user.id = after.id, caller.id = caller.id(), "password set");
        Ok(to_proto(&after))
    }

    /// Deletes a user: disabled for good and kept under its id.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::NotFound`], [`Error::LastAdministrator`].
    pub async fn delete_user(&self, caller: &Caller, user: &str) -> Result<admin::User, Error> {
        caller.must(Right::Administer)?;
        let now = self.now();
        let mut tx = self.store().begin("delete user").await?;
        if let Some(gone) = tx.user(user).await?.filter(|user| user.delete_time.is_some()) {
            return Ok(to_proto(&gone));
        }
        let before = found(&mut tx, user).await?;
        let after = User {
            password: String::new(),
            disable_time: before.disable_time.or(Some(now)),
            delete_time: Some(now),
            update_time: now,
            ..before.clone()
        };
        self.replace(tx, self.event(caller, AuditAction::UserDisabled).saying("deleted"), &before, &after).await?;
        info!(user.id = after.id, caller.id = caller.id(), "user deleted");
        Ok(to_proto(&after))
    }

    /// Writes a user who was changed: not if nobody could administer any more, and without the sessions that rest on what was before.
    async fn replace(&self, mut tx: Tx, what: Event, before: &User, after: &User) -> Result<(), Error> {
        let administrators = Administrators::of(&mut tx, self.now()).await?;
        tx.put_user(after).await?;
        if before.role != after.role || before.password != after.password || after.disable_time.is_some() {
            tx.end_sessions(&after.id, 0, None).await?;
        }
        Administrators::of(&mut tx, self.now()).await?.must_do_after(administrators)?;
        tx.audit(what.about(format!("users/{}", after.id)));
        tx.commit().await?;
        self.inner.hot.changed_user(&after.id);
        Ok(())
    }

    /// The hash of a password that is good enough.
    pub(crate) async fn hashed(&self, password: Zeroizing<String>, field: &str, name: &str) -> Result<String, Error> {
        if password.is_empty() {
            return Err(Violation::required(field).into());
        }
        check_password(&password, name).map_err(|weakness| Violation {
            field: field.to_owned(),
            reason: Reason::PasswordWeak,
            description: weakness.to_string(),
        })?;
        self.inner.passwords.hash(password).await
    }
}

/// A user that is not deleted, by id or name.
async fn found(tx: &mut Tx, user: &str) -> Result<User, Error> {
    let by_id = tx.user(user).await?.filter(|user| user.delete_time.is_none());
    let found = match (by_id, user_name(user)) {
        (None, Some(name)) => tx.user_named(&name).await?,
        (by_id, _) => by_id,
    };
    found.ok_or_else(|| no_such(user))
}

fn no_such(user: &str) -> Error {
    // What was typed may be long, and is of no use then.
    Error::NotFound(format!("user {}", user.chars().take(100).collect::<String>()))
}

fn new_id() -> Result<String, Error> {
    let mut random = [0_u8; 6];
    getrandom::fill(&mut random).map_err(|error| Error::internal(error.to_string()))?;
    Ok(format!("u{}", text::hexadecimal(&random)))
}

fn wrong_name(field: &str, name: &str) -> Violation {
    if name.trim().is_empty() {
        return Violation::required(field);
    }
    Violation::invalid(
        field,
        "must be 1 to 64 of a-z, 0-9, \".\", \"_\", \"-\" and \"@\", beginning with a letter or digit",
    )
}

fn checked_display_name(text: &str) -> Result<String, Violation> {
    if text.chars().count() > DISPLAY_NAME_MAX {
        return Err(Violation::invalid("user.display_name", format!("is longer than {DISPLAY_NAME_MAX} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Violation::invalid("user.display_name", "holds characters that can't be shown"));
    }
    Ok(text.trim().to_owned())
}

fn checked_role(role: Role) -> Result<Role, Violation> {
    if role == Role::Unspecified { Err(Violation::required("user.role")) } else { Ok(role) }
}

fn to_proto(user: &User) -> admin::User {
    admin::User {
        id: user.id.clone(),
        name: user.name.clone(),
        display_name: user.display_name.clone(),
        role: user.role.into(),
        disabled: user.disable_time.is_some(),
        create_time: Some(to_timestamp(user.create_time)),
        update_time: Some(to_timestamp(user.update_time)),
        password_time: Some(to_timestamp(user.password_time)),
        login_time: user.login_time.map(to_timestamp),
        delete_time: user.delete_time.map(to_timestamp),
    }
}
