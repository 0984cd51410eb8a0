//! What the platform last said about a device.

use std::collections::{BTreeMap, BTreeSet};

use callback::{CustomField, DeviceInfo, FeatureCode, Sent, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{FieldChange, RequestResult};
use crate::identity::{DeviceId, Identifier};
use crate::observation::{Observation, Update};

/// The most reports of one kind that a device keeps; all of them are in its events.
const MOST_REPORTS: usize = 12;

/// The most profiles and operations that a device keeps.
const MOST_ENTRIES: usize = 24;

/// A larger report is in its event alone: a device has to fit into a row with all that it keeps. In bytes of JSON.
const LARGEST_REPORT: usize = 2 * 1024;

/// A side of a device that a callback service reports on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    /// Its usage, report by report.
    Usage,
    /// Alerts raised on it.
    Alert,
    /// Promotions that it lost.
    PromotionLost,
    /// Its suspension.
    Suspension,
    /// Its expected return from suspension.
    Resume,
    /// Its preferred roaming list.
    Prl,
    /// Whether it can be reached.
    Availability,
    /// The customer-defined state.
    CustomState,
    /// The state of an eUICC profile, by iccid; "" stands for the device as a whole.
    Profile(String),
    /// A message that it sent.
    SmsReceived,
    /// That the network sent it a message.
    SmsSent,
    /// What became of a message to it.
    SmsDelivery,
}

/// What was last reported of a facet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When the message came in.
    pub at: Timestamp,
    /// The request that it answered.
    pub request_id: Option<String>,
    /// What the platform said, as it said it; null if it is too large to be kept here (over 2 KiB), or was taken back.
    pub values: Value,
}

/// What the callback services report on a device, beside its provisioning. What nobody has said is left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facets {
    /// The last twelve reports, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<Report>,
    /// The last twelve, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Report>,
    /// The last twelve, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotions_lost: Vec<Report>,
    /// From DeviceSuspensionStatus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Report>,
    /// When it will return from suspension: `resumesAt` (local time, no zone) and `asSent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Report>,
    /// From DevicePRLInformation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prl: Option<Report>,
    /// From DeviceService.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability: Option<Report>,
    /// From StateService.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_state: Option<Report>,
    /// From DeviceProfileService, by iccid; "" is the device as a whole.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Report>,
    /// The last message each way, and its delivery.
    #[serde(skip_serializing_if = "Sms::is_empty")]
    pub sms: Sms,
    /// The last result of each operation, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<String, OperationResult>,
}

/// The last text messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sms {
    /// From the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Report>,
    /// To the device, as far as the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Report>,
    /// To the device, and acknowledged or expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Report>,
}

impl Sms {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The last result of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationResult {
    /// When the answer came in.
    pub at: Timestamp,
    /// The request that it answered.
    pub request_id: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub result: RequestResult,
}

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
    /// What the other callback services say of it.
    #[serde(flatten)]
    pub facets: Facets,
    /// The devices that turned out to be this one; their history is part of its history.
    pub merged_from: Vec<DeviceId>,
    /// The device that this one turned out to be.
    pub merged_into: Option<DeviceId>,
    /// When the newest message came in that was about it.
    pub updated_at: Timestamp,
    /// When the newest message came in that settled its identifiers.
    pub identified_at: Timestamp,
}

/// The provisioning of a device. Texts are as the platform spelled them; `None` means nil or never stated, and but for the
/// members that everybody looks for it is left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provisioning {
    /// The billing account, with its leading zeros.
    pub account: Option<String>,
    /// `active`, `suspend`, `deactive`, …
    pub state: Option<String>,
    /// The carrier's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier_name: Option<String>,
    /// The service plan.
    pub service_plan: Option<String>,
    /// The device's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_group_name: Option<String>,
    /// The customer's own fields by name; an empty one is "", a nil one null.
    pub custom_fields: BTreeMap<String, Option<String>>,
    /// Feature codes by code, with what they stand for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_codes: BTreeMap<String, Option<String>>,
    /// When the device was added to the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// When it was last activated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activation_date: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activation_by: Option<String>,
    /// The last day of its billing cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_cycle_end_date: Option<String>,
    /// Whether it was connected at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// When it last was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_connection_date: Option<String>,
    /// The imei before the last SIM OTA activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_imei: Option<String>,
    /// The SKU before the last SIM OTA activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_sku: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sim_ota_date: Option<String>,
    /// The customer-defined state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_name: Option<String>,
    /// The customer-defined service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// The service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// When the message came in that this is from.
    #[serde(skip_serializing_if = "Option::is_none")]
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
            facets: Facets::default(),
            merged_from: Vec::new(),
            merged_into: None,
            updated_at: received_at,
            identified_at: received_at,
        }
    }

    /// The device after what a message says. A message older than the one that a side of it is from does not overwrite
    /// that side.
    pub(crate) fn apply(&mut self, observation: &Observation, request_id: Option<&str>, received_at: Timestamp) {
        for update in &observation.updates {
            match update {
                Update::Provisioning(info) if self.provisioning.provisioned_at.is_none_or(|at| at <= received_at) => {
                    self.provisioning.replace(info);
                    self.provisioning.provisioned_at = Some(received_at);
                }
                Update::Provisioning(_) => {}
                Update::Facet(facet, values) => {
                    let size = values.to_string().len();
                    let values = if size <= LARGEST_REPORT { values.clone() } else { Value::Null };
                    let report = Report { at: received_at, request_id: request_id.map(str::to_owned), values };
                    self.facets.take(facet, report);
                }
            }
        }
        if let Some(result) = &observation.result {
            let known = self.facets.operations.get(&result.operation);
            if known.is_none_or(|known| known.at <= received_at) {
                let (request_id, result) = (request_id.map(str::to_owned), result.clone());
                let operation = result.operation.clone();
                self.facets.operations.insert(operation, OperationResult { at: received_at, request_id, result });
                drop_oldest(&mut self.facets.operations, |operation| operation.at);
            }
        }
    }
}

impl Facets {
    fn take(&mut self, facet: &Facet, report: Report) {
        let latest = match facet {
            Facet::Usage => return add(&mut self.usage, report),
            Facet::Alert => return add(&mut self.alerts, report),
            Facet::PromotionLost => return add(&mut self.promotions_lost, report),
            Facet::Profile(iccid) => {
                let known = self.profiles.get(iccid);
                if known.is_none_or(|known| known.at <= report.at) {
                    self.profiles.insert(iccid.clone(), report);
                    drop_oldest(&mut self.profiles, |report| report.at);
                }
                return;
            }
            Facet::Suspension => &mut self.suspension,
            Facet::Resume => &mut self.resume,
            Facet::Prl => &mut self.prl,
            Facet::Availability => &mut self.availability,
            Facet::CustomState => &mut self.custom_state,
            Facet::SmsReceived => &mut self.sms.received,
            Facet::SmsSent => &mut self.sms.sent,
            Facet::SmsDelivery => &mut self.sms.delivered,
        };
        // What was never said need not be taken back.
        let unsaid = latest.is_none() && report.values.is_null();
        if !unsaid && latest.as_ref().is_none_or(|latest| latest.at <= report.at) {
            *latest = Some(report);
        }
    }
}

/// Keeps a map from growing without end.
fn drop_oldest<T>(entries: &mut BTreeMap<String, T>, at: impl Fn(&T) -> Timestamp) {
    if entries.len() > MOST_ENTRIES {
        let oldest = entries.iter().min_by_key(|(_, entry)| at(entry)).map(|(name, _)| name.clone());
        oldest.and_then(|name| entries.remove(&name));
    }
}

/// Adds a report at its place among those kept, newest first.
fn add(reports: &mut Vec<Report>, report: Report) {
    let place = reports.iter().position(|kept| kept.at <= report.at).unwrap_or(reports.len());
    reports.insert(place, report);
    reports.truncate(MOST_REPORTS);
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

/// Fields that only grow at one end: before and after would be nearly the same, and large.
const REPORTS: [&str; 3] = ["usage", "alerts", "promotionsLost"];

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
