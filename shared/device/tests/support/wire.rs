//! Messages as the platform sends them: what they say, as a body in either transport, and as the observation that comes
//! of it.

use std::fmt::{self, Write as _};

use callback::{Callback, Change, DeviceIdentifier, Map, Outcome};
use device::{CallbackDelivery, CallbackService, Facet, Identification, Observation, SuspensionTerms, Update};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::services::{AVAILABILITY, CARRIER, PROVISIONING, USAGE, state, suspension_is_past};
use super::table::Table;

pub type Names = Vec<DeviceIdentifier>;

/// What a message statement.
#[derive(Debug, Clone)]
pub enum Statement {
    Snapshot { change: &'static str, addressed: Names, all: Names, state: &'static str },
    Activated { requested: Names, given: Names },
    Deactivated { names: Names },
    Changed { old: Names, new: Names },
    Suspended { names: Names },
    Restored { names: Names },
    Usage { names: Names },
    ActivationFailed { names: Names },
    Availability { names: Names },
}

/// How the platform spells it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// As SOAP, else as REST.
    pub soap: bool,
    /// Names of members, and kinds, in Pascal case.
    pub pascal: bool,
    /// esn and meid in decimal notation.
    pub decimal: bool,
    /// With a name that is a placeholder.
    pub placeholder: bool,
}

/// The names in a text such as `imei:1 mdn:5`.
pub fn names(text: &str) -> Names {
    let one = |name: &str| {
        let (kind, value) = name.split_once(':').unwrap();
        DeviceIdentifier { kind: kind.to_owned(), value: value.to_owned() }
    };
    text.split_whitespace().map(one).collect()
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |names: &Names| names.iter().map(|one| format!("{}:{}", one.kind, one.value)).collect::<Vec<_>>().join(" ");
        let (envelope, slot, operation, within) = self.shape();
        let what = match self {
            Self::Snapshot { change, .. } => change,
            Self::ActivationFailed { .. } => "activation failed",
            _ if operation.is_empty() => slot,
            _ => operation,
        };
        write!(f, "{what}: {}", list(envelope))?;
        within.map_or(Ok(()), |within| write!(f, " -> {}", list(within)))
    }
}

impl Statement {
    pub fn service(&self) -> &'static CallbackService {
        match self {
            Self::Snapshot { .. } => &PROVISIONING,
            Self::Usage { .. } => &USAGE,
            Self::Availability { .. } => &AVAILABILITY,
            _ => &CARRIER,
        }
    }

    /// The observation that the service makes of it, without the way through a body.
    pub fn observation(&self) -> Observation {
        let (change, identification, updates) = match self {
            Self::Snapshot { change, addressed, all, state: now } => {
                let mut updates = vec![state(now)];
                if matches!(Change::from(*change), Change::Activate | Change::Restore | Change::Deactivate) {
                    updates.extend(suspension_is_past());
                }
                (*change, Identification::all(addressed, all, Some(&Change::from(*change))), updates)
            }
            Self::Activated { requested, given } => {
                ("activate", Identification::activated(requested, given), vec![state("active")])
            }
            Self::Deactivated { names } => ("deactivate", Identification::deactivated(names), vec![state("deactive")]),
            Self::Changed { old, new } => ("changeIdentifier", Identification::changed(old, new), vec![]),
            Self::Suspended { names } => ("suspend", Identification::some(names), vec![state("suspend")]),
            Self::Restored { names } => ("restore", Identification::some(names), vec![state("active")]),
            Self::Usage { names } => ("usage", Identification::some(names), vec![]),
            Self::ActivationFailed { names } | Self::Availability { names } => {
                ("asked", Identification::some(names).claiming_nothing(), vec![])
            }
        };
        let plain = Observation {
            change: change.to_owned(),
            account: None,
            identification,
            devices: Vec::new(),
            kind: device::EventKind::Other,
            listed: Vec::new(),
            updates,
            result: None,
            payload: Map::new(),
            unknown: Map::new(),
        };
        match self {
            Self::ActivationFailed { .. } => plain.responding(&Outcome::Failed { code: None, text: None }),
            _ => plain,
        }
    }

    /// The body of the message.
    pub fn body(&self, request_id: &str, manner: Manner) -> String {
        if manner.soap { self.soap(request_id, manner) } else { self.rest(request_id, manner) }
    }

    /// The names in the envelope, the service's member, the operation's within it, and the names in there.
    fn shape(&self) -> (&Names, &'static str, &'static str, Option<&Names>) {
        match self {
            Self::Snapshot { addressed, all, .. } => (addressed, "ExternalProvisioningChange", "", Some(all)),
            Self::Activated { requested, given } => (requested, "CarrierService", "activate", Some(given)),
            Self::Deactivated { names } => (names, "CarrierService", "deactivate", None),
            Self::Changed { old, new } => (old, "CarrierService", "changeIdentifier", Some(new)),
            Self::Suspended { names } => (names, "CarrierService", "suspend", None),
            Self::Restored { names } => (names, "CarrierService", "restore", None),
            Self::Usage { names } => (names, "Usage", "usage", None),
            Self::ActivationFailed { names } => (names, "CarrierService", "", None),
            Self::Availability { names } => (names, "CheckDeviceAvailability", "checkDeviceAvailability", None),
        }
    }

    fn rest(&self, request_id: &str, manner: Manner) -> String {
        let (envelope, _, operation, within) = self.shape();
        let (kind, id) = if manner.pascal { ("Kind", "Id") } else { ("kind", "id") };
        let ids = |names: &Names| -> Value {
            spelled(names, manner).map(|(spelled, value)| json!({ kind: spelled, id: value })).collect()
        };
        let mut body = json!({ "username": "", "requestId": request_id, "status": "Success" });
        let response = format!("{operation}Response");
        match self {
            Self::Snapshot { change, all, state, .. } => {
                let info = json!({ "carrierInformation": { "state": state }, "deviceIdentifiers": ids(all) });
                let changed = json!({ "change": change, "deviceInfo": info });
                body["deviceResponse"] = json!({ "externalProvisioningChange": changed });
            }
            Self::ActivationFailed { .. } => {
                body["status"] = json!("Failed");
                body["faultResponse"] =
                    json!({ "faultcode": "UnifiedWebService.REQUEST_FAILED", "faultstring": "No." });
            }
            Self::Usage { names } | Self::Availability { names } => {
                let item = json!({ "deviceIds": ids(names), "bytesUsed": 5 });
                body["deviceResponse"] = json!({ response: [item] });
                return body.to_string();
            }
            _ => {
                let given = within.map_or_else(|| json!({}), |within| json!({ "deviceIds": ids(within) }));
                body["deviceResponse"] = json!({ response: given });
            }
        }
        if !envelope.is_empty() {
            body["deviceIds"] = ids(envelope);
        }
        body.to_string()
    }

    fn soap(&self, request_id: &str, manner: Manner) -> String {
        let (envelope, slot, operation, within) = self.shape();
        let ids = |tag: &str, names: &Names| {
            spelled(names, manner).fold(String::new(), |mut text, (kind, value)| {
                let _ = write!(text, "<{tag}><Kind>{kind}</Kind><Identifier>{value}</Identifier></{tag}>");
                text
            })
        };
        let names = within.map(|within| ids("DeviceIdentifiers", within)).unwrap_or_default();
        let said = match self {
            Self::Snapshot { change, state, .. } => format!(
                "<Change>{change}</Change><DeviceInfo><CarrierInformation><State>{state}</State></CarrierInformation>\
                 {names}</DeviceInfo>"
            ),
            Self::Usage { .. } | Self::Availability { .. } => "<BytesUsed>5</BytesUsed>".to_owned(),
            _ => {
                let (first, rest) = operation.split_at(operation.len().min(1));
                let element =
                    format!("{}{rest}", first.to_uppercase()).replace("ChangeIdentifier", "ChangeDeviceIdentifier");
                format!("<{element}>{names}<ServicePlan>M2M</ServicePlan></{element}>")
            }
        };
        let said = match self {
            Self::ActivationFailed { .. } => {
                "<Fault><faultcode>1</faultcode><faultstring>No.</faultstring></Fault>".to_owned()
            }
            _ => format!("<{slot}>{said}</{slot}><Fault xsi:nil=\"true\"/><Comment>SUCCESS</Comment>"),
        };
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><CallbackRequest \
             xmlns=\"http://nphase.com/unifiedwebservice/v2\"><RequestId>{request_id}</RequestId>{}<Data>{said}</Data>\
             </CallbackRequest></s:Body></s:Envelope>",
            ids("Device", envelope)
        )
    }
}

/// The names as the platform spells them.
fn spelled(names: &Names, manner: Manner) -> impl Iterator<Item = (String, String)> {
    let filler = manner.placeholder.then(|| ("imsi".to_owned(), "000000000000000".to_owned()));
    let one = move |name: &DeviceIdentifier| {
        let kind = if manner.pascal { name.kind[..1].to_uppercase() + &name.kind[1..] } else { name.kind.clone() };
        let value = match name.kind.as_str() {
            "esn" if manner.decimal => in_decimal(&name.value, 2, (3, 8)),
            "meid" if manner.decimal => in_decimal(&name.value, 8, (10, 8)),
            _ => name.value.clone(),
        };
        (kind, value)
    };
    names.iter().map(one).chain(filler.filter(|_| !names.is_empty()))
}

/// Two hexadecimal numbers of which the first has so many digits, in so many decimal ones each.
fn in_decimal(value: &str, split: usize, digits: (usize, usize)) -> String {
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let (high, low) = value.split_at(split);
    format!("{:0first$}{:0second$}", number(high), number(low), first = digits.0, second = digits.1)
}

/// The message's delivery, and what its service makes of it.
pub fn read(service: &CallbackService, body: &str, at: Timestamp) -> (CallbackDelivery, Vec<Observation>) {
    let message = Callback::parse(body.as_bytes(), None).unwrap().message;
    let delivery = CallbackDelivery::new(service, &message, at);
    (delivery, (service.interpret)(&service.name, message))
}

/// A table, and the platform that sends messages to it, a minute apart.
#[derive(Debug, Default)]
pub struct Fleet {
    pub table: Table,
    minutes: i64,
    late: Option<i64>,
}

impl Fleet {
    /// Sends the next message as one that came in so many minutes before the newest.
    pub fn late_by(&mut self, minutes: i64) -> &mut Self {
        self.late = Some(minutes);
        self
    }

    /// When the next message comes in.
    pub fn time(&mut self) -> Timestamp {
        let minutes = match self.late.take() {
            Some(late) => self.minutes - late,
            None => {
                self.minutes += 1;
                self.minutes
            }
        };
        Timestamp::from_second(1_750_000_000 + minutes * 60).unwrap()
    }

    pub fn say(&mut self, statement: &Statement) -> &mut Self {
        let at = self.time();
        let body = statement.body(&format!("r-{}", self.table.events.len()), Manner::default());
        let (delivery, observations) = read(statement.service(), &body, at);
        self.table.record(&delivery, &observations);
        self
    }

    /// A snapshot after this change.
    pub fn snapshot(&mut self, change: &'static str, all: &str) -> &mut Self {
        self.addressed("", change, all)
    }

    /// The same, in an envelope that addresses the device by these names.
    pub fn addressed(&mut self, addressed: &str, change: &'static str, all: &str) -> &mut Self {
        let state = match change {
            "Suspend" => "suspend",
            "Deactivate" => "deactive",
            _ => "active",
        };
        self.say(&Statement::Snapshot { change, addressed: names(addressed), all: names(all), state })
    }

    pub fn activated(&mut self, requested: &str, given: &str) -> &mut Self {
        self.say(&Statement::Activated { requested: names(requested), given: names(given) })
    }

    pub fn deactivated(&mut self, all: &str) -> &mut Self {
        self.say(&Statement::Deactivated { names: names(all) })
    }

    pub fn changed(&mut self, old: &str, new: &str) -> &mut Self {
        self.say(&Statement::Changed { old: names(old), new: names(new) })
    }

    pub fn suspended(&mut self, all: &str) -> &mut Self {
        self.say(&Statement::Suspended { names: names(all) })
    }

    pub fn usage(&mut self, all: &str) -> &mut Self {
        self.say(&Statement::Usage { names: names(all) })
    }

    pub fn activation_failed(&mut self, all: &str) -> &mut Self {
        self.say(&Statement::ActivationFailed { names: names(all) })
    }

    pub fn availability(&mut self, all: &str) -> &mut Self {
        self.say(&Statement::Availability { names: names(all) })
    }

    /// A report that the device is suspended, from DeviceSuspensionStatus.
    pub fn reported_suspended(&mut self, all: &str) -> &mut Self {
        let at = self.time();
        let body = Statement::Usage { names: names(all) }.body(&format!("suspension-{at}"), Manner::default());
        let (delivery, mut observations) = read(&USAGE, &body, at);
        let suspended = Update::Facet(Facet::Suspension(SuspensionTerms::default()), json!({ "days": 30 }).into());
        observations[0].updates = vec![suspended];
        self.table.record(&delivery, &observations);
        self
    }

    /// The table, after a check of every row.
    pub fn table(&self) -> String {
        self.table.check_all();
        self.table.render()
    }
}
