//! A client of the platform's two registration APIs: who is told of an account's devices, and where.
//!
//! An account has REST or SOAP, and the API that a listener was registered through decides the form of its messages. Both
//! are spoken here behind one [`Platform`]. What should be registered is a [`Registration`], which can only be made of
//! values that the platform takes; how that differs from what is registered, is [`compare`]d without any I/O.
//!
//! No AWS here, and no knowledge of a stack: where URLs and credentials come from is the caller's.

mod check;
mod compare;
mod credentials;
mod error;
mod http;
mod platform;
mod rest;
mod service;
mod session;
mod soap;

pub use check::{AccountName, Invalid, Registration};
pub use compare::{Comparison, Standing, compare};
pub use credentials::{Credentials, Login};
pub use error::{Error, Fault};
pub use platform::{Done, Platform, Registered, Which};
pub use service::Api;
