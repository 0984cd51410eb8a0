//! Splits a message into parts, one for each device that it concerns.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::content::{self, Content};
use crate::envelope::{DEVICES, Message};
use crate::identifier::DeviceIdentifier;
use crate::identifiers::{self, DeviceCount, apart, names_in, names_within};
use crate::items::{self, Items};
use crate::json;
use crate::outcome::Outcome;
use crate::value::{fits_json, truncate};
use crate::wrapper::is_wrapper;

/// Maximum length of the name or the account of a part, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Maximum total size of the copies of one text in all parts, in bytes: with more than 4,096 parts, texts are truncated
/// further.
const MAX_COPIED_BYTES: usize = 4 * 1024 * 1024;

/// Minimum length to which a text is truncated, in bytes.
const MIN_CUT_BYTES: usize = 96;

/// Maximum size of a value, as JSON in bytes, that is copied to each of several devices because it concerns none in
/// particular.
const MAX_SHARED_BYTES: usize = 2 * 1024;

/// Maximum number of items with a part of their own. The platform's requests concern at most 2,000 devices.
const MAX_ITEMS: usize = 16 * 1024;

/// Maximum number of identifiers of one device: there are nine kinds, and some have two notations.
const MAX_NAMES: usize = 32;

/// The part of a message that concerns one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of the member with the content, as sent (`usageResponse`, `Usage`; in `CarrierService`, the operation
    /// within); empty if there is none.
    pub name: String,
    /// The value of this member, without its fault. If several members have content, an object of them. If none has,
    /// the remarks of a message without a fault (`Comment`, `Summary`, `Status`), or null.
    pub values: Arc<Value>,
    /// The identifiers of the device, as sent. Empty if the message names no device, or several without showing which
    /// identifiers belong together.
    pub devices: Vec<DeviceIdentifier>,
    /// The identifiers that the envelope lists. In a message of many parts, only the part with the rest of the payload
    /// has them.
    pub listed: Vec<DeviceIdentifier>,
    /// The outcome of the request for this device.
    pub outcome: Outcome,
    /// The stated account (`AccountName`), from any depth.
    pub account: Option<String>,
    /// The payload of the message, without the items of other devices.
    pub payload: Map<String, Value>,
    /// Members of the payload that are not understood: neither the envelope's nor known content of a service.
    pub unknown: Map<String, Value>,
}

impl Message {
    /// Splits the message by device. Most messages have one part.
    ///
    /// - If the items of arrays name devices (availability, usage), each item is a part. The rest of the payload is in
    ///   the first part, or in a part of its own if it is large or names a device.
    /// - If the envelope lists devices of one kind, each device is a part. The content is in all of them if it is
    ///   small, otherwise in one more part that concerns no device.
    ///
    /// Every value of the payload is in at least one part.
    #[must_use]
    pub fn into_parts(self) -> Vec<Part> {
        let Self { devices, outcome, mut payload, .. } = self;
        let entries = take_entries(&mut payload);
        let main = content::main_name(&payload);
        let items = items::take(&mut payload, &devices);
        let mut parts = if items.is_empty() {
            whole(payload, devices, &outcome)
        } else {
            split(items, payload, devices, &outcome, main.as_deref())
        };
        distribute(entries, &mut parts, &outcome);
        parts
    }
}

/// Values that are copied into all parts of a message, with texts truncated to fit.
struct Common<'a> {
    outcome: &'a Outcome,
    account: Option<String>,
    most: usize,
}

impl<'a> Common<'a> {
    fn new(outcome: &'a Outcome, account: Option<String>, parts: usize) -> Self {
        let most = (MAX_COPIED_BYTES / parts.max(1)).max(MIN_CUT_BYTES);
        Self { outcome, account, most }
    }

    fn text(&self, text: &str) -> String {
        truncate(text, self.most.min(MAX_NAME_BYTES))
    }

    fn part(&self, name: &str, values: Arc<Value>, devices: Vec<DeviceIdentifier>) -> Part {
        Part {
            name: self.text(name),
            values,
            devices,
            listed: Vec::new(),
            outcome: self.outcome.bounded(self.most),
            account: self.account.as_deref().map(|account| self.text(account)),
            payload: Map::new(),
            unknown: Map::new(),
        }
    }
}

/// The parts of a message without items.
fn whole(payload: Map<String, Value>, listed: Vec<DeviceIdentifier>, outcome: &Outcome) -> Vec<Part> {
    let Content { name, values, fault, others } = Content::of_payload(&payload, outcome);
    let mut unknown = content::unknown(&payload);
    unknown.extend(others);
    let named = if listed.is_empty() { names(&name, &values, &payload) } else { listed.clone() };
    let outcome = fault.as_ref().unwrap_or(outcome);
    let naming = match DeviceCount::of(&named) {
        // An entry with more than an identifier concerns its device only.
        DeviceCount::OnePerIdentifier if listed.is_empty() && !identifiers::are_listed(&named, &payload) => {
            DeviceCount::Ambiguous
        }
        naming => naming,
    };
    let common = Common::new(
        outcome,
        content::account(&payload),
        if naming == DeviceCount::OnePerIdentifier { named.len() } else { 1 },
    );
    let of_message = |part: Part| Part { listed, payload, unknown, ..part };
    match naming {
        DeviceCount::AtMostOne => vec![of_message(common.part(&name, Arc::new(values), named))],
        DeviceCount::Ambiguous => vec![of_message(common.part(&name, Arc::new(values), Vec::new()))],
        DeviceCount::OnePerIdentifier => {
            let shared = fits_json(&values, MAX_SHARED_BYTES);
            let values = Arc::new(values);
            let for_each = if shared { Arc::clone(&values) } else { Arc::default() };
            let devices = apart(named).into_iter();
            let mut parts: Vec<Part> =
                devices.map(|device| common.part(&name, Arc::clone(&for_each), device)).collect();
            match parts.first_mut().filter(|_| shared) {
                Some(first) => *first = of_message(first.clone()),
                None => parts.push(of_message(common.part(&name, values, Vec::new()))),
            }
            parts
        }
    }
}

/// The identifiers in the content of a member, or the identifier that it is, or else those beside it.
fn names(name: &str, values: &Value, payload: &Map<String, Value>) -> Vec<DeviceIdentifier> {
    let mut found = names_in(values);
    if found.is_empty() {
        found.extend(identifiers::flat(name, values));
    }
    if found.is_empty() { identifiers::names_of(payload) } else { found }
}

/// A part for each item, and the rest of the payload.
fn split(
    arrays: Vec<Items>,
    mut rest: Map<String, Value>,
    mut listed: Vec<DeviceIdentifier>,
    outcome: &Outcome,
    main: Option<&str>,
) -> Vec<Part> {
    let count: usize = arrays.iter().map(|items| items.values.len()).sum();
    let common = Common::new(outcome, content::account(&rest), count.min(MAX_ITEMS) + 1);
    let owner = Owner::of(&listed, &arrays);
    let named = owner.of_rest(&rest, &listed);
    let mut first = (named.is_none() && fits_json(&rest, MAX_SHARED_BYTES)).then(|| std::mem::take(&mut rest));
    let (mut parts, mut room) = (Vec::with_capacity(count.min(MAX_ITEMS) + 1), MAX_ITEMS);
    for Items { path, values } in arrays {
        let place = Place::of(&path, main, &common);
        let mut values = values.into_iter();
        for item in values.by_ref().take(room) {
            let mut part = common.item(&place, &item, owner.names(&item));
            match first.take() {
                Some(rest) => {
                    part.listed = std::mem::take(&mut listed);
                    part.unknown.extend(content::unknown(&rest));
                    part.payload = rest;
                    set(&mut part.payload, &path, item);
                }
                None => set(&mut part.payload, &place.short, item),
            }
            parts.push(part);
        }
        room = MAX_ITEMS.saturating_sub(parts.len());
        let over: Vec<_> = values.collect();
        if !over.is_empty() {
            let over = Value::Array(over);
            let mut part = common.item(&place, &over, Vec::new());
            set(&mut part.payload, &place.short, over);
            parts.push(part);
        }
    }
    if !rest.is_empty() || !listed.is_empty() {
        let content = Content::of_payload(&rest, outcome);
        let devices = named.filter(|named| DeviceCount::of(named) == DeviceCount::AtMostOne).unwrap_or_default();
        let part = common.part(&content.name, Arc::new(content.values), devices);
        parts.push(Part { listed, unknown: content::unknown(&rest), payload: rest, ..part });
    }
    parts
}

/// Puts an item in the place of its array.
fn set(payload: &mut Map<String, Value>, path: &[Rc<str>], item: Value) {
    match items::at(payload, path) {
        Some(place) => *place = item,
        None => json::add(payload, path.last().map(ToString::to_string).unwrap_or_default(), item),
    }
}

/// The position of an array.
struct Place {
    /// The member that contains the array.
    name: String,
    /// This member, if it is not known content.
    unknown: Option<String>,
    /// The path, reduced to a wrapper, this member and the name of the array.
    short: Vec<Rc<str>>,
}

impl Place {
    fn of(path: &[Rc<str>], main: Option<&str>, common: &Common<'_>) -> Self {
        let wrapped = path.first().is_some_and(|first| is_wrapper(first)) && path.len() > 1;
        let name = path.get(usize::from(wrapped)).map(|name| common.text(name)).unwrap_or_default();
        let known =
            is_wrapper(&name) || wrapped && main.is_some_and(|main| path.get(1).is_some_and(|own| **own == *main));
        let mut short: Vec<Rc<str>> = path.iter().take(2).map(|name| common.text(name).into()).collect();
        short.extend(path.iter().skip(2).last().map(|name| common.text(name).into()));
        Self { unknown: (!known).then(|| name.clone()), name, short }
    }
}

impl Common<'_> {
    /// The part of an item, without its payload.
    fn item(&self, place: &Place, item: &Value, devices: Vec<DeviceIdentifier>) -> Part {
        let content = if is_wrapper(&place.name) {
            content::within_wrapper(&place.name, item)
        } else {
            Content::of_member(&place.name, item)
        };
        let mut part = self.part(&content.name, Arc::new(content.values), devices);
        let members = item.as_object();
        let stated = members.map(Outcome::of).filter(|own| matches!(own, Outcome::Failed { .. } | Outcome::Succeeded));
        let within = || members?.values().filter_map(Value::as_object).find_map(Outcome::fault_in);
        if let Some(stated) = content.fault.or_else(within).or(stated) {
            part.outcome = stated.bounded(self.most);
        }
        if let Some(account) = members.and_then(content::account) {
            part.account = Some(self.text(&account));
        }
        part.unknown = content.others;
        if let Some(name) = &place.unknown {
            part.unknown.insert(name.clone(), item.clone());
        }
        part
    }
}

/// The devices that the items of a message belong to.
struct Owner {
    /// The identifiers of the only device, if the envelope and all items name no other.
    bound: Vec<DeviceIdentifier>,
    /// Whether an item concerns a device in the envelope's list.
    is_listed: bool,
}

impl Owner {
    fn of(listed: &[DeviceIdentifier], arrays: &[Items]) -> Self {
        let within: Vec<_> = arrays.iter().flat_map(|items| &items.values).flat_map(names_in).collect();
        let few =
            listed.len() <= MAX_NAMES && listed.iter().all(|name| name.kind.len() + name.value.len() <= MAX_NAME_BYTES);
        let is_one = few && DeviceCount::of(listed.iter().chain(&within)) == DeviceCount::AtMostOne;
        let of_items: HashSet<_> = within.iter().filter_map(DeviceIdentifier::canonical).collect();
        let mut names = listed.iter().filter_map(DeviceIdentifier::canonical);
        Self {
            bound: if is_one { listed.to_vec() } else { Vec::new() },
            is_listed: names.any(|name| of_items.contains(&name)),
        }
    }

    /// The identifiers of an item's device. Empty if the item names no device, or several.
    fn names(&self, item: &Value) -> Vec<DeviceIdentifier> {
        let named = names_in(item);
        if named.is_empty() || DeviceCount::of(&named) != DeviceCount::AtMostOne {
            return Vec::new();
        }
        let more = named.into_iter().filter(|name| !self.bound.contains(name));
        self.bound.iter().cloned().chain(more).collect()
    }

    /// The identifiers of the rest of the payload if it does not concern the items' device: those in it, or else the
    /// envelope's.
    fn of_rest(&self, rest: &Map<String, Value>, listed: &[DeviceIdentifier]) -> Option<Vec<DeviceIdentifier>> {
        let named = names_within(rest);
        if !named.is_empty() {
            let bound =
                !self.bound.is_empty() && DeviceCount::of(self.bound.iter().chain(&named)) == DeviceCount::AtMostOne;
            return (!bound).then_some(named);
        }
        let other = self.bound.is_empty() && !self.is_listed && !listed.is_empty();
        (other && DeviceCount::of(listed) == DeviceCount::AtMostOne).then(|| listed.to_vec())
    }
}

/// An entry in the envelope's list that contains more than an identifier.
struct Listed {
    /// The name of the list.
    list: String,
    /// Whether the list was an array.
    repeated: bool,
    identifier: DeviceIdentifier,
    entry: Value,
}

fn take_entries(payload: &mut Map<String, Value>) -> Vec<Listed> {
    let mut entries = Vec::new();
    payload.retain(|list, value| {
        if !DEVICES.iter().any(|name| name.eq_ignore_ascii_case(list)) {
            return true;
        }
        let repeated = value.is_array();
        let many = match value.take() {
            Value::Array(many) => many,
            one => vec![one],
        };
        let mut left = Vec::new();
        for entry in many {
            match entry.as_object().and_then(DeviceIdentifier::among) {
                Some(identifier) => entries.push(Listed { list: list.clone(), repeated, identifier, entry }),
                None => left.push(entry),
            }
        }
        let kept = !left.is_empty();
        *value = if repeated { Value::Array(left) } else { left.pop().unwrap_or_default() };
        kept
    });
    entries
}

/// Moves each entry to the part of its device, or to a new part.
fn distribute(entries: Vec<Listed>, parts: &mut Vec<Part>, outcome: &Outcome) {
    let common = Common::new(outcome, None, parts.len() + entries.len());
    let is_one = parts.len() == 1;
    let mut places = HashMap::new();
    for (place, part) in parts.iter().enumerate().filter(|_| !entries.is_empty()) {
        for name in part.devices.iter().filter_map(DeviceIdentifier::canonical) {
            places.entry(name).or_insert(place);
        }
    }
    let over = (entries.len() > MAX_ITEMS && !is_one).then(|| {
        parts.push(common.part("", Arc::default(), Vec::new()));
        parts.len() - 1
    });
    for Listed { list, repeated, identifier, entry } in entries {
        let place = over.or(is_one.then_some(0)).unwrap_or_else(|| {
            let next = parts.len();
            identifier.canonical().map_or(next, |name| *places.entry(name).or_insert(next))
        });
        if place == parts.len() {
            parts.push(common.part("", Arc::default(), vec![identifier]));
        }
        let Some(part) = parts.get_mut(place) else { continue };
        if entry.as_object().is_some_and(DeviceIdentifier::has_more) {
            put(&mut part.unknown, &list, repeated, entry.clone());
        }
        let own = entry.as_object().map(Outcome::of);
        match own {
            Some(failed @ Outcome::Failed { .. }) => part.outcome = failed.bounded(common.most),
            Some(Outcome::Succeeded) if !is_one => part.outcome = Outcome::Succeeded,
            _ => {}
        }
        put(&mut part.payload, &list, repeated, entry);
    }
}

/// Puts an entry back into its list.
fn put(members: &mut Map<String, Value>, list: &str, repeated: bool, entry: Value) {
    match members.get_mut(list) {
        None if repeated => {
            members.insert(list.to_owned(), Value::Array(vec![entry]));
        }
        _ => json::add(members, list.to_owned(), entry),
    }
}
