//! The parser of callback messages of Verizon's ThingSpace / M2M platform: SOAP or REST bytes in, one [`Callback`] out.
//!
//! Pure: no AWS, no I/O, no clock. What a message *means* is decided by its callback service (`functions/<service>`),
//! and what a device *is* by `shared/device`.
//!
//! Values are typed where the platform documents their format. [`Message::payload`] contains every member that is not
//! part of the envelope, unchanged. Names are compared ignoring case, since the platform's spelling varies.

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
mod mask;
mod members;
mod notation;
mod open_enum;
mod outcome;
mod parts;
mod repair;
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
pub use mask::masked;
pub use members::Members;
pub use open_enum::{AsSent, Change, Kind, State};
pub use outcome::Outcome;
pub use parts::Part;
pub use repair::{Repair, Repaired, repair};
pub use sent::Sent;
pub use serde_json::{Map, Value};
pub use transport::Transport;
pub use value::{text_of, truncate};

/// Maximum size of a body, in bytes. The platform's messages have a few kilobytes; the largest documented one
/// (availability of 2,000 devices) has less than half of this.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Maximum nesting of elements or members. Samples reach 8. Repeated elements add a level, and JSON of more than 127
/// levels cannot be read back.
pub const MAX_DEPTH: usize = 48;

/// Maximum number of attributes of an XML element. Samples reach 2.
pub const MAX_ATTRIBUTES: usize = 32;

/// Maximum number of values in a message: objects and elements, arrays, attributes and leaves. The largest documented
/// message (2,000 devices) has 56,000 with twenty members for each.
pub const MAX_VALUES: usize = 128 * 1024;

/// Maximum number of objects and elements with members among the values. Each takes up to 640 bytes of memory. A body
/// of the maximum size has room for 33,000 identifiers.
pub const MAX_OBJECTS: usize = 40 * 1024;
