//! What all callback functions share: a request is parsed, verified, recorded and answered in the sender's protocol.
//!
//! What a message means is decided by the callback service's crate. [`serve`] is the whole main of a function;
//! [`Listener`] is the same without Lambda, for `callbacks local`.

mod account;
mod addresses;
mod answer;
mod lambda;
mod listener;
mod queue;
mod record;
mod request;
mod settings;
mod verify;

pub use account::OtherAccount;
pub use addresses::AllowedAddresses;
pub use answer::{Refusal, refuse};
pub use aws::Metrics;
pub use lambda::{AWS_TIMEOUT, QUEUE_TIMEOUT, serve, serve_named};
pub use listener::{ANSWER_TIMEOUT, Accepted, Listener, Outcome};
pub use queue::{CallbackQueue, QueueError};
pub use request::CallbackRequest;
pub use settings::Settings;
pub use verify::{Verified, Verifier, VerifyError};
