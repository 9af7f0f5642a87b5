//! Hashing passwords: slowly, so that a stolen database does not give them away, and never so many at once that the node runs out of
//! memory.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::Error;

/// Argon2id with 19 MiB, two passes and one lane: the second of the equally strong settings of the OWASP Password Storage Cheat Sheet
/// (2025), <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>. When these grow, a password
/// is hashed anew the next time that somebody signs in with it.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashed at once: at most 76 MiB.
const AT_ONCE: usize = 4;
/// Waiting for that. More are refused.
const WAITING: usize = 32;
/// When one that was refused may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What came of comparing a password with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another password.
    Wrong,
    /// The same.
    Same,
    /// The same, but the hash is weaker than it would be made today.
    SameButWeak,
}

/// Where passwords are hashed.
pub(crate) struct Passwords {
    params: Params,
    /// A hash of nothing, against which the password of a user who does not exist is compared: it takes the same time.
    nobody: Arc<str>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Passwords").finish_non_exhaustive()
    }
}

impl Default for Passwords {
    fn default() -> Self {
        match Params::new(MEMORY_KIB, PASSES, LANES, None) {
            Ok(params) => Self::with(params),
            Err(error) => unreachable!("the parameters are constants: {error}"),
        }
    }
}

/// Leave to hash, until dropped.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Counts itself out, also when the wait is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Passwords {
    pub(crate) fn with(params: Params) -> Self {
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        let nobody = format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}");
        Self { params, nobody: nobody.into(), places: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }

    /// The hash of a password, as a PHC string with a salt of its own.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if too many are being hashed.
    pub(crate) async fn hash(&self, password: Zeroizing<String>) -> Result<String, Error> {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let place = self.enter().await?;
        let hashed = aside(place, move || argon.hash_password(password.as_bytes())).await?;
        Ok(hashed.map_err(|error| Error::internal(error.to_string()))?.to_string())
    }

    /// Compares a password with a hash. Without one it takes as long, and is [`Verdict::Wrong`].
    ///
    /// # Errors
    /// [`Error::Internal`] for what is no hash.
    pub(crate) async fn verify(
        &self,
        place: Place,
        password: Zeroizing<String>,
        hash: Option<&str>,
    ) -> Result<Verdict, Error> {
        let hash: Arc<str> = hash.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let strength = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let compared = aside(place, move || {
            let hash = PasswordHash::new(&hash)?;
            let params = Params::try_from(&hash)?;
            match Argon2::default().verify_password(password.as_bytes(), &hash) {
                Ok(()) if (params.m_cost(), params.t_cost(), params.p_cost()) == strength => Ok(Verdict::Same),
                Ok(()) => Ok(Verdict::SameButWeak),
                Err(HashError::PasswordInvalid) => Ok(Verdict::Wrong),
                Err(error) => Err(error),
            }
        });
        compared.await?.map_err(|error| Error::internal(error.to_string()))
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if too many wait already.
    pub(crate) async fn enter(&self) -> Result<Place, Error> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        if before >= WAITING {
            let what = "too many people are signing in at once".to_owned();
            return Err(Error::Overloaded { what, retry_after: RETRY_AFTER });
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::internal)?;
        drop(waiting);
        Ok(Place(place))
    }
}

/// Works on a thread of its own. The place goes with the work: it goes on when the caller has gone away.
async fn aside<T: Send + 'static>(place: Place, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let working = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    working.await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    async fn verify(passwords: &Passwords, password: &str, hash: Option<&str>) -> Result<Verdict, Error> {
        passwords.verify(passwords.enter().await?, secret(password), hash).await
    }

    #[tokio::test]
    async fn a_password_is_kept_as_argon2id_with_a_salt_of_its_own_and_the_parameters_of_owasp() {
        let passwords = Passwords::default();
        let one = passwords.hash(secret("sardinha lua quarta")).await.unwrap();
        let other = passwords.hash(secret("sardinha lua quarta")).await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != other, "{one}");
        assert_eq!(verify(&passwords, "sardinha lua quarta", Some(&one)).await.unwrap(), Verdict::Same);
        assert_eq!(verify(&passwords, "sardinha lua quintA", Some(&one)).await.unwrap(), Verdict::Wrong);
        assert_eq!(verify(&passwords, "", None).await.unwrap(), Verdict::Wrong);
        assert!(verify(&passwords, "", Some("damaged")).await.is_err());
    }

    #[tokio::test]
    async fn a_hash_of_weaker_days_is_told() {
        let yesterday = Passwords::with(Params::new(8, 1, 1, None).unwrap());
        let old = yesterday.hash(secret("sardinha lua quarta")).await.unwrap();
        let today = Passwords::default();
        assert_eq!(verify(&today, "sardinha lua quarta", Some(&old)).await.unwrap(), Verdict::SameButWeak);
        assert_eq!(verify(&today, "another", Some(&old)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_user_who_does_not_exist_costs_what_one_who_does_costs() {
        let passwords = Passwords::default();
        let nobody = PasswordHash::new(&passwords.nobody).unwrap();
        let somebody = passwords.hash(secret("sardinha lua quarta")).await.unwrap();
        let somebody = PasswordHash::new(&somebody).unwrap();
        assert_eq!((nobody.algorithm, nobody.version), (somebody.algorithm, somebody.version));
        assert_eq!(nobody.params, somebody.params);
        let sizes = |hash: &PasswordHash| (hash.salt.unwrap().len(), hash.hash.unwrap().len());
        assert_eq!(sizes(&nobody), sizes(&somebody));
    }

    #[tokio::test]
    async fn more_than_can_be_hashed_are_refused_with_the_time_to_come_back() {
        let passwords = Arc::new(Passwords::default());
        let all = Arc::clone(&passwords.places).acquire_many_owned(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
        let wait = |passwords: Arc<Passwords>| async move { verify(&passwords, "x", Some("damaged")).await };
        let waiting: Vec<_> = (0..WAITING).map(|_| tokio::spawn(wait(passwords.clone()))).collect();
        while passwords.waiting.load(Ordering::Relaxed) < WAITING {
            tokio::task::yield_now().await;
        }
        let refused = verify(&passwords, "x", None).await.unwrap_err();
        assert!(matches!(refused, Error::Overloaded { retry_after: RETRY_AFTER, .. }), "{refused:?}");
        drop(all);
        for waiting in waiting {
            assert!(matches!(waiting.await.unwrap(), Err(Error::Internal(_))));
        }
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
