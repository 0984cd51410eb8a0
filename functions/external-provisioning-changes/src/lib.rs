//! ExternalProvisioningChanges: provisioning changes that were made outside the API.
//!
//! One message is about one device, of which it gives a full snapshot. An activation has no `Device` in its envelope.

use callback::{ExternalProvisioningChange, Message, Sent};
use device::{CallbackService, Naming, Observation, Update};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService { name: "ExternalProvisioningChanges", interpret };

/// The change of a message that does not state one.
const UNSTATED: &str = "Unstated";

fn interpret(message: &Message) -> Vec<Observation> {
    let observation = match ExternalProvisioningChange::of(message) {
        Some(stated) => observe(message, stated),
        // A shape that nobody has seen: what the envelope says still names the device, and the payload is kept whole.
        None => Observation {
            change: UNSTATED.to_owned(),
            account: None,
            naming: Naming::some(&message.devices),
            update: Update::Nothing,
            unknown: message.payload.clone(),
        },
    };
    vec![observation]
}

fn observe(message: &Message, stated: ExternalProvisioningChange) -> Observation {
    let info = match stated.device_info {
        Sent::Value(info) => info,
        Sent::Absent | Sent::Nil => callback::DeviceInfo::default(),
    };
    let all = info.device_identifiers.value().map(Vec::as_slice).unwrap_or_default();
    let change = stated.change.value();
    Observation {
        change: change.map_or(UNSTATED, |change| change.text()).to_owned(),
        account: info.account_name.value().cloned(),
        naming: Naming::all(&message.devices, all, change.map(|change| &**change)),
        update: Update::Provisioning(Box::new(info.clone())),
        unknown: stated.unknown,
    }
}
