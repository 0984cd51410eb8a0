//! CarrierService: what became of a request that changes a device: activate, suspend, restore, deactivate, change
//! identifier, service plan, cost centre, custom fields, contact info, move. One message per device.
//!
//! Documented are REST's change of an identifier and failures, a part of REST's activation, and the names of SOAP's change
//! of an identifier. Operations are recognised by their names, in any spelling; what succeeded is the device's state.

use callback::{AsSent, DeviceIdentifier, DeviceInfo, Members, Message, Outcome, Part, Sent, Value, identifiers_in};
use device::{CallbackService, Facet, Naming, Observation, Update, operation};

/// The service, as registered.
pub const SERVICE: CallbackService = CallbackService::new("CarrierService", interpret);

fn interpret(message: &Message) -> Vec<Observation> {
    message.parts().into_iter().map(|part| observe(message, part)).collect()
}

fn observe(message: &Message, mut part: Part) -> Observation {
    if let Some((name, values)) = within_slot(&part) {
        (part.name, part.values) = (name, values);
    }
    let (values, devices) = (part.values.clone(), part.devices.clone());
    let operated = Operation::of(&part);
    let observation = Observation::new(SERVICE.name, part);
    let name = operation(&observation.change).to_owned();
    let mut observation = observation.answering(&name, &message.outcome);
    if !matches!(message.outcome, Outcome::Succeeded | Outcome::Unstated) || values.is_null() {
        return observation;
    }
    observation.naming = naming(operated, &devices, &values);
    observation.updates.push(Update::Provisioning(Box::new(stated(operated, values.clone()))));
    match operated {
        Operation::Suspend => observation.reporting(Facet::Suspension, values),
        // Whatever return from suspension was announced is past.
        Operation::Activate | Operation::Restore | Operation::Deactivate => {
            observation.updates.push(Update::Facet(Facet::Resume, Value::Null));
            observation
        }
        Operation::ChangeIdentifier | Operation::Other => observation,
    }
}

/// SOAP's slot has the name of the service, and the operation's element within.
fn within_slot(part: &Part) -> Option<(String, Value)> {
    if !part.name.eq_ignore_ascii_case(SERVICE.name) {
        return None;
    }
    let mut operations = part.values.as_object()?.iter().filter(|(_, values)| !values.is_null());
    operations.next().map(|(name, values)| (name.clone(), values.clone()))
}

/// The operations that change more than their own members say.
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
    /// Recognised by the member's name, or by those within it (`ChangeDeviceState` names the state inside).
    fn of(part: &Part) -> Self {
        let within = part.values.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let names = std::iter::once(part.name.as_str()).chain(within.map(|(name, _)| name.as_str()));
        names.map(Self::named).find(|operation| *operation != Self::Other).unwrap_or(Self::Other)
    }

    fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let starts = |prefix: &str| name.starts_with(prefix);
        if starts("deactivate") {
            Self::Deactivate
        } else if starts("activate") || starts("reconnect") {
            Self::Activate
        } else if starts("suspend") {
            Self::Suspend
        } else if starts("restore") || starts("resumedevice") || starts("resumeresponse") {
            Self::Restore
        } else if starts("change") && name.contains("identifier") {
            Self::ChangeIdentifier
        } else {
            Self::Other
        }
    }

    /// The provisioning state after it, in the platform's own words.
    fn state(self) -> Option<&'static str> {
        match self {
            Self::Activate | Self::Restore => Some("active"),
            Self::Suspend => Some("suspend"),
            Self::Deactivate => Some("deactive"),
            Self::ChangeIdentifier | Self::Other => None,
        }
    }
}

/// The envelope names the device as it was; the payload, what it is called now.
fn naming(operation: Operation, devices: &[DeviceIdentifier], values: &Value) -> Naming {
    let within = identifiers_in(values);
    match operation {
        Operation::ChangeIdentifier => Naming::changed(devices, &within),
        Operation::Activate => Naming::activated(devices, &within),
        Operation::Deactivate => Naming::deactivated(devices),
        Operation::Suspend | Operation::Restore | Operation::Other => Naming::some(devices.iter().chain(&within)),
    }
}

/// What the answer states of the device's provisioning.
fn stated(operation: Operation, values: Value) -> DeviceInfo {
    let mut members = match values {
        Value::Object(members) => Members::from(members),
        _ => Members::default(),
    };
    DeviceInfo {
        account_name: members.take_text("accountName"),
        service_plan: members.take_text("servicePlan"),
        ip_address: members.take_text("ipAddress"),
        state: operation.state().map_or(Sent::Absent, |state| Sent::Value(AsSent::from(state.to_owned()))),
        ..DeviceInfo::default()
    }
}
