//! Devices: which one a message means, what is known of it, and what has happened to it.
//!
//! All is pure but [`store`], which keeps it in DynamoDB. What a message of a callback service says about devices is
//! decided in that service's crate, and reaches this one as an [`Observation`].

mod digest;
mod event;
mod identity;
mod observation;
mod plan;
mod state;
pub mod store;

pub use event::{Event, Fault, FieldChange, RecordedEvent, RequestOutcome, RequestOutcomes, RequestResult, Subject};
pub use identity::{DeviceId, Identifier, MAX_IDENTIFIERS};
pub use observation::{CallbackService, Naming, Observation, Occasion, Update, answers, notifications, operation};
pub use plan::IDENTIFIERS_MOVED;
pub use state::{Device, Facet, Facets, OperationResult, Provisioning, Report, Sms};
