//! ExternalProvisioningChanges: provisioning changes that were made outside the API.
//!
//! A message contains a full snapshot of one device. An activation has no `Device` in its envelope.

use std::sync::Arc;

use callback::{Change, DeviceInfo, ExternalProvisioningChange, Message, Part, Sent, Value};
use device::{CallbackService, EventKind, Facet, Identification, Observation, SuspensionTerms, Update};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("ExternalProvisioningChanges", interpret);

/// The change of a message that does not state one.
const UNSTATED: &str = "Unstated";

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let Some(stated) = ExternalProvisioningChange::of(&message) else {
        // An unknown format: identifiers in it still identify a device, and the payload is kept whole.
        let observe = |part: Part| {
            let (unknown, change) = (part.payload.clone(), UNSTATED.to_owned());
            Observation { change, unknown, ..Observation::new(service, part) }
        };
        return message.into_parts().into_iter().map(observe).collect();
    };
    let info = match stated.device_info {
        Sent::Value(info) => info,
        Sent::Absent | Sent::Nil => DeviceInfo::default(),
    };
    let all = info.device_identifiers.value().map(Vec::as_slice).unwrap_or_default();
    let change = stated.change.value();
    let known = change.map(|change| &**change);
    let identification = Identification::all(&message.devices, all, known);
    let account = info.account_name.value().cloned();
    let mut updates = vec![Update::Provisioning(Box::new(info))];
    if matches!(known, Some(Change::Activate | Change::Restore | Change::Deactivate)) {
        // Cancels any announced return from suspension.
        updates.push(Update::Facet(Facet::Resume, Arc::new(Value::Null)));
        updates.push(Update::Facet(Facet::Suspension(SuspensionTerms::default()), Arc::new(Value::Null)));
    }
    vec![Observation {
        change: change.map_or(UNSTATED, |change| change.text()).to_owned(),
        kind: known.map_or(EventKind::Other, kind),
        account,
        identification,
        devices: message.devices,
        listed: Vec::new(),
        updates,
        result: None,
        payload: message.payload,
        unknown: stated.unknown,
    }]
}

fn kind(change: &Change) -> EventKind {
    match change {
        Change::Activate => EventKind::Activate,
        Change::Suspend => EventKind::Suspend,
        Change::Restore => EventKind::Restore,
        Change::Deactivate => EventKind::Deactivate,
        Change::ChangeMdn
        | Change::ChangeEsn
        | Change::ChangeImei
        | Change::ChangeIccid
        | Change::ChangeImeiIccid
        | Change::ChangeDevice3gTo4g
        | Change::ChangeDevice4gTo3g => EventKind::ChangeIdentifier,
        Change::DeviceDetection => EventKind::DeviceDetection,
        _ => EventKind::Other,
    }
}
