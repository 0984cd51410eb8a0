//! A client of the platform's two registration APIs, which determine where the callbacks of an account are sent.
//!
//! An account uses REST or SOAP, and the API through which a listener is registered determines the format of its
//! callbacks. A [`Platform`] is a client of either. A [`Registration`] can only be built from values that the platform
//! accepts, and [`compare()`] finds out how the actual registrations differ from the expected ones, without I/O.
//!
//! No AWS, and no knowledge of a stack: the caller provides URLs and credentials.

mod api;
mod compare;
mod credentials;
mod error;
mod http;
mod invalid;
mod platform;
mod registration;
mod rest;
mod session;
mod soap;

pub use api::{Api, UnknownApi};
pub use compare::{Comparison, RegistrationStatus, compare};
pub use credentials::{Credentials, Login};
pub use error::{Error, Fault};
pub use invalid::Invalid;
pub use platform::{Action, Platform, Scope};
pub use registration::{AccountName, Registered, Registration};
