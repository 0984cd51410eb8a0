//! A device: its identifiers, and the state that the platform last reported.

use std::collections::{BTreeMap, BTreeSet};

use callback::{CustomField, DeviceInfo, FeatureCode, Kind, Sent, State, truncate};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bound::{MAX_DEVICE_BYTES, MAX_ENTRIES, MAX_TEXT_BYTES, size};
use crate::facet::Facets;
use crate::identity::{DeviceId, Identifier};

/// Maximum number of devices that can merge into one, since the device contains their list.
pub(crate) const MAX_MERGED: usize = 256;

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The project's own id.
    pub id: DeviceId,
    /// The number of its events: the optimistic lock of every write.
    pub version: u64,
    /// The platform's identifiers: at most one of each kind, except the iccids of an embedded SIM.
    pub identifiers: BTreeSet<Identifier>,
    /// The iccid in use, if there are several and a message showed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub iccid_in_use: Option<String>,
    /// The state last reported by ExternalProvisioningChanges.
    #[serde(flatten)]
    pub provisioning: Provisioning,
    /// The state last reported by the other callback services.
    #[serde(flatten)]
    pub facets: Facets,
    /// The devices that were merged into this one. Their history is part of its history.
    pub merged_from: Vec<DeviceId>,
    /// The device that this one was merged into.
    pub merged_into: Option<DeviceId>,
    /// When the newest message about it was received.
    pub updated_at: Timestamp,
    /// When its identifiers were last confirmed: the time of the newest message that listed all of them or changed
    /// them.
    pub identified_at: Option<Timestamp>,
    /// For each kind of identifier, when the newest message that assigned or removed it was received.
    pub named_at: BTreeMap<Kind, Timestamp>,
}

/// The provisioning of a device. Texts are as sent. `None` means nil or never stated, and is omitted from the JSON,
/// except for the most common members.
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
    /// Feature codes by code, with their meaning.
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
    /// The user who activated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activation_by: Option<String>,
    /// The last day of its billing cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_cycle_end_date: Option<String>,
    /// Whether it was connected at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// When it was last connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_connection_date: Option<String>,
    /// The imei before the last SIM OTA activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_imei: Option<String>,
    /// The SKU before the last SIM OTA activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_sku: Option<String>,
    /// When the last SIM OTA activation was.
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
    /// When the message with this provisioning was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned_at: Option<Timestamp>,
}

impl Device {
    /// A device without identifiers and state.
    pub(crate) fn new(id: DeviceId, received_at: Timestamp) -> Self {
        Self {
            id,
            version: 0,
            identifiers: BTreeSet::new(),
            iccid_in_use: None,
            provisioning: Provisioning::default(),
            facets: Facets::default(),
            merged_from: Vec::new(),
            merged_into: None,
            updated_at: received_at,
            identified_at: None,
            named_at: BTreeMap::new(),
        }
    }

    /// When its identifier of this kind, or the lack of one, was last confirmed. An older message cannot change it.
    pub(crate) fn confirmed_at(&self, kind: &Kind) -> Option<Timestamp> {
        self.named_at.get(kind).copied().max(self.identified_at)
    }

    /// Whether this is the iccid of a profile on its embedded SIM.
    pub(crate) fn is_profile(&self, iccid: &str) -> bool {
        let has = |kind: &Kind, value: Option<&str>| {
            self.identifiers.iter().any(|one| one.kind == *kind && value.is_none_or(|value| one.value == value))
        };
        has(&Kind::Eid, None) && has(&Kind::Iccid, Some(iccid))
    }

    /// Merges a device that is the same one, with its history.
    pub(crate) fn absorb(&mut self, other: Self) {
        if other.provisioning.provisioned_at > self.provisioning.provisioned_at {
            self.provisioning = other.provisioning;
        }
        self.updated_at = self.updated_at.max(other.updated_at);
        self.identified_at = self.identified_at.max(other.identified_at);
        for (kind, at) in other.named_at {
            let known = self.named_at.entry(kind).or_insert(at);
            *known = at.max(*known);
        }
        self.facets.absorb(other.facets);
        self.iccid_in_use = self.iccid_in_use.take().or(other.iccid_in_use);
        self.merged_from.extend(other.merged_from);
        self.merged_from.push(other.id);
    }

    /// Omits the oldest reports until the device is within its size limit, then the oldest results of operations, then
    /// entries that the customer defines. The rest is small.
    pub(crate) fn fit(&mut self) {
        let names = &self.identifiers;
        self.named_at.retain(|kind, _| !matches!(kind, Kind::Other(_)) || names.iter().any(|one| one.kind == *kind));
        let mut over = size(self).saturating_sub(MAX_DEVICE_BYTES);
        while over > 0 {
            match self.facets.omit_oldest_report() {
                0 => break,
                saved => over = over.saturating_sub(saved),
            }
        }
        while size(self) > MAX_DEVICE_BYTES {
            let dropped = self.facets.drop_oldest_operation()
                || self.provisioning.feature_codes.pop_last().is_some()
                || self.provisioning.custom_fields.pop_last().is_some();
            if !dropped {
                break;
            }
        }
    }
}

impl Provisioning {
    /// The provisioning that remains on a device whose line has moved: the account.
    pub(crate) fn without_line(self) -> Self {
        Self { account: self.account, ..Self::default() }
    }

    /// Whether a message after this time states that the line is not suspended.
    pub(crate) fn ends_suspension_of(&self, at: Timestamp) -> bool {
        let is_suspended = self.state.as_deref().is_none_or(|state| State::from(state) == State::Suspend);
        !is_suspended && self.provisioned_at.is_some_and(|known| known > at)
    }

    /// Updates every field that the message states. Absent members leave a field unchanged, nil ones clear it.
    pub(crate) fn update(&mut self, info: &DeviceInfo) {
        // Without `..`, so that the compiler reports a member that is not copied.
        let DeviceInfo {
            account_name,
            state,
            connected,
            custom_fields,
            feature_codes,
            carrier_name,
            service_plan,
            device_group_name,
            created_at,
            ip_address,
            last_activation_date,
            last_activation_by,
            billing_cycle_end_date,
            last_connection_date,
            pre_imei,
            pre_sku,
            sim_ota_date,
            state_name,
            service_name,
            service_account,
            // The device's identifiers follow from the message's identification.
            device_identifiers: _,
        } = info;
        set(&mut self.account, account_name, text);
        set(&mut self.state, state, |state| truncate(state.text(), MAX_TEXT_BYTES));
        set(&mut self.connected, connected, Clone::clone);
        set_all(&mut self.custom_fields, custom_fields, |CustomField { name, value }| (name, value));
        set_all(&mut self.feature_codes, feature_codes, |FeatureCode { code, description }| (code, description));
        set(&mut self.carrier_name, carrier_name, text);
        set(&mut self.service_plan, service_plan, text);
        set(&mut self.device_group_name, device_group_name, text);
        set(&mut self.created_at, created_at, text);
        set(&mut self.ip_address, ip_address, text);
        set(&mut self.last_activation_date, last_activation_date, text);
        set(&mut self.last_activation_by, last_activation_by, text);
        set(&mut self.billing_cycle_end_date, billing_cycle_end_date, text);
        set(&mut self.last_connection_date, last_connection_date, text);
        set(&mut self.pre_imei, pre_imei, text);
        set(&mut self.pre_sku, pre_sku, text);
        set(&mut self.sim_ota_date, sim_ota_date, text);
        set(&mut self.state_name, state_name, text);
        set(&mut self.service_name, service_name, text);
        set(&mut self.service_account, service_account, text);
    }
}

/// Truncates a text to the length that a device keeps.
#[expect(clippy::ptr_arg, reason = "a function of what `Sent` holds")]
fn text(sent: &String) -> String {
    truncate(sent, MAX_TEXT_BYTES)
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
            let entry = |(name, value): (&String, &Sent<String>)| (text(name), value.value().map(text));
            *fields = all.iter().take(MAX_ENTRIES).map(&read).map(entry).collect();
            if let Some(more) = all.len().checked_sub(MAX_ENTRIES).filter(|more| *more > 0) {
                fields.insert("…".to_owned(), Some(format!("{more} more are in the event")));
            }
        }
    }
}
