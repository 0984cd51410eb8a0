//! Finds the member that contains a payload's content, without faults and remarks.

use serde_json::{Map, Value};

use crate::envelope::DEVICES;
use crate::identifiers::{flat, identifier};
use crate::outcome::Outcome;
use crate::value::{self, is_empty, is_nil, named, the_one};
use crate::wrapper::{is_wrapper, wrapped};

/// Members of a payload that are about the message and not what it says, beside faults.
const ABOUT: [&str; 4] = ["Comment", "Summary", "Status", "Envelope"];

/// Members of the envelope, which say nothing where one is left over.
const ENVELOPE: [&str; 5] = ["username", "password", "requestId", "callbackCount", "maxCallbackThreshold"];

/// Members that can say something where nothing else does.
const REMARKS: [&str; 3] = ["Comment", "Summary", "Status"];

/// SOAP's slot whose members are the operations that a message answers.
const OPERATIONS: &str = "CarrierService";

/// SOAP's documented slots: where there is more than one member, one of these says what the message is about.
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

/// How messages name an account.
const ACCOUNT: &str = "AccountName";

/// What is said under a name.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The name of the member; empty where none says something.
    pub name: String,
    /// Its value, without its fault.
    pub values: Value,
    /// The failure that stands in it.
    pub fault: Option<Outcome>,
    /// Operations with contents that stand beside the one that is meant.
    pub others: Map<String, Value>,
}

impl Content {
    /// What a payload says: the member that counts, or an object of all with contents where there are several.
    pub(crate) fn by(payload: &Map<String, Value>, outcome: &Outcome) -> Self {
        let members = saying(payload);
        match members.as_slice() {
            [] => Self { values: remarks(payload, outcome), ..Self::default() },
            [(name, value)] => Self::under(name, value),
            [(name, value), ..] if name.eq_ignore_ascii_case(OPERATIONS) => Self::under(name, value),
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

    /// What a member says. Of SOAP's slot for operations, it is the operation within.
    pub(crate) fn under(name: &str, value: &Value) -> Self {
        let value = the_one(value);
        let slot = value.as_object().filter(|_| name.eq_ignore_ascii_case(OPERATIONS));
        let Some((slot, (operation, within))) = slot.and_then(|slot| Some((slot, meant(slot)?))) else {
            return Self::of(name, value);
        };
        let others = slot.iter().filter(|(other, value)| *other != operation && is_operation(other, value));
        let others = others.filter(|(_, value)| !is_empty(value));
        let said = Self::of(operation, the_one(within));
        Self {
            fault: Outcome::fault_in(slot).or(said.fault),
            others: others.map(|(name, value)| (name.clone(), value.clone())).collect(),
            ..said
        }
    }

    fn of(name: &str, value: &Value) -> Self {
        let (fault, values) = match value {
            Value::Object(members) => {
                let rest = members.iter().filter(|(name, _)| !Outcome::is_fault(name));
                let rest: Map<_, _> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
                let fault = Outcome::fault_in(members);
                // Beside a fault, nothing is said; an empty fault leaves what it stands in as empty as it is.
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

/// The operation that a slot is about: the first with contents, or else the first that is there at all.
fn meant(slot: &Map<String, Value>) -> Option<(&String, &Value)> {
    let operations = slot.iter().filter(|(name, value)| is_operation(name, value));
    operations.min_by_key(|(_, value)| (is_empty(value), !is_structure(value)))
}

fn is_operation(name: &str, value: &Value) -> bool {
    let listed = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("device"));
    let names_device = listed && value::each(value).iter().any(|item| identifier(item).is_some());
    let names = names_device || flat(name, value).is_some() || name.eq_ignore_ascii_case(ACCOUNT);
    says(name, value) && !names
}

/// The members that say something: those within `Data` or `deviceResponse`, or else those beside them. First the one that
/// the message is about; of the others, those with contents.
fn saying(payload: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let within = wrapped(payload).next().into_iter().flatten().filter(|(name, value)| says(name, value));
    let mut said: Vec<(&str, &Value)> = within.map(|(name, value)| (name.as_str(), value)).collect();
    if said.is_empty() {
        let envelope = |name: &str| ENVELOPE.iter().chain(&DEVICES).any(|own| own.eq_ignore_ascii_case(name));
        let wrapper = |name: &str, value: &Value| is_wrapper(name) && value.is_object();
        let beside =
            payload.iter().filter(|(name, value)| says(name, value) && !envelope(name) && !wrapper(name, value));
        said.extend(beside.map(|(name, value)| (name.as_str(), value)));
    }
    // An operation may have no contents: a stray text beside it is not what the message is about.
    said.sort_by_key(|(name, value)| match (is_empty(value), is_known(name), is_structure(value)) {
        (false, true, _) => 0,
        (false, false, true) => 1,
        (true, true, _) => 2,
        (false, false, false) => 3,
        (true, false, _) => 4,
    });
    let mut first = true;
    said.retain(|(_, value)| std::mem::take(&mut first) || !is_empty(value));
    said
}

/// The name of the member that a payload is about.
pub(crate) fn main_name(payload: &Map<String, Value>) -> Option<String> {
    saying(payload).first().map(|(name, _)| (*name).to_owned())
}

/// What an item of an array directly in a wrapper says: a member that is known to, or all of it.
pub(crate) fn within_wrapper(wrapper: &str, item: &Value) -> Content {
    let members = item.as_object().into_iter().flatten();
    let known = members.filter(|(name, value)| says(name, value) && is_known(name));
    match known.min_by_key(|(_, value)| is_empty(value)) {
        Some((name, value)) => Content::under(name, value),
        None => Content::under(wrapper, item),
    }
}

/// What a message that says nothing elsewhere remarks, beyond that all is well.
fn remarks(payload: &Map<String, Value>, outcome: &Outcome) -> Value {
    let data = named(payload, "Data").map(the_one).find_map(Value::as_object).unwrap_or(payload);
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

/// Members of a payload that are neither the envelope's nor where a service is known to say something.
pub(crate) fn unknown(payload: &Map<String, Value>) -> Map<String, Value> {
    let about = |name: &str| ABOUT.iter().any(|about| about.eq_ignore_ascii_case(name)) || Outcome::is_fault(name);
    let more = |value: &Value| !value.as_object().is_some_and(value::only_attributes);
    let beside = payload.iter().filter(|(name, value)| {
        !is_nil(value) && !name.starts_with(['@', '#']) && !about(name) && !is_wrapper(name) && more(value)
    });
    let beside = beside.map(|(name, value)| (name.as_str(), value));
    beside.chain(saying(payload).into_iter().skip(1)).map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// The account that is stated, wherever it stands.
pub(crate) fn account(members: &Map<String, Value>) -> Option<String> {
    let here = named(members, ACCOUNT).filter_map(value::text).find(|text| !text.trim().is_empty());
    here.map(std::borrow::Cow::into_owned)
        .or_else(|| members.values().flat_map(value::each).filter_map(Value::as_object).find_map(account))
}

/// `suspend` of `suspendResponse`. A name that is nothing but `Response` stays.
#[must_use]
pub fn operation(member: &str) -> &str {
    let split = member.len().checked_sub("Response".len()).and_then(|end| member.split_at_checked(end));
    split
        .filter(|(name, end)| !name.is_empty() && end.eq_ignore_ascii_case("Response"))
        .map_or(member, |(name, _)| name)
}

fn says(name: &str, value: &Value) -> bool {
    let about = ABOUT.iter().any(|about| about.eq_ignore_ascii_case(name));
    !is_nil(value) && !name.starts_with(['@', '#']) && !about && !Outcome::is_fault(name)
}

fn is_known(name: &str) -> bool {
    operation(name) != name || SLOTS.iter().any(|slot| slot.eq_ignore_ascii_case(name))
}

fn is_structure(value: &Value) -> bool {
    value.is_object() || value.is_array()
}
