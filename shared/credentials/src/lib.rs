//! The callback credentials in Secrets Manager: the user name and password that the platform repeats in every callback.
//!
//! Three versions of the secret are valid at once. The *current* one is registered at the platform. The *previous* one
//! remains valid, since the platform was seen to use an old password for 14 minutes after a change. The *pending* one
//! of a rotation is valid before it becomes current, so that it can be registered first.
//!
//! [`CallbackSecret`] reads and rotates versions, [`Cache`] keeps them in a listener. [`read`] reads any other secret,
//! such as the one with the platform's login, and leaves parsing to the caller. Comparing credentials with a callback
//! is the job of `shared/listener`; when to rotate and what to register is the job of `functions/listener-registrar`.

mod cache;
mod rotation;
mod secret;
mod timing;

pub use cache::{Cache, Versions};
pub use secret::{CallbackSecret, Credentials, SecretError, SecretValue, Version, read};
pub use timing::{MAX_CACHE_AGE, MIN_REFRESH_INTERVAL, PLATFORM_SWITCHOVER, PROPAGATION_DELAY};
