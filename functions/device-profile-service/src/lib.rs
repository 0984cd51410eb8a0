//! DeviceProfileService: what became of a request for an eUICC profile. Little more than the envelope is documented.
//!
//! One request can have several answers: a warning while the device cannot be reached and the outcome later; or one for
//! each profile and one for the device.

use callback::{Kind, Message, Part, identifiers_in};
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("DeviceProfileService", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    answers(SERVICE.name, message, |part| Facet::Profile(iccid(part).unwrap_or_default()))
}

/// The profile that a part is about; none if it is about the device as a whole.
fn iccid(part: &Part) -> Option<String> {
    let named = part.devices.iter().cloned().chain(identifiers_in(&part.values));
    named.into_iter().find(|one| one.kind() == Kind::Iccid).map(|one| one.value)
}
