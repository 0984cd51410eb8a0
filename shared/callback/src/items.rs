//! Extracts the arrays whose items concern different devices (availability, usage).
//!
//! All such arrays are extracted, in the order of their members' names, outermost first. An item that names several
//! devices is searched recursively. An array within an array is part of it. A list of the identifiers of one device is
//! not such an array, nor is an array beside the identifiers of one device.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::identifier::DeviceIdentifier;
use crate::identifiers::{DeviceCount, flat, identifier, names_in, names_of};

/// The items of one array.
pub(crate) struct Items {
    /// The path to the array. Shared, since one long name can lead to many arrays.
    pub path: Vec<Rc<str>>,
    /// The items, each about one device or none.
    pub values: Vec<Value>,
}

/// Extracts the items of a payload, if there are several, or one about a device that the envelope does not list.
pub(crate) fn take(payload: &mut Map<String, Value>, listed: &[DeviceIdentifier]) -> Vec<Items> {
    let mut found = Vec::new();
    take_members(payload, &mut Vec::new(), &mut found);
    let count: usize = found.iter().map(|items| items.values.len()).sum();
    let named: Vec<_> = found.iter().flat_map(|items| &items.values).flat_map(names_in).collect();
    let of_another = !listed.is_empty() && DeviceCount::of(listed.iter().chain(&named)) != DeviceCount::AtMostOne;
    if count > 1 || count == 1 && of_another {
        return found;
    }
    for Items { path, values } in found {
        if let Some(place) = at(payload, &path) {
            *place = Value::Array(values);
        }
    }
    Vec::new()
}

/// The value at a path. Missing objects are created.
pub(crate) fn at<'a>(members: &'a mut Map<String, Value>, path: &[Rc<str>]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    let value = members.entry(first.to_string()).or_insert_with(|| Map::new().into());
    if rest.is_empty() { Some(value) } else { at(value.as_object_mut()?, rest) }
}

fn take_members(members: &mut Map<String, Value>, path: &mut Vec<Rc<str>>, found: &mut Vec<Items>) {
    members.retain(|name, value| {
        path.push(name.as_str().into());
        let left = !take_value(value, path, found);
        path.pop();
        left
    });
}

/// Extracts the items in a value. Returns whether the value is empty afterwards.
fn take_value(value: &mut Value, path: &mut Vec<Rc<str>>, found: &mut Vec<Items>) -> bool {
    match value {
        Value::Object(members) if !is_of_one_device(members) => {
            take_members(members, path, found);
            false
        }
        Value::Array(items) if are_items(items) => {
            let mut values = Vec::with_capacity(items.len());
            take_items(std::mem::take(items), path, &mut values, found);
            found.push(Items { path: path.clone(), values });
            true
        }
        _ => false,
    }
}

fn take_items(items: Vec<Value>, path: &mut Vec<Rc<str>>, values: &mut Vec<Value>, found: &mut Vec<Items>) {
    for mut item in items {
        match item {
            Value::Array(inner) if inner.iter().any(|value| value.is_object() || value.is_array()) => {
                take_items(inner, path, values, found);
                continue;
            }
            Value::Object(ref mut members) if DeviceCount::of(&names_in_members(members)) != DeviceCount::AtMostOne => {
                take_members(members, path, found);
                if members.is_empty() {
                    continue;
                }
            }
            _ => {}
        }
        values.push(item);
    }
}

/// Whether an object names a device beside its content, and no other device within.
fn is_of_one_device(members: &Map<String, Value>) -> bool {
    let own = names_of(members);
    !own.is_empty() && DeviceCount::of(own.iter().chain(&names_in_members(members))) == DeviceCount::AtMostOne
}

/// All identifiers in an object, in either form.
fn names_in_members(members: &Map<String, Value>) -> Vec<DeviceIdentifier> {
    let own = members.iter().filter_map(|(name, value)| flat(name, value));
    own.chain(members.values().flat_map(names_in)).collect()
}

/// Whether items concern devices, and are not merely the identifiers of one.
fn are_items(items: &[Value]) -> bool {
    let mut objects = Vec::new();
    collect_objects(items, &mut objects);
    let (names, others): (Vec<&Value>, Vec<&Value>) = objects.into_iter().partition(|item| identifier(item).is_some());
    let more = |item: &&Value| item.as_object().is_some_and(DeviceIdentifier::has_more);
    if others.iter().any(|item| !names_in(item).is_empty()) {
        return true;
    }
    let identifiers: Vec<_> = names.iter().filter_map(|item| identifier(item)).collect();
    names.iter().any(more) && DeviceCount::of(&identifiers) != DeviceCount::AtMostOne
}

fn collect_objects<'a>(items: &'a [Value], objects: &mut Vec<&'a Value>) {
    for item in items {
        match item {
            Value::Array(inner) => collect_objects(inner, objects),
            Value::Object(_) => objects.push(item),
            _ => {}
        }
    }
}
