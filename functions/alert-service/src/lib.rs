//! AlertService: the condition of a usage trigger is met. Unsolicited; the format is not documented.
//!
//! An alert concerns a device or a whole account. One of the category `DeviceIMEIChange` contains both IMEIs
//! (documented), as `previousImei` and `updatedImei` (inferred).

use callback::{DeviceIdentifier, Kind, Message, Part, text_of};
use device::{CallbackService, Facet, Identification, Observation, observe_notifications};

/// The service, as registered. One page of the platform spells it differently.
pub static SERVICE: CallbackService = CallbackService::new("AlertService", interpret).also_spelled(&["AlertsService"]);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let parts = message.into_parts();
    let swaps: Vec<Option<Identification>> = parts.iter().map(swap).collect();
    let observations = observe_notifications(service, parts, |_| Facet::Alert);
    let named = |(observation, swap): (Observation, Option<Identification>)| match swap {
        Some(identification) => Observation { identification, ..observation },
        None => observation,
    };
    observations.into_iter().zip(swaps).map(named).collect()
}

/// The hardware of a device was changed: the SIM, or the line, was seen with another IMEI.
fn swap(part: &Part) -> Option<Identification> {
    let imei = |member| {
        text_of(&part.values, member).map(|value| DeviceIdentifier { kind: Kind::Imei.as_str().to_owned(), value })
    };
    let (previous, updated) = (imei("previousImei")?, imei("updatedImei")?);
    // SIM and line identify the device: if the alert is late, the former hardware may be another device's by now.
    let others: Vec<_> = part.devices.iter().filter(|one| one.kind() != Kind::Imei).cloned().collect();
    let old = if others.is_empty() { vec![previous] } else { others };
    Some(Identification::changed(&old, &[updated]))
}
