//! CarrierService: the result of a request that changes a device: activate, suspend, restore, deactivate, change
//! identifier, service plan, cost centre, custom fields, contact info, move. One message per device.
//!
//! Documented: the change of an identifier, failures and a part of the activation in REST, and the names in the change
//! of an identifier in SOAP. Operations are recognized by their names, in any spelling. A successful one sets the
//! device's state.

use std::sync::Arc;

use callback::{
    AsSent, DeviceIdentifier, DeviceInfo, Map, Message, Outcome, Part, Sent, Value, identifiers_in, text_of,
};
use device::{CallbackService, EventKind, Facet, Identification, Observation, SuspensionTerms, Update};

/// The service, as registered.
pub static SERVICE: CallbackService = CallbackService::new("CarrierService", interpret);

fn interpret(service: &str, message: Message) -> Vec<Observation> {
    let parts = message.into_parts();
    // Content that several devices share does not show which identifiers belong to which device.
    let shared: Vec<bool> = parts.iter().map(|part| Arc::strong_count(&part.values) > 1).collect();
    parts.into_iter().zip(shared).map(|(part, shared)| observe(service, part, shared)).collect()
}

fn observe(service: &str, part: Part, shared: bool) -> Observation {
    let (values, devices, outcome) = (Arc::clone(&part.values), part.devices.clone(), part.outcome.clone());
    let operated = Operation::of(&part);
    let mut observation = Observation::new(service, part).responding(&outcome);
    if !matches!(outcome, Outcome::Succeeded | Outcome::Unstated) {
        return observation;
    }
    observation.kind = operated.kind(&observation.change);
    let within = if shared || devices.is_empty() { Vec::new() } else { identifiers_in(&values) };
    observation.identification = identification(operated, &devices, &within);
    let stated = stated(operated, &values);
    if stated != DeviceInfo::default() {
        observation.updates.push(Update::Provisioning(Box::new(stated)));
    }
    match operated {
        Operation::Suspend => {
            let (resumes, terms) = (resumption(&values), SuspensionTerms::of(&values));
            let said = if values.as_object().is_some_and(Map::is_empty) { Arc::new(Value::Null) } else { values };
            observation.reporting(Facet::Suspension(terms), said).reporting(Facet::Resume, resumes)
        }
        // Ends any suspension.
        Operation::Activate | Operation::Restore | Operation::Deactivate => {
            let past = || Arc::new(Value::Null);
            observation.updates.push(Update::Facet(Facet::Suspension(SuspensionTerms::default()), past()));
            observation.updates.push(Update::Facet(Facet::Resume, past()));
            observation
        }
        Operation::ChangeIdentifier | Operation::Other => observation,
    }
}

/// When the device will return to service, if the answer to a suspension states it.
fn resumption(values: &Value) -> Value {
    let members = values.as_object().into_iter().flatten();
    let date =
        members.filter(|(name, _)| name.to_ascii_lowercase().contains("resum")).find_map(|(_, value)| value.as_str());
    date.map_or(Value::Null, |date| Value::Object(Map::from_iter([("asSent".to_owned(), Value::from(date))])))
}

/// The operations whose effect goes beyond their own members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Activate,
    Suspend,
    Restore,
    Deactivate,
    ChangeIdentifier,
    Other,
}

impl Operation {
    /// Recognised by the member's name. `ChangeDeviceState` names the state within it, in a member or as one.
    fn of(part: &Part) -> Self {
        if !part.name.eq_ignore_ascii_case("ChangeDeviceState")
            && !part.name.eq_ignore_ascii_case("changeDeviceStateResponse")
        {
            return Self::named(&part.name);
        }
        let within = part.values.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let names = within.flat_map(|(name, value)| [Some(name.as_str()), value.as_str()]).flatten();
        names.map(Self::named).find(|operation| *operation != Self::Other).unwrap_or(Self::Other)
    }

    fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let starts = |prefix: &str| name.starts_with(prefix);
        if starts("deactivate") {
            Self::Deactivate
        } else if starts("activate") || starts("reconnect") || starts("uploadactivate") {
            Self::Activate
        } else if starts("suspend") {
            Self::Suspend
        } else if starts("restore") {
            Self::Restore
        } else if starts("change") && name.contains("identifier") {
            Self::ChangeIdentifier
        } else {
            Self::Other
        }
    }

    /// The kind of change; for other operations by their name, in any spelling.
    fn kind(self, name: &str) -> EventKind {
        match self {
            Self::Activate => EventKind::Activate,
            Self::Suspend => EventKind::Suspend,
            Self::Restore => EventKind::Restore,
            Self::Deactivate => EventKind::Deactivate,
            Self::ChangeIdentifier => EventKind::ChangeIdentifier,
            Self::Other => {
                let name = name.to_ascii_lowercase();
                let starts_and_has = |start: &str, word: &str| name.starts_with(start) && name.contains(word);
                match () {
                    () if starts_and_has("change", "serviceplan") => EventKind::ChangeServicePlan,
                    () if starts_and_has("change", "costcent") => EventKind::ChangeCostCenter,
                    () if starts_and_has("change", "customfield") => EventKind::ChangeCustomFields,
                    () if starts_and_has("change", "contact") => EventKind::ChangeContactInfo,
                    () if starts_and_has("move", "device") => EventKind::Move,
                    () => EventKind::Other,
                }
            }
        }
    }

    /// The provisioning state after the operation, in the platform's own words.
    fn state(self) -> Option<&'static str> {
        match self {
            Self::Activate | Self::Restore => Some("active"),
            Self::Suspend => Some("suspend"),
            Self::Deactivate => Some("deactive"),
            Self::ChangeIdentifier | Self::Other => None,
        }
    }
}

/// The envelope contains the old identifiers of the device, the payload the new ones.
fn identification(operation: Operation, devices: &[DeviceIdentifier], within: &[DeviceIdentifier]) -> Identification {
    match operation {
        Operation::ChangeIdentifier => Identification::changed(devices, within),
        Operation::Activate => Identification::activated(devices, within),
        Operation::Deactivate => Identification::deactivated(devices),
        Operation::Suspend | Operation::Restore | Operation::Other => {
            Identification::some(devices.iter().chain(within))
        }
    }
}

/// The device's provisioning that the answer states.
fn stated(operation: Operation, values: &Value) -> DeviceInfo {
    let sent = |name| text_of(values, name).map_or(Sent::Absent, Sent::Value);
    let denied = ["restored", "deactivated"].iter().any(|done| is_false(values, done));
    let done = operation.state().filter(|_| !denied);
    // An activation can be pending: what the answer states takes precedence over what was requested.
    let state = text_of(values, "state").or(done.map(str::to_owned));
    DeviceInfo {
        account_name: sent("accountName"),
        service_plan: sent("servicePlan"),
        ip_address: sent("ipAddress"),
        state: state.map_or(Sent::Absent, |state| Sent::Value(AsSent::from(state))),
        ..DeviceInfo::default()
    }
}

/// Whether a member is stated to be false, as a truth value or as text.
fn is_false(values: &Value, name: &str) -> bool {
    let member = values.as_object().and_then(|members| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
    member.is_some_and(|(_, value)| match value {
        Value::Bool(truth) => !truth,
        Value::String(text) => text.trim().eq_ignore_ascii_case("false"),
        _ => false,
    })
}
