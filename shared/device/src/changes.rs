//! What differs between a device before and after an event.

use callback::Value;

use crate::bound::{MAX_CHANGES_BYTES, MAX_REPORT_BYTES, left_out, size};
use crate::event::FieldChange;
use crate::state::Device;

/// Fields that tell nothing: they never change, or with every event.
const BOOKKEEPING: [&str; 6] = ["id", "version", "updatedAt", "identifiedAt", "namedAt", "provisionedAt"];

/// Fields that only grow at one end: before and after would be nearly the same, and large.
const REPORTS: [&str; 3] = ["usage", "alerts", "promotionsLost"];

/// What differs between a device before and after an event.
pub(crate) fn changes(before: Option<&Device>, after: &Device) -> Vec<FieldChange> {
    let as_json = |device: &Device| serde_json::to_value(device).unwrap_or_default();
    let before = before.map(as_json).unwrap_or_default();
    let mut changes = Vec::new();
    compare("", &before, &as_json(after), &mut changes);
    let mut left = MAX_CHANGES_BYTES;
    for change in &mut changes {
        bound(&mut change.before, &mut left);
        bound(&mut change.after, &mut left);
    }
    changes
}

/// Leaves a value out that is too large by itself, or for what is left of the bound on all.
fn bound(value: &mut Value, left: &mut usize) {
    let bytes = size(value);
    let placeholder = left_out(bytes);
    if bytes > MAX_REPORT_BYTES.min(*left) && bytes > size(&placeholder) {
        *value = placeholder;
    } else {
        *left = left.saturating_sub(bytes);
    }
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<FieldChange>) {
    let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    match (before, after) {
        (Value::Object(_) | Value::Null, Value::Object(members)) => {
            let gone = before.as_object().into_iter().flatten().filter(|(name, _)| !members.contains_key(*name));
            for (name, value) in members.iter().chain(gone.map(|(name, _)| (name, &Value::Null))) {
                if !(path.is_empty() && BOOKKEEPING.contains(&name.as_str())) {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    compare(&path, before.get(name).unwrap_or(&Value::Null), value, changes);
                }
            }
        }
        // Of reports, only the newest is new.
        _ if REPORTS.contains(&path) && before != after && !empty(after) => {
            let after = after.get(0).cloned().unwrap_or_default();
            changes.push(FieldChange { field: path.to_owned(), before: Value::Null, after });
        }
        _ if before != after && !(before.is_null() && empty(after)) => {
            changes.push(FieldChange { field: path.to_owned(), before: before.clone(), after: after.clone() });
        }
        _ => {}
    }
}
