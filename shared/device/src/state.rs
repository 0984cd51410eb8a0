//! What the platform last said about a device.

use std::collections::{BTreeMap, BTreeSet};

use callback::{CustomField, DeviceInfo, FeatureCode, Sent, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::FieldChange;
use crate::identity::{DeviceId, Identifier};
use crate::observation::Update;

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Our own name of it.
    pub id: DeviceId,
    /// How many events it has had.
    pub version: u64,
    /// The platform's names of it.
    pub identifiers: BTreeSet<Identifier>,
    /// What ExternalProvisioningChanges says of it.
    #[serde(flatten)]
    pub provisioning: Provisioning,
    /// The devices that turned out to be this one; their history is part of its history.
    pub merged_from: Vec<DeviceId>,
    /// The device that this one turned out to be.
    pub merged_into: Option<DeviceId>,
    /// When the newest message came in that was about it.
    pub updated_at: Timestamp,
    /// When the newest message came in that settled its identifiers.
    pub identified_at: Timestamp,
}

/// The provisioning of a device. Texts are as the platform spelled them; `None` means nil or never stated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provisioning {
    /// The billing account, with its leading zeros.
    pub account: Option<String>,
    /// `active`, `suspend`, `deactive`, …
    pub state: Option<String>,
    /// The carrier's name.
    pub carrier_name: Option<String>,
    /// The service plan.
    pub service_plan: Option<String>,
    /// The device's group.
    pub device_group_name: Option<String>,
    /// The customer's own fields by name; an empty one is "", a nil one null.
    pub custom_fields: BTreeMap<String, Option<String>>,
    /// Feature codes by code, with what they stand for.
    pub feature_codes: BTreeMap<String, Option<String>>,
    /// When the device was added to the platform.
    pub created_at: Option<String>,
    /// Its address.
    pub ip_address: Option<String>,
    /// When it was last activated.
    pub last_activation_date: Option<String>,
    /// By whom.
    pub last_activation_by: Option<String>,
    /// The last day of its billing cycle.
    pub billing_cycle_end_date: Option<String>,
    /// Whether it was connected at the time.
    pub connected: Option<bool>,
    /// When it last was.
    pub last_connection_date: Option<String>,
    /// The imei before the last SIM OTA activation.
    pub pre_imei: Option<String>,
    /// The SKU before the last SIM OTA activation.
    pub pre_sku: Option<String>,
    /// When that was.
    pub sim_ota_date: Option<String>,
    /// The customer-defined state.
    pub state_name: Option<String>,
    /// The customer-defined service.
    pub service_name: Option<String>,
    /// The service account.
    pub service_account: Option<String>,
    /// When the message came in that this is from.
    pub provisioned_at: Option<Timestamp>,
}

impl Device {
    /// A device of which nothing is known yet but its id.
    pub(crate) fn new(id: DeviceId, received_at: Timestamp) -> Self {
        Self {
            id,
            version: 0,
            identifiers: BTreeSet::new(),
            provisioning: Provisioning::default(),
            merged_from: Vec::new(),
            merged_into: None,
            updated_at: received_at,
            identified_at: received_at,
        }
    }

    /// The device after what a message says. A message older than the one that the state is from does not overwrite it.
    pub(crate) fn apply(&mut self, update: &Update, received_at: Timestamp) {
        match update {
            Update::Provisioning(info) if self.provisioning.provisioned_at.is_none_or(|at| at <= received_at) => {
                self.provisioning.replace(info);
                self.provisioning.provisioned_at = Some(received_at);
            }
            Update::Provisioning(_) | Update::Nothing => {}
        }
    }
}

impl Provisioning {
    /// Absent members stay as they were; nil ones become `None`.
    fn replace(&mut self, info: &DeviceInfo) {
        set(&mut self.account, &info.account_name, Clone::clone);
        set(&mut self.state, &info.state, ToString::to_string);
        set(&mut self.carrier_name, &info.carrier_name, Clone::clone);
        set(&mut self.service_plan, &info.service_plan, Clone::clone);
        set(&mut self.device_group_name, &info.device_group_name, Clone::clone);
        set(&mut self.created_at, &info.created_at, Clone::clone);
        set(&mut self.ip_address, &info.ip_address, Clone::clone);
        set(&mut self.last_activation_date, &info.last_activation_date, Clone::clone);
        set(&mut self.last_activation_by, &info.last_activation_by, Clone::clone);
        set(&mut self.billing_cycle_end_date, &info.billing_cycle_end_date, Clone::clone);
        set(&mut self.connected, &info.connected, Clone::clone);
        set(&mut self.last_connection_date, &info.last_connection_date, Clone::clone);
        set(&mut self.pre_imei, &info.pre_imei, Clone::clone);
        set(&mut self.pre_sku, &info.pre_sku, Clone::clone);
        set(&mut self.sim_ota_date, &info.sim_ota_date, Clone::clone);
        set(&mut self.state_name, &info.state_name, Clone::clone);
        set(&mut self.service_name, &info.service_name, Clone::clone);
        set(&mut self.service_account, &info.service_account, Clone::clone);
        set_all(&mut self.custom_fields, &info.custom_fields, |CustomField { name, value }| (name, value));
        set_all(&mut self.feature_codes, &info.feature_codes, |FeatureCode { code, description }| (code, description));
    }
}

fn set<T, S>(field: &mut Option<T>, sent: &Sent<S>, read: impl FnOnce(&S) -> T) {
    match sent {
        Sent::Absent => {}
        Sent::Nil => *field = None,
        Sent::Value(value) => *field = Some(read(value)),
    }
}

fn set_all<S>(
    fields: &mut BTreeMap<String, Option<String>>,
    sent: &Sent<Vec<S>>,
    read: impl Fn(&S) -> (&String, &Sent<String>),
) {
    match sent {
        Sent::Absent => {}
        Sent::Nil => fields.clear(),
        Sent::Value(all) => {
            *fields = all.iter().map(&read).map(|(name, value)| (name.clone(), value.value().cloned())).collect();
        }
    }
}

/// Fields that tell nothing: they never change, or with every event.
const BOOKKEEPING: [&str; 5] = ["id", "version", "updatedAt", "identifiedAt", "provisionedAt"];

/// What differs between a device before and after an event.
pub(crate) fn changes(before: Option<&Device>, after: &Device) -> Vec<FieldChange> {
    let as_json = |device: &Device| serde_json::to_value(device).unwrap_or_default();
    let before = before.map(as_json).unwrap_or_default();
    let mut changes = Vec::new();
    compare("", &before, &as_json(after), &mut changes);
    changes
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
        _ if before != after && !(before.is_null() && empty(after)) => {
            changes.push(FieldChange { field: path.to_owned(), before: before.clone(), after: after.clone() });
        }
        _ => {}
    }
}
