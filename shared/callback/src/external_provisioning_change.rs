//! The payload of ExternalProvisioningChanges. Source: the platform's page on this callback, its table and five
//! samples.
//!
//! The REST body is not documented. The same members are read, in any casing, and the rest is kept.

use serde_json::{Map, Value};

use crate::envelope::Message;
use crate::identifier::DeviceIdentifier;
use crate::members::Members;
use crate::open_enum::{AsSent, Change, State};
use crate::sent::Sent;
use crate::value::{only_attributes, only_item};

/// A change that was made outside the API. All texts are as sent; times are .NET's, with seven digits and `Z`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalProvisioningChange {
    /// The tool that was used.
    pub source: Sent<String>,
    /// The change.
    pub change: Sent<AsSent<Change>>,
    /// The device after the change.
    pub device_info: Sent<DeviceInfo>,
    /// Members that are not in the platform's table.
    pub unknown: Map<String, Value>,
}

/// A full snapshot of a device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceInfo {
    /// The billing account, with its leading zeros.
    pub account_name: Sent<String>,
    /// `CarrierInformation/CarrierName`.
    pub carrier_name: Sent<String>,
    /// `CarrierInformation/ServicePlan`.
    pub service_plan: Sent<String>,
    /// `CarrierInformation/State`.
    pub state: Sent<AsSent<State>>,
    /// The group that the device belongs to.
    pub device_group_name: Sent<String>,
    /// All identifiers of the device.
    pub device_identifiers: Sent<Vec<DeviceIdentifier>>,
    /// When the device was added to the platform.
    pub created_at: Sent<String>,
    /// The device's address.
    pub ip_address: Sent<String>,
    /// When it was last activated.
    pub last_activation_date: Sent<String>,
    /// The user who activated it.
    pub last_activation_by: Sent<String>,
    /// The last day of the current billing cycle.
    pub billing_cycle_end_date: Sent<String>,
    /// Whether the device is connected.
    pub connected: Sent<bool>,
    /// When it was last connected, if it is not.
    pub last_connection_date: Sent<String>,
    /// The customer's own fields.
    pub custom_fields: Sent<Vec<CustomField>>,
    /// Verizon Wholesale only.
    pub feature_codes: Sent<Vec<FeatureCode>>,
    /// `PreIMEI`: the imei before the last SIM OTA activation.
    pub pre_imei: Sent<String>,
    /// `PreSKU`: the SKU before the last SIM OTA activation.
    pub pre_sku: Sent<String>,
    /// `SIMOTADate`: when the last SIM OTA activation was.
    pub sim_ota_date: Sent<String>,
    /// The customer-defined state.
    pub state_name: Sent<String>,
    /// The customer-defined service.
    pub service_name: Sent<String>,
    /// The service account.
    pub service_account: Sent<String>,
}

/// A field that the customer defines. Nil, empty and absent values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// `CustomField1` to `CustomField5`.
    pub name: String,
    /// At most 50 characters.
    pub value: Sent<String>,
}

/// A feature of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureCode {
    /// The code.
    pub code: String,
    /// Its meaning.
    pub description: Sent<String>,
}

impl ExternalProvisioningChange {
    /// The `ExternalProvisioningChange` of a message, if it is an element or object.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let Value::Object(members) = only_item(message.member("ExternalProvisioningChange")?) else { return None };
        let mut members = Members::from(members.clone());
        let source = members.take_text("Source");
        let change = members.take_text("Change").map(AsSent::from);
        let device_info = members.take_members("DeviceInfo").map(|info| {
            let (info, rest) = DeviceInfo::read(info);
            members.put_back("DeviceInfo", rest);
            info
        });
        Some(Self { source, change, device_info, unknown: members.rest() })
    }
}

impl DeviceInfo {
    fn read(mut members: Members) -> (Self, Map<String, Value>) {
        let mut carrier = match members.take_members("CarrierInformation") {
            Sent::Value(carrier) => carrier,
            Sent::Absent | Sent::Nil => Members::default(),
        };
        let info = Self {
            account_name: members.take_text("AccountName"),
            carrier_name: carrier.take_text("CarrierName"),
            service_plan: carrier.take_text("ServicePlan"),
            state: carrier.take_text("State").map(AsSent::from),
            device_group_name: members.take_text("DeviceGroupName"),
            device_identifiers: identifiers(&mut members),
            created_at: members.take_text("CreatedAt"),
            ip_address: members.take_text("IPAddress"),
            last_activation_date: members.take_text("LastActivationDate"),
            last_activation_by: members.take_text("LastActivationBy"),
            billing_cycle_end_date: members.take_text("BillingCycleEndDate"),
            connected: members.take_bool("Connected"),
            last_connection_date: members.take_text("LastConnectionDate"),
            custom_fields: members.take_each("CustomFields", |value| {
                named(value, &["Name", "key"], "Value").map(|(name, value)| CustomField { name, value })
            }),
            feature_codes: members.take_each("FeatureCodes", |value| {
                named(value, &["Code"], "Description").map(|(code, description)| FeatureCode { code, description })
            }),
            pre_imei: members.take_text("PreIMEI"),
            pre_sku: members.take_text("PreSKU"),
            sim_ota_date: members.take_text("SIMOTADate"),
            state_name: members.take_text("StateName"),
            service_name: members.take_text("ServiceName"),
            service_account: members.take_text("ServiceAccount"),
        };
        members.put_back("CarrierInformation", carrier.rest());
        (info, members.rest())
    }
}

/// The identifiers of the device; absent or nil if there is no readable one.
fn identifiers(members: &mut Members) -> Sent<Vec<DeviceIdentifier>> {
    match members.take_identifiers("DeviceIdentifiers") {
        none if none.is_empty() => members.take("DeviceIdentifiers", Err),
        some => Sent::Value(some),
    }
}

/// An object that contains only a name, in the first of several possible members, and a text.
fn named(value: Value, names: &[&str], about: &str) -> Result<(String, Sent<String>), Value> {
    let Value::Object(members) = &value else { return Err(value) };
    let mut members = Members::from(members.clone());
    let name = names.iter().find_map(|name| members.take_text(name).value().cloned());
    let about = members.take_text(about);
    match name {
        Some(name) if only_attributes(&members.rest()) => Ok((name, about)),
        _ => Err(value),
    }
}
