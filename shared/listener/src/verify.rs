//! Verifies that a callback comes from the platform: it must carry the registered credentials.

use callback::{Callback, Message};
use credentials::{Cache, Credentials, SecretError};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The message of a callback whose credentials were right, now or when it was received.
#[derive(Debug, Clone)]
pub struct Verified(Message);

impl Verified {
    /// The message of a callback that was verified before it was parked.
    pub(crate) fn at_receipt(callback: Callback) -> Self {
        Self(callback.message)
    }

    /// The message.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.0
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
        let right = match self {
            Self::AcceptAny => true,
            Self::Fixed(expected) => matches_any(&credentials, std::iter::once(expected)),
            Self::Secret(cache) => {
                let versions = cache.versions().await?;
                matches_any(&credentials, versions.credentials())
                    || matches_any(&credentials, cache.versions_after(&versions).await?.credentials())
            }
        };
        if right { Ok(Verified(message)) } else { Err(VerifyError::WrongCredentials) }
    }
}

/// Whether the credentials are among the expected ones, compared in constant time: digests of equal length, and all of
/// them.
fn matches_any<'a>(sent: &callback::Credentials, expected: impl Iterator<Item = &'a Credentials>) -> bool {
    let equal = |sent: &Option<String>, expected: &str| -> Choice {
        let digest = Sha256::digest(sent.as_deref().unwrap_or_default());
        digest.as_slice().ct_eq(Sha256::digest(expected).as_slice()) & Choice::from(u8::from(sent.is_some()))
    };
    let mut matched = Choice::from(0);
    for credentials in expected {
        matched |= equal(&sent.username, &credentials.username) & equal(&sent.password, &credentials.password);
    }
    matched.into()
}
