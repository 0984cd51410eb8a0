//! A message taken apart: what it says, once for each device that it speaks of.

use serde_json::{Map, Value};

use crate::envelope::{DeviceIdentifier, Message, Outcome, WRAPPERS, member};

/// Members of a payload that are about the message and not what it says.
const ABOUT: [&str; 6] = ["Fault", "faultResponse", "Comment", "Summary", "Status", "Envelope"];

/// How messages name an account.
const ACCOUNT: &str = "AccountName";

/// Of them, those that can say something where nothing else does.
const REMARKS: [&str; 3] = ["Comment", "Summary", "Status"];

/// What a message says about one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of the member that says it, as sent (`usageResponse`, `Usage`); empty where none does.
    pub name: String,
    /// Its value. Where several members say something, an object of them; where none does, the remarks of a message without
    /// a fault (`Comment`, `Summary`, `Status`), or null.
    pub values: Value,
    /// The names of the device.
    pub devices: Vec<DeviceIdentifier>,
    /// The account that is stated (`AccountName`), wherever it stands.
    pub account: Option<String>,
    /// The message's payload, without what it says about other devices.
    pub payload: Map<String, Value>,
    /// Members that are neither the envelope's nor where a service is known to say something.
    pub unknown: Map<String, Value>,
}

impl Message {
    /// What the message says, device by device. Most messages have one part; one with an array in which every item names
    /// a device of its own (availability, usage) has one for each. Every value of the payload is in one of the parts; what
    /// is about no device in particular is in the first.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let said = self.said();
        if let [(name, Value::Array(items))] = said.as_slice() {
            let devices: Vec<_> = items.iter().map(identifiers_in).collect();
            if !devices.is_empty() && devices.iter().all(|devices| !devices.is_empty()) {
                return self.split(name, items, devices);
            }
        }
        let (name, values) = match said.as_slice() {
            [] => (String::new(), self.remarks()),
            [(name, value)] => ((*name).to_owned(), (*value).clone()),
            [(name, _), ..] => {
                let all = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone()));
                ((*name).to_owned(), Value::Object(all.collect()))
            }
        };
        let devices = if self.devices.is_empty() { identifiers_in(&values) } else { self.devices.clone() };
        let account = find_text(&self.payload, ACCOUNT).map(str::to_owned);
        vec![Part { name, values, devices, account, payload: self.payload.clone(), unknown: self.unknown() }]
    }

    /// The members that say something: those within `Data` or `deviceResponse`, or else those beside them.
    fn said(&self) -> Vec<(&str, &Value)> {
        let within = WRAPPERS.iter().find_map(|wrapper| member(&self.payload, wrapper)?.as_object());
        let members = within.unwrap_or(&self.payload).iter();
        members.filter(|(name, value)| says(name, value)).map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// What a message that says nothing elsewhere remarks.
    fn remarks(&self) -> Value {
        let data = member(&self.payload, "Data").and_then(Value::as_object).unwrap_or(&self.payload);
        let remarks: Map<_, _> = REMARKS
            .iter()
            .filter_map(|name| data.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()))
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

    fn split(&self, name: &str, items: &[Value], devices: Vec<Vec<DeviceIdentifier>>) -> Vec<Part> {
        let wrapper = WRAPPERS.iter().find_map(|wrapper| {
            let found = self.payload.iter().find(|(key, _)| key.eq_ignore_ascii_case(wrapper))?;
            found.1.get(name).is_some().then_some(found.0)
        });
        let place = |mut rest: Map<String, Value>, item: &Value| {
            let members = match wrapper
                .and_then(|wrapper| rest.entry(wrapper.clone()).or_insert_with(|| Map::new().into()).as_object_mut())
            {
                Some(members) => members,
                None => &mut rest,
            };
            members.insert(name.to_owned(), item.clone());
            rest
        };
        let (mut rest, mut unknown) = (place(self.payload.clone(), &Value::Null), self.unknown());
        // One for all, unless an item states its own.
        let account = find_text(&rest, ACCOUNT).map(str::to_owned);
        let parts = items.iter().zip(devices).map(|(values, devices)| Part {
            name: name.to_owned(),
            values: values.clone(),
            devices,
            account: values
                .as_object()
                .and_then(|item| find_text(item, ACCOUNT))
                .map(str::to_owned)
                .or_else(|| account.clone()),
            payload: place(std::mem::take(&mut rest), values),
            unknown: std::mem::take(&mut unknown),
        });
        parts.collect()
    }
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
