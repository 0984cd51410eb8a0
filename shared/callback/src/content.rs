//! Finds the member that contains a payload's content, without faults and remarks.

use serde_json::{Map, Value};

use crate::envelope::DEVICES;
use crate::identifiers::{flat, identifier};
use crate::outcome::Outcome;
use crate::value::{self, is_empty, is_nil, named, only_item};
use crate::wrapper::{is_wrapper, wrapped};

/// Members that describe the message, other than faults. They are not content.
const ABOUT: [&str; 4] = ["Comment", "Summary", "Status", "Envelope"];

/// Members of the envelope. If one is left in the payload, it is not content.
const ENVELOPE: [&str; 5] = ["username", "password", "requestId", "callbackCount", "maxCallbackThreshold"];

/// Members that are content if nothing else is.
const REMARKS: [&str; 3] = ["Comment", "Summary", "Status"];

/// The SOAP slot that contains the operation that a message answers.
const OPERATIONS: &str = "CarrierService";

/// The documented SOAP slots. If there are several members, one of these is the main one.
const SLOTS: [&str; 8] = [
    OPERATIONS,
    "ExternalProvisioningChange",
    "PromoChange",
    "Usage",
    "SMSDelivery",
    "PRLInformation",
    "DeviceSuspendStatus",
    "CheckDeviceAvailability",
];

/// The names of the member with the account.
const ACCOUNT: &str = "AccountName";

/// The content of a message or item.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The name of the member; empty if there is no content.
    pub name: String,
    /// The value of the member, without its fault.
    pub values: Value,
    /// The fault in the member.
    pub fault: Option<Outcome>,
    /// Other operations with contents beside the main one.
    pub others: Map<String, Value>,
}

impl Content {
    /// The content of a payload: the only member with content, or an object of all of them.
    pub(crate) fn of_payload(payload: &Map<String, Value>, outcome: &Outcome) -> Self {
        let members = content_members(payload);
        match members.as_slice() {
            [] => Self { values: remarks(payload, outcome), ..Self::default() },
            [(name, value)] => Self::of_member(name, value),
            [(name, value), ..] if name.eq_ignore_ascii_case(OPERATIONS) => Self::of_member(name, value),
            [(name, _), ..] => {
                let mut fault = None;
                let all = members.iter().map(|(name, value)| {
                    let member = Self::of(name, value);
                    fault = fault.take().or(member.fault);
                    ((*name).to_owned(), member.values)
                });
                let values = Value::Object(all.collect());
                Self { name: (*name).to_owned(), values, fault, others: Map::new() }
            }
        }
    }

    /// The content of a member. For the SOAP slot of operations, it is the operation within.
    pub(crate) fn of_member(name: &str, value: &Value) -> Self {
        let value = only_item(value);
        let slot = value.as_object().filter(|_| name.eq_ignore_ascii_case(OPERATIONS));
        let Some((slot, (operation, within))) = slot.and_then(|slot| Some((slot, main_operation(slot)?))) else {
            return Self::of(name, value);
        };
        let others = slot.iter().filter(|(other, value)| *other != operation && is_operation(other, value));
        let others = others.filter(|(_, value)| !is_empty(value));
        let content = Self::of(operation, only_item(within));
        Self {
            fault: Outcome::fault_in(slot).or(content.fault),
            others: others.map(|(name, value)| (name.clone(), value.clone())).collect(),
            ..content
        }
    }

    fn of(name: &str, value: &Value) -> Self {
        let (fault, values) = match value {
            Value::Object(members) => {
                let rest = members.iter().filter(|(name, _)| !Outcome::is_fault(name));
                let rest: Map<_, _> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
                let fault = Outcome::fault_in(members);
                // A member with a fault has no content. An empty fault is removed.
                let nothing = rest.is_empty() && fault.is_some();
                (fault, if nothing { Value::Null } else { rest.into() })
            }
            Value::Array(items) => {
                (items.iter().filter_map(Value::as_object).find_map(Outcome::fault_in), value.clone())
            }
            other => (None, other.clone()),
        };
        Self { name: name.to_owned(), values, fault, others: Map::new() }
    }
}

/// The main operation of a slot: the first with contents, or else the first.
fn main_operation(slot: &Map<String, Value>) -> Option<(&String, &Value)> {
    let operations = slot.iter().filter(|(name, value)| is_operation(name, value));
    operations.min_by_key(|(_, value)| (is_empty(value), !is_structure(value)))
}

fn is_operation(name: &str, value: &Value) -> bool {
    let listed = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("device"));
    let names_device = listed && value::each(value).iter().any(|item| identifier(item).is_some());
    let names = names_device || flat(name, value).is_some() || name.eq_ignore_ascii_case(ACCOUNT);
    is_content(name, value) && !names
}

/// The members with content: those within `Data` or `deviceResponse`, or else those beside them. The main one is first;
/// the others are included if they are not empty.
fn content_members(payload: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let within = wrapped(payload).next().into_iter().flatten().filter(|(name, value)| is_content(name, value));
    let mut members: Vec<(&str, &Value)> = within.map(|(name, value)| (name.as_str(), value)).collect();
    if members.is_empty() {
        let envelope = |name: &str| ENVELOPE.iter().chain(&DEVICES).any(|own| own.eq_ignore_ascii_case(name));
        let wrapper = |name: &str, value: &Value| is_wrapper(name) && value.is_object();
        let beside =
            payload.iter().filter(|(name, value)| is_content(name, value) && !envelope(name) && !wrapper(name, value));
        members.extend(beside.map(|(name, value)| (name.as_str(), value)));
    }
    // An operation may be empty: a stray text beside it is not the main member.
    members.sort_by_key(|(name, value)| match (is_empty(value), is_known(name), is_structure(value)) {
        (false, true, _) => 0,
        (false, false, true) => 1,
        (true, true, _) => 2,
        (false, false, false) => 3,
        (true, false, _) => 4,
    });
    let mut first = true;
    members.retain(|(_, value)| std::mem::take(&mut first) || !is_empty(value));
    members
}

/// The name of the main member of a payload.
pub(crate) fn main_name(payload: &Map<String, Value>) -> Option<String> {
    content_members(payload).first().map(|(name, _)| (*name).to_owned())
}

/// The content of an item of an array directly in a wrapper: its known content member, or the whole item.
pub(crate) fn within_wrapper(wrapper: &str, item: &Value) -> Content {
    let members = item.as_object().into_iter().flatten();
    let known = members.filter(|(name, value)| is_content(name, value) && is_known(name));
    match known.min_by_key(|(_, value)| is_empty(value)) {
        Some((name, value)) => Content::of_member(name, value),
        None => Content::of_member(wrapper, item),
    }
}

/// The remarks of a message without other content, except a plain success.
fn remarks(payload: &Map<String, Value>, outcome: &Outcome) -> Value {
    let data = named(payload, "Data").map(only_item).find_map(Value::as_object).unwrap_or(payload);
    let nothing = |value: &Value| {
        is_empty(value) || value::text(value).is_some_and(|text| text.trim().eq_ignore_ascii_case("success"))
    };
    let is = |key: &str, name: &str| key.eq_ignore_ascii_case(name);
    let remarks: Map<_, _> = REMARKS
        .iter()
        .filter_map(|name| data.iter().find(|(key, value)| is(key, name) && !nothing(value)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if remarks.is_empty() || matches!(outcome, Outcome::Failed { .. }) { Value::Null } else { remarks.into() }
}

/// Members of a payload that are not understood: neither the envelope's nor known content of a service.
pub(crate) fn unknown(payload: &Map<String, Value>) -> Map<String, Value> {
    let about = |name: &str| ABOUT.iter().any(|about| about.eq_ignore_ascii_case(name)) || Outcome::is_fault(name);
    let more = |value: &Value| !value.as_object().is_some_and(value::only_attributes);
    let beside = payload.iter().filter(|(name, value)| {
        !is_nil(value) && !name.starts_with(['@', '#']) && !about(name) && !is_wrapper(name) && more(value)
    });
    let beside = beside.map(|(name, value)| (name.as_str(), value));
    beside
        .chain(content_members(payload).into_iter().skip(1))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

/// The stated account, from any depth.
pub(crate) fn account(members: &Map<String, Value>) -> Option<String> {
    let here = named(members, ACCOUNT).filter_map(value::text).find(|text| !text.trim().is_empty());
    here.map(std::borrow::Cow::into_owned)
        .or_else(|| members.values().flat_map(value::each).filter_map(Value::as_object).find_map(account))
}

/// The operation of a response member: `suspend` for `suspendResponse`. The name `Response` alone is unchanged.
#[must_use]
pub fn operation(member: &str) -> &str {
    let split = member.len().checked_sub("Response".len()).and_then(|end| member.split_at_checked(end));
    split
        .filter(|(name, end)| !name.is_empty() && end.eq_ignore_ascii_case("Response"))
        .map_or(member, |(name, _)| name)
}

fn is_content(name: &str, value: &Value) -> bool {
    let about = ABOUT.iter().any(|about| about.eq_ignore_ascii_case(name));
    !is_nil(value) && !name.starts_with(['@', '#']) && !about && !Outcome::is_fault(name)
}

fn is_known(name: &str) -> bool {
    operation(name) != name || SLOTS.iter().any(|slot| slot.eq_ignore_ascii_case(name))
}

fn is_structure(value: &Value) -> bool {
    value.is_object() || value.is_array()
}
