//! DeviceProfileService: what became of a request for an eUICC profile. Little more than the envelope is documented.
//!
//! One request can have several answers: a warning while the device cannot be reached and the outcome later; or one for
//! each profile and one for the device. Lists of devices (`POST /v2/devices/actions/list`) are answered here too.

use callback::{DeviceIdentifier, Kind, Message, Part, identifiers_in};
use device::{CallbackService, Facet, Observation, answers};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DeviceProfileService", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    answers(service, message, |part| Facet::Profile(iccid(part).unwrap_or_default()))
}

/// The profile that a part is about; none if it is about the device as a whole.
fn iccid(part: &Part) -> Option<String> {
    let iccid =
        |one: &DeviceIdentifier| if one.kind() == Kind::Iccid { Kind::Iccid.canonical(&one.value) } else { None };
    part.devices.iter().find_map(iccid).or_else(|| identifiers_in(&part.values).iter().find_map(iccid))
}
