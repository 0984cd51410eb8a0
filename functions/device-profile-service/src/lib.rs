//! DeviceProfileService: the result of a request for an eUICC profile. Little more than the envelope is documented.
//!
//! One request can have several answers: first a warning that the device cannot be reached, and the outcome later; or
//! one for each profile and one for the device. Lists of devices (`POST /v2/devices/actions/list`) are answered here
//! too.

use callback::{DeviceIdentifier, Kind, Message, Part, identifiers_in};
use device::{CallbackService, Facet, Observation, RequestStatus, Update, observe_responses};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("DeviceProfileService", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let facet = |part: &Part| Facet::Profile(iccid(part).unwrap_or_default());
    observe_responses(service, message, facet).into_iter().map(with_the_profile_in_use).collect()
}

/// A profile that was enabled is in use; one that was disabled or deleted is not.
fn with_the_profile_in_use(mut observation: Observation) -> Observation {
    let done = observation.result.as_ref().is_some_and(|result| matches!(result.status, RequestStatus::Succeeded));
    let name = observation.change.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let in_use = if says(&["disable", "delete", "deactivate", "inactivate"]) {
        Some(false)
    } else if says(&["enable", "activate", "resume"]) {
        Some(true)
    } else {
        None
    };
    let profile = observation.updates.iter().find_map(|update| match update {
        Update::Facet(Facet::Profile(iccid), _) if !iccid.is_empty() => Some(iccid.clone()),
        _ => None,
    });
    if let (true, Some(iccid), Some(in_use)) = (done, profile, in_use) {
        observation.updates.push(Update::ProfileInUse(iccid, in_use));
    }
    observation
}

/// The profile that a part is about; none if it is about the device as a whole.
fn iccid(part: &Part) -> Option<String> {
    let iccid =
        |one: &DeviceIdentifier| if one.kind() == Kind::Iccid { Kind::Iccid.canonical(&one.value) } else { None };
    part.devices.iter().find_map(iccid).or_else(|| identifiers_in(&part.values).iter().find_map(iccid))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use callback::Callback;

    use super::*;

    /// Whether the message states that a profile is in use.
    fn in_use(operation: &str) -> Option<bool> {
        let body = format!(
            r#"{{"requestId":"r","status":"Success",
                "deviceResponse":{{"{operation}":{{"imei":"350000000000101","iccid":"89000000000000000101"}}}}}}"#
        );
        let message = Callback::parse(body.as_bytes(), None).unwrap().message;
        let observations = interpret("DeviceProfileService", message);
        observations.iter().flat_map(|one| &one.updates).find_map(|update| match update {
            Update::ProfileInUse(iccid, in_use) if iccid == "89000000000000000101" => Some(*in_use),
            _ => None,
        })
    }

    #[test]
    fn a_deactivated_profile_is_not_in_use_whatever_the_operation_is_called() {
        for operation in ["inactivateProfileResponse", "deactivateProfileResponse", "disableProfileResponse"] {
            assert_eq!(in_use(operation), Some(false), "{operation}");
        }
        for operation in ["activateProfileResponse", "enableProfileResponse", "resumeProfileResponse"] {
            assert_eq!(in_use(operation), Some(true), "{operation}");
        }
    }
}
