//! The fields of a device that an event changed, by comparing the device as JSON before and after.

use callback::Value;

use crate::bound::{MAX_CHANGES_BYTES, MAX_REPORT_BYTES, left_out, size};
use crate::event::FieldChange;
use crate::state::Device;

/// Fields that are not reported as changes: they never change, or change with every event.
pub(crate) const BOOKKEEPING: [&str; 6] = ["id", "version", "updatedAt", "identifiedAt", "namedAt", "provisionedAt"];

/// Lists that only grow at the front. Their values before and after would be large and nearly equal.
pub(crate) const REPORTS: [&str; 3] = ["usage", "alerts", "promotionsLost"];

/// The fields that differ between a device before and after an event, within the bounds on an event's changes.
pub(crate) fn changes(before: Option<&Device>, after: &Device) -> Vec<FieldChange> {
    let as_json = |device: &Device| serde_json::to_value(device).unwrap_or_default();
    let before = before.map(as_json).unwrap_or_default();
    let mut changes = Vec::new();
    compare("", &before, &as_json(after), &mut changes);
    let mut remaining = MAX_CHANGES_BYTES;
    for change in &mut changes {
        bound(&mut change.before, &mut remaining);
        bound(&mut change.after, &mut remaining);
    }
    changes
}

/// Replaces a value that exceeds its own limit or the remaining limit of all changes by its size.
fn bound(value: &mut Value, remaining: &mut usize) {
    let bytes = size(value);
    let placeholder = left_out(bytes);
    if bytes > MAX_REPORT_BYTES.min(*remaining) && bytes > size(&placeholder) {
        *value = placeholder;
    } else {
        *remaining = remaining.saturating_sub(bytes);
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
        // Only the newest report is new.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::facet::{Facet, Report};
    use crate::identity::DeviceId;

    #[test]
    fn every_listed_field_exists_in_the_json_of_a_device() {
        let at = Timestamp::UNIX_EPOCH;
        let mut device = Device::new(DeviceId::from("1"), at);
        device.provisioning.provisioned_at = Some(at);
        for facet in [Facet::Usage, Facet::Alert, Facet::PromotionLost] {
            device.facets.take(&facet, Report::new(at, None, &Arc::new(Value::from(1))));
        }
        let members = serde_json::to_value(&device).unwrap();
        for name in BOOKKEEPING.iter().chain(&REPORTS) {
            assert!(members.get(name).is_some(), "{name}");
        }
    }
}
