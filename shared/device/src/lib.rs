//! Devices: which one a message means, what is known of it, and what has happened to it.
//!
//! All is pure: values in, values out, without I/O, clock or chance. What a message of a callback service says about
//! devices is decided in that service's crate, and reaches this one as an [`Observation`]; what follows from it is a
//! [`Plan`], which `shared/store` carries out.

mod bound;
mod changes;
mod digest;
mod event;
mod facet;
mod identification;
mod identity;
mod kind;
mod observation;
mod plan;
mod pointer;
mod rebuild;
mod resolve;
mod result;
mod service;
mod state;

pub use digest::Digest;
pub use event::{Event, EventReport, FieldChange, RecordedEvent, RequestOutcome, RequestOutcomes, Subject};
pub use facet::{Delivery, Facet, Facets, OperationResult, Prl, Report, Sms, Suspension, SuspensionTerms};
pub use identification::Identification;
pub use identity::{DeviceId, Identifier, MAX_IDENTIFIERS};
pub use kind::EventKind;
pub use observation::{Observation, Update, observe_notifications, observe_responses};
pub use plan::{IDENTIFIERS_MOVED, Move, OwnerChange, Plan, plan};
pub use rebuild::{Difference, HistoryFault, Rebuilt, rebuild};
pub use resolve::Known;
pub use result::{Fault, RequestResult, RequestStatus};
pub use service::{CallbackDelivery, CallbackService, Receipt, Resends};
pub use state::{Device, Provisioning};
