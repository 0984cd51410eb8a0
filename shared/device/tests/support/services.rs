//! What the callback services make of messages, as far as names and state go: small copies of those in `functions`.

use callback::{
    AsSent, Change, DeviceInfo, ExternalProvisioningChange, Message, Outcome, Sent, Value, identifiers_in, operation,
};
use device::{CallbackService, Facet, Identification, Observation, SuspensionTerms, Update, observe_responses};

pub static PROVISIONING: CallbackService = CallbackService::new("ExternalProvisioningChanges", provisioning);
pub static CARRIER: CallbackService = CallbackService::new("CarrierService", carrier);
pub static USAGE: CallbackService = CallbackService::new("DeviceUsage", usage);
pub static AVAILABILITY: CallbackService = CallbackService::new("DeviceService", availability);

/// An update of the provisioning state alone.
pub fn state(state: &str) -> Update {
    let state = Sent::Value(AsSent::from(state.to_owned()));
    Update::Provisioning(Box::new(DeviceInfo { state, ..DeviceInfo::default() }))
}

fn provisioning(_: &str, message: Message) -> Vec<Observation> {
    let stated = ExternalProvisioningChange::of(&message).expect("a change");
    let Sent::Value(info) = stated.device_info else { panic!("a change without a snapshot") };
    let all = info.device_identifiers.value().map(Vec::as_slice).unwrap_or_default();
    let change = stated.change.value();
    let known = change.map(|change| &**change);
    let mut updates = vec![Update::Provisioning(Box::new(info.clone()))];
    if matches!(known, Some(Change::Activate | Change::Restore | Change::Deactivate)) {
        updates.extend(suspension_is_past());
    }
    vec![Observation {
        change: change.map_or("Unstated", |change| change.text()).to_owned(),
        account: info.account_name.value().cloned(),
        identification: Identification::all(&message.devices, all, known),
        devices: message.devices.clone(),
        kind: device::EventKind::Other,
        listed: Vec::new(),
        updates,
        result: None,
        payload: message.payload.clone(),
        unknown: stated.unknown,
    }]
}

pub fn suspension_is_past() -> [Update; 2] {
    let past = |facet| Update::Facet(facet, Value::Null.into());
    [past(Facet::Resume), past(Facet::Suspension(SuspensionTerms::default()))]
}

fn carrier(service: &str, message: Message) -> Vec<Observation> {
    let observe = |part: callback::Part| {
        let (devices, within, outcome) = (part.devices.clone(), identifiers_in(&part.values), part.outcome.clone());
        let mut name = operation(&part.name).to_ascii_lowercase();
        if let Some((inner, _)) = part.values.as_object().and_then(|slot| slot.iter().find(|(_, one)| one.is_object()))
            && name == "carrierservice"
        {
            name = inner.to_ascii_lowercase();
        }
        let mut observation = Observation::new(service, part).responding(&outcome);
        if matches!(outcome, Outcome::Failed { .. } | Outcome::Other(_)) {
            return observation;
        }
        if name.starts_with("activate") {
            observation.identification = Identification::activated(&devices, &within);
            observation.updates.push(state("active"));
        } else if name.starts_with("deactivate") {
            observation.identification = Identification::deactivated(&devices);
            observation.updates.push(state("deactive"));
        } else if name.starts_with("change") {
            observation.identification = Identification::changed(&devices, &within);
        } else {
            observation.identification = Identification::some(devices.iter().chain(&within));
            observation.updates.push(state(if name.starts_with("suspend") { "suspend" } else { "active" }));
        }
        observation
    };
    message.into_parts().into_iter().map(observe).collect()
}

fn usage(service: &str, message: Message) -> Vec<Observation> {
    observe_responses(service, message, |_| Facet::Usage)
}

fn availability(service: &str, message: Message) -> Vec<Observation> {
    let asked = observe_responses(service, message, |_| Facet::Availability);
    asked.into_iter().map(Observation::claiming_no_names).collect()
}
