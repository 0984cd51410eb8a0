//! Verifies that a callback comes from the platform: it must carry the registered credentials.

use callback::{Callback, Message};
use credentials::{Cache, Credentials, SecretError};
use device::{CallbackService, Observation};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::account::{OtherAccount, assign, split};

/// The message of a callback whose credentials were right, now or when it was received.
#[derive(Debug, Clone)]
pub struct Verified {
    message: Message,
    account: Option<String>,
}

impl Verified {
    /// The message of a callback that was verified before it was parked, with the account that it was verified for.
    pub(crate) fn at_receipt(callback: Callback, account: Option<String>) -> Self {
        Self { message: callback.message, account }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The account whose credentials the callback carries. `None` if it carries those of the whole stack, or if any are
    /// accepted.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// What the message says, according to the service, each observation with its account.
    ///
    /// # Errors
    ///
    /// [`OtherAccount`].
    pub fn interpret(self, service: &CallbackService) -> Result<Vec<Observation>, OtherAccount> {
        let observations = (service.interpret)(&service.name, self.message);
        match self.account {
            Some(account) => assign(observations, &account),
            None => Ok(observations),
        }
    }
}

/// Why a callback is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The user name or the password is wrong or missing.
    #[error("the user name or password is not the registered one")]
    WrongCredentials,
    /// There is nothing to compare with.
    #[error("cannot read the callback credentials: {0}")]
    SecretUnavailable(#[from] SecretError),
}

/// Which credentials callbacks must carry.
#[derive(Debug)]
pub enum Verifier {
    /// Any or none. The customer has to choose this explicitly.
    AcceptAny,
    /// These.
    Fixed(Credentials),
    /// Those of any valid version of a secret.
    Secret(Box<Cache>),
}

impl Verifier {
    /// Reads the secret, so that the first callback does not wait for it.
    pub(crate) async fn warm_up(&self) -> Result<(), SecretError> {
        match self {
            Self::AcceptAny | Self::Fixed(_) => Ok(()),
            Self::Secret(cache) => cache.versions().await.map(drop),
        }
    }

    /// The message, if the credentials are right.
    ///
    /// # Errors
    ///
    /// A [`VerifyError`].
    pub async fn verify(&self, callback: Callback) -> Result<Verified, VerifyError> {
        let Callback { credentials, message } = callback;
        let account = self.compare(&credentials).await?.account.ok_or(VerifyError::WrongCredentials)?;
        Ok(Verified { message, account: account.map(str::to_owned) })
    }

    /// Compares credentials with all valid versions. Unknown user names and wrong passwords take the same work.
    pub(crate) async fn compare<'a>(&self, sent: &'a callback::Credentials) -> Result<Compared<'a>, SecretError> {
        Ok(match self {
            Self::AcceptAny => Compared { is_known_user: false, account: Some(None) },
            Self::Fixed(expected) => compare(sent, std::iter::once(expected)),
            Self::Secret(cache) => {
                let versions = cache.versions().await?;
                match compare(sent, versions.credentials()) {
                    Compared { account: None, .. } => {
                        compare(sent, cache.versions_after(&versions).await?.credentials())
                    }
                    right => right,
                }
            }
        })
    }
}

/// The result of a comparison of credentials.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared<'a> {
    /// Whether the user name is the stack's or that of an account.
    pub(crate) is_known_user: bool,
    /// The account, if the credentials are right; the inner `None` if the user name contains no account.
    pub(crate) account: Option<Option<&'a str>>,
}

/// Compares in constant time: digests of equal length, and all of them, whether the user name is right or not.
fn compare<'a, 'b>(sent: &'a callback::Credentials, expected: impl Iterator<Item = &'b Credentials>) -> Compared<'a> {
    let equal = |sent: &str, expected: &str| Sha256::digest(sent).as_slice().ct_eq(Sha256::digest(expected).as_slice());
    let stated = Choice::from(u8::from(sent.username.is_some() && sent.password.is_some()));
    let username = sent.username.as_deref().unwrap_or_default();
    let password = sent.password.as_deref().unwrap_or_default();
    let (mut known, mut matched) = (Choice::from(0), None);
    for credentials in expected {
        let (stack, account) = split(username, credentials.username.len());
        let user = equal(stack, &credentials.username) & Choice::from(u8::from(account.is_some()));
        let right = user & equal(password, &credentials.password) & stated;
        known |= user;
        if bool::from(right) {
            matched = matched.or(account);
        }
    }
    Compared { is_known_user: known.into(), account: matched }
}
