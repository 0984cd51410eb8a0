//! What Verizon's ThingSpace / M2M platform POSTs to a callback listener: SOAP or REST bytes in, one [`Callback`] out.
//!
//! Pure: no AWS, no I/O, no clock. What a message *means* for a device lives with its callback service
//! (`functions/<service>`); what a device *is*, in `shared/device`.
//!
//! Typed where the platform documents a shape, kept whole where it does not: [`Message::payload`] holds every member
//! that the envelope does not explain. Names are compared ignoring case, since the platform's own spelling varies.

mod content;
mod credentials;
mod envelope;
mod error;
mod external_provisioning_change;
mod identifier;
mod identifiers;
mod items;
mod json;
mod limit;
mod members;
mod notation;
mod open_enum;
mod outcome;
mod parts;
mod secrets;
mod sent;
mod transport;
mod value;
mod wrapper;
mod xml;

pub use content::operation;
pub use credentials::Credentials;
pub use envelope::{Attempt, Callback, Message};
pub use error::ParseError;
pub use external_provisioning_change::{CustomField, DeviceInfo, ExternalProvisioningChange, FeatureCode};
pub use identifier::DeviceIdentifier;
pub use identifiers::identifiers_in;
pub use members::Members;
pub use open_enum::{AsSent, Change, Kind, State};
pub use outcome::Outcome;
pub use parts::Part;
pub use sent::Sent;
pub use serde_json::{Map, Value};
pub use transport::Transport;
pub use value::{cut, text_of};

/// The largest body that is read, in bytes. The platform's messages are a few kilobytes; the largest documented one
/// (availability of 2,000 devices) stays below half of this.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The deepest nesting of elements or members that is read. Samples reach 8. Repeated elements make two levels of one,
/// and JSON of more than 127 levels is not read back.
pub const MAX_DEPTH: usize = 48;

/// The most attributes that one XML element may have. Samples reach 2.
pub const MAX_ATTRIBUTES: usize = 32;

/// The most values that a message may have: objects and elements, arrays, attributes and leaves. The largest documented
/// message (2,000 devices) reaches 56,000 with twenty members for each.
pub const MAX_VALUES: usize = 128 * 1024;

/// How many of the values may be objects or elements with members, which take most memory: 640 bytes each. A body of the
/// largest size has room for 33,000 identifiers.
pub const MAX_OBJECTS: usize = 40 * 1024;
