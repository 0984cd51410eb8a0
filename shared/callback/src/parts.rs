//! A message taken apart: what it says, once for each device that it speaks of.

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
use crate::value::{cut, is_within};
use crate::wrapper::is_wrapper;

/// The longest name or account of a part, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How much is copied of one text into all parts, in bytes: where there are more than 4,096 parts, texts are cut shorter.
const MAX_COPIED_BYTES: usize = 4 * 1024 * 1024;

/// The shortest that a text is cut to, whatever the number of parts.
const MIN_CUT_BYTES: usize = 96;

/// The largest value, as JSON, that goes to each of several devices without being about one of them.
const MAX_SHARED_BYTES: usize = 2 * 1024;

/// The most items that have a part each. The platform's requests are for at most 2,000 devices.
const MAX_ITEMS: usize = 16 * 1024;

/// The most names that one device is taken to have: there are nine kinds, and some have two notations.
const MAX_NAMES: usize = 32;

/// What a message says about one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of the member that says it, as sent (`usageResponse`, `Usage`; of `CarrierService`, the operation within);
    /// empty where none does.
    pub name: String,
    /// Its value, without its fault. Where several members say something, an object of them; where none does, the remarks
    /// of a message without a fault (`Comment`, `Summary`, `Status`), or null.
    pub values: Arc<Value>,
    /// The names of the device, as sent. None where the message names no device, or several without saying which names
    /// belong together.
    pub devices: Vec<DeviceIdentifier>,
    /// The devices that the envelope lists; of a message of many parts, with the one that has the payload.
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
    /// What the message says, device by device. Most messages have one part. One with arrays whose items name devices
    /// (availability, usage) has a part for each item; what stands beside them is in the first, or in a part of its own
    /// where it is large or names a device. One with an envelope that lists devices of one kind has a part for each; what
    /// it says is in all of them where it is small, else in one more that is about no device. Every value of the payload
    /// is in one of the parts.
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
        hand_out(entries, &mut parts, &outcome);
        parts
    }
}

/// What all parts of a message are given a copy of, with texts no longer than there is room for.
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
        cut(text, self.most.min(MAX_NAME_BYTES))
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

/// The parts of a message that says one thing.
fn whole(payload: Map<String, Value>, listed: Vec<DeviceIdentifier>, outcome: &Outcome) -> Vec<Part> {
    let Content { name, values, fault, others } = Content::by(&payload, outcome);
    let mut unknown = content::unknown(&payload);
    unknown.extend(others);
    let named = if listed.is_empty() { names(&name, &values, &payload) } else { listed.clone() };
    let outcome = fault.as_ref().unwrap_or(outcome);
    let naming = match DeviceCount::of(&named) {
        // What stands with each of several devices is not about all of them.
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
            let shared = is_within(&values, MAX_SHARED_BYTES);
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

/// The names in what a member says, or the one that it is, or else those beside it.
fn names(name: &str, values: &Value, payload: &Map<String, Value>) -> Vec<DeviceIdentifier> {
    let mut found = names_in(values);
    if found.is_empty() {
        found.extend(identifiers::flat(name, values));
    }
    if found.is_empty() { identifiers::names_of(payload) } else { found }
}

/// A part for each item, and what stood beside them.
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
    let mut first = (named.is_none() && is_within(&rest, MAX_SHARED_BYTES)).then(|| std::mem::take(&mut rest));
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
        let said = Content::by(&rest, outcome);
        let devices = named.filter(|named| DeviceCount::of(named) == DeviceCount::AtMostOne).unwrap_or_default();
        let part = common.part(&said.name, Arc::new(said.values), devices);
        parts.push(Part { listed, unknown: content::unknown(&rest), payload: rest, ..part });
    }
    parts
}

/// Puts an item where its array was.
fn set(payload: &mut Map<String, Value>, path: &[Rc<str>], item: Value) {
    match items::at(payload, path) {
        Some(place) => *place = item,
        None => json::add(payload, path.last().map(ToString::to_string).unwrap_or_default(), item),
    }
}

/// Where an array stands.
struct Place {
    /// The member that it is said under.
    name: String,
    /// That member, where it is not known to say something.
    unknown: Option<String>,
    /// The path, with no more than a wrapper, that member and the array's own name.
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
    /// The part of an item, but for its payload.
    fn item(&self, place: &Place, item: &Value, devices: Vec<DeviceIdentifier>) -> Part {
        let said = if is_wrapper(&place.name) {
            content::within_wrapper(&place.name, item)
        } else {
            Content::under(&place.name, item)
        };
        let mut part = self.part(&said.name, Arc::new(said.values), devices);
        let members = item.as_object();
        let stated = members.map(Outcome::of).filter(|own| matches!(own, Outcome::Failed { .. } | Outcome::Succeeded));
        let within = || members?.values().filter_map(Value::as_object).find_map(Outcome::fault_in);
        if let Some(stated) = said.fault.or_else(within).or(stated) {
            part.outcome = stated.bounded(self.most);
        }
        if let Some(account) = members.and_then(content::account) {
            part.account = Some(self.text(&account));
        }
        part.unknown = said.others;
        if let Some(name) = &place.unknown {
            part.unknown.insert(name.clone(), item.clone());
        }
        part
    }
}

/// Whose the items of a message are.
struct Owner {
    /// The names of the one device that it is about, where the envelope and all items together name no other.
    bound: Vec<DeviceIdentifier>,
    /// Whether an item is about a device that the envelope lists.
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

    /// The names of an item's device; none where it names none, or several.
    fn names(&self, item: &Value) -> Vec<DeviceIdentifier> {
        let named = names_in(item);
        if named.is_empty() || DeviceCount::of(&named) != DeviceCount::AtMostOne {
            return Vec::new();
        }
        let more = named.into_iter().filter(|name| !self.bound.contains(name));
        self.bound.iter().cloned().chain(more).collect()
    }

    /// The names of what stands beside the items, where these are not about that device: those in it, or else the
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

/// An entry of the envelope's list that says more about its device than its name.
struct Listed {
    /// The list's name.
    list: String,
    /// Whether it stood in an array.
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

/// Gives each entry to the part of its device; one for whose device there is none has a part of its own.
fn hand_out(entries: Vec<Listed>, parts: &mut Vec<Part>, outcome: &Outcome) {
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
