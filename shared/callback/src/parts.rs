//! A message taken apart: what it says, once for each device that it speaks of.

use serde_json::{Map, Value};

use crate::envelope::{DeviceIdentifier, Message, WRAPPERS};
use crate::open_set::Kind;
use crate::outcome::Outcome;

/// Members of a payload that are about the message and not what it says.
const ABOUT: [&str; 6] = ["Fault", "faultResponse", "Comment", "Summary", "Status", "Envelope"];

/// Of them, those that can say something where nothing else does.
const REMARKS: [&str; 3] = ["Comment", "Summary", "Status"];

/// SOAP's documented slots: where there is more than one member, one of these says what the message is about.
const SLOTS: [&str; 8] = [
    "CarrierService",
    "ExternalProvisioningChange",
    "PromoChange",
    "Usage",
    "SMSDelivery",
    "PRLInformation",
    "DeviceSuspendStatus",
    "CheckDeviceAvailability",
];

/// How messages name an account.
const ACCOUNT: &str = "AccountName";

/// What a message says about one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of the member that says it, as sent (`usageResponse`, `Usage`); empty where none does.
    pub name: String,
    /// Its value. Where several members say something, an object of them; where none does, the remarks of a message without
    /// a fault (`Comment`, `Summary`, `Status`), or null.
    pub values: Value,
    /// The names of the device, as sent. None where the message names no device, or several without saying which names
    /// belong together.
    pub devices: Vec<DeviceIdentifier>,
    /// The devices that the envelope lists; of a message of many parts, with the first.
    pub listed: Vec<DeviceIdentifier>,
    /// How the request ended for this device.
    pub outcome: Outcome,
    /// The account that is stated (`AccountName`), wherever it stands.
    pub account: Option<String>,
    /// The message's payload, without what it says about other devices.
    pub payload: Map<String, Value>,
    /// Members that are neither the envelope's nor where a service is known to say something.
    pub unknown: Map<String, Value>,
}

impl Message {
    /// What the message says, device by device. Most messages have one part; one with an array whose items name devices
    /// (availability, usage), or with an envelope that lists devices of one kind, has one for each. Every value of the
    /// payload is in one of the parts; what is about no device in particular is in the first.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let said = self.said();
        if let Some(path) = items_path(&self.payload) {
            return self.split(said.first().map_or("", |(name, _)| name), &path);
        }
        let (name, values) = match said.as_slice() {
            [] => (String::new(), self.remarks()),
            // An array of one says what its item does.
            [(name, Value::Array(items))] if items.len() == 1 => {
                ((*name).to_owned(), items.first().cloned().unwrap_or_default())
            }
            [(name, value)] => ((*name).to_owned(), (*value).clone()),
            [(name, _), ..] => {
                let all = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone()));
                ((*name).to_owned(), Value::Object(all.collect()))
            }
        };
        let named = if self.devices.is_empty() { identifiers_in(&values) } else { self.devices.clone() };
        let part = Part {
            name,
            values,
            devices: Vec::new(),
            listed: self.devices.clone(),
            outcome: self.outcome.clone(),
            account: find_text(&self.payload, ACCOUNT).map(str::to_owned),
            payload: self.payload.clone(),
            unknown: self.unknown(),
        };
        match Naming::of(&named) {
            Naming::One => vec![Part { devices: named, ..part }],
            Naming::Unclear => vec![part],
            Naming::Each => {
                let mut rest = Some(part.clone());
                let one = |device| {
                    let first = rest.take();
                    let part = first.unwrap_or_else(|| Part {
                        listed: Vec::new(),
                        payload: Map::new(),
                        unknown: Map::new(),
                        ..part.clone()
                    });
                    Part { devices: vec![device], ..part }
                };
                named.into_iter().map(one).collect()
            }
        }
    }

    /// The members that say something: those within `Data` or `deviceResponse`, or else those beside them. First what is
    /// known to say what a message is about, then what has members of its own.
    fn said(&self) -> Vec<(&str, &Value)> {
        let within = WRAPPERS.iter().find_map(|wrapper| member(&self.payload, wrapper)?.as_object());
        let members = within.unwrap_or(&self.payload).iter();
        let mut said: Vec<(&str, &Value)> =
            members.filter(|(name, value)| says(name, value)).map(|(name, value)| (name.as_str(), value)).collect();
        said.sort_by_key(|(name, value)| {
            let known = name.ends_with("Response") || SLOTS.iter().any(|slot| slot.eq_ignore_ascii_case(name));
            (!known, !value.is_object() && !value.is_array())
        });
        said
    }

    /// What a message that says nothing elsewhere remarks, beyond that all is well.
    fn remarks(&self) -> Value {
        let data = member(&self.payload, "Data").and_then(Value::as_object).unwrap_or(&self.payload);
        let nothing = |value: &Value| value.as_str().is_none_or(|text| text.trim().eq_ignore_ascii_case("success"));
        let remarks: Map<_, _> = REMARKS
            .iter()
            .filter_map(|name| data.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !nothing(value)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if remarks.is_empty() || matches!(self.outcome, Outcome::Failed { .. }) { Value::Null } else { remarks.into() }
    }

    /// Members beside `Data` or `deviceResponse`, and all but the first that say something within.
    fn unknown(&self) -> Map<String, Value> {
        let wrapper = |name: &str| WRAPPERS.iter().any(|wrapper| wrapper.eq_ignore_ascii_case(name));
        let beside = self.payload.iter().filter(|(name, value)| says(name, value) && !wrapper(name));
        let within = self.said().into_iter().skip(1);
        let all = beside.map(|(name, value)| (name.as_str(), value)).chain(within);
        all.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// A part for each item of the array at this path, which keeps its place in the payload.
    fn split(&self, name: &str, path: &[&str]) -> Vec<Part> {
        let mut rest = self.payload.clone();
        let items = match at(&mut rest, path).map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        // One for all, unless an item states its own.
        let account = find_text(&rest, ACCOUNT).map(str::to_owned);
        let (mut unknown, mut listed) = (self.unknown(), self.devices.clone());
        let parts = items.into_iter().map(|values| {
            let stated = values.as_object().and_then(|item| find_text(item, ACCOUNT)).map(str::to_owned);
            let failed = values.as_object().map(Outcome::of).filter(|item| matches!(item, Outcome::Failed { .. }));
            let mut payload = std::mem::take(&mut rest);
            if let Some(place) = at(&mut payload, path) {
                *place = values.clone();
            }
            let devices = identifiers_in(&values);
            Part {
                name: name.to_owned(),
                devices: if Naming::of(&devices) == Naming::One { devices } else { Vec::new() },
                listed: std::mem::take(&mut listed),
                outcome: failed.unwrap_or_else(|| self.outcome.clone()),
                account: stated.or_else(|| account.clone()),
                payload,
                unknown: std::mem::take(&mut unknown),
                values,
            }
        });
        parts.collect()
    }
}

/// `suspend` of `suspendResponse`. A name that is nothing but `Response` stays.
#[must_use]
pub fn operation(member: &str) -> &str {
    let split = member.len().checked_sub("Response".len()).and_then(|end| member.split_at_checked(end));
    split
        .filter(|(name, end)| !name.is_empty() && end.eq_ignore_ascii_case("Response"))
        .map_or(member, |(name, _)| name)
}

/// How many devices a list of identifiers names.
#[derive(Debug, PartialEq, Eq)]
enum Naming {
    /// At most one: no hardware or line has two values of one kind.
    One,
    /// As many as there are: all are of one kind.
    Each,
    /// Several, and nothing says which belong together.
    Unclear,
}

impl Naming {
    fn of(devices: &[DeviceIdentifier]) -> Self {
        let mut seen: Vec<(Kind, &str)> = Vec::new();
        let mut several = false;
        for device in devices {
            let (kind, value) = (device.kind(), device.value.trim());
            let telling = !matches!(kind, Kind::Iccid | Kind::Imsi | Kind::Other(_));
            match seen.iter().find(|(known, _)| *known == kind) {
                Some((_, known)) => several |= telling && !known.eq_ignore_ascii_case(value),
                None => seen.push((kind, value)),
            }
        }
        match (several, seen.len()) {
            (false, _) => Self::One,
            (true, 1) => Self::Each,
            (true, _) => Self::Unclear,
        }
    }
}

/// The path to the outermost array of several items that name devices, in which no item is merely a name.
fn items_path(members: &Map<String, Value>) -> Option<Vec<&str>> {
    let names_device = |item: &Value| item.is_object() && !identifiers_in(item).is_empty();
    let merely_a_name = |item: &Value| item.as_object().is_some_and(|item| DeviceIdentifier::of(item).is_some());
    // A device's own object has its names beside its arrays: what is in these is about it.
    let is_device = members.values().any(|value| match value {
        Value::Array(items) => items.iter().any(merely_a_name),
        one => merely_a_name(one),
    });
    if is_device {
        return None;
    }
    members.iter().find_map(|(name, value)| match value {
        Value::Array(items)
            if items.len() > 1 && items.iter().any(names_device) && !items.iter().any(merely_a_name) =>
        {
            Some(vec![name.as_str()])
        }
        Value::Object(inner) => items_path(inner).map(|mut path| {
            path.insert(0, name);
            path
        }),
        _ => None,
    })
}

/// The value at a path. Objects that are not there are made.
fn at<'a>(members: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    let value = members.entry((*first).to_owned()).or_insert_with(|| Map::new().into());
    if rest.is_empty() { Some(value) } else { at(value.as_object_mut()?, rest) }
}

fn member<'a>(members: &'a Map<String, Value>, name: &'a str) -> Option<&'a Value> {
    crate::value::named(members, name).next()
}

fn says(name: &str, value: &Value) -> bool {
    !value.is_null() && !name.starts_with(['@', '#']) && !ABOUT.iter().any(|about| about.eq_ignore_ascii_case(name))
}

/// All identifiers in a tree, in their order.
#[must_use]
pub fn identifiers_in(value: &Value) -> Vec<DeviceIdentifier> {
    let mut found = Vec::new();
    collect_identifiers(value, &mut found);
    found
}

fn collect_identifiers(value: &Value, found: &mut Vec<DeviceIdentifier>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_identifiers(item, found)),
        Value::Object(members) => match DeviceIdentifier::of(members) {
            Some(identifier) => found.push(identifier),
            None => members.values().for_each(|value| collect_identifiers(value, found)),
        },
        _ => {}
    }
}

fn find_text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let here = members.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && value.is_string());
    here.and_then(|(_, value)| value.as_str()).or_else(|| {
        let items = |value: &'a Value| match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        members.values().flat_map(items).filter_map(Value::as_object).find_map(|members| find_text(members, name))
    })
}
