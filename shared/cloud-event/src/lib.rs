//! What subscribers receive: CloudEvents 1.0 in structured JSON, with the attributes that filter policies match and the
//! keys of FIFO topics.
//!
//! Pure. Who publishes a message, and when, is decided by `functions/change-publisher` and
//! `functions/listener-registrar`.

mod device_event;
mod envelope;
mod registration;

pub use device_event::device_event;
pub use envelope::{MAX_MESSAGE_BYTES, Message};
pub use registration::{Found, RegistrationRepaired};
