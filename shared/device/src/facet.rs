//! The facets of a device: what callback services other than ExternalProvisioningChanges report.

use std::collections::BTreeMap;

use callback::{Value, text_of, truncate};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bound::{MAX_KEY_BYTES, MAX_REPORT_BYTES, MAX_TEXT_BYTES, size};
use crate::result::RequestResult;

/// Maximum number of reports of one kind on a device. All reports are in its events.
const MAX_REPORTS: usize = 12;

/// Maximum number of profiles, and of operations, on a device.
const MAX_KEPT: usize = 24;

/// Smaller values are not omitted: the placeholder would be as large.
const MIN_LEFT_OUT_BYTES: usize = 64;

/// An aspect of a device that a callback service reports on, with the typed members of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    /// Usage reports.
    Usage,
    /// Alerts.
    Alert,
    /// Lost promotions.
    PromotionLost,
    /// The suspension.
    Suspension(SuspensionTerms),
    /// The announced return from suspension.
    Resume,
    /// The preferred roaming list, with its version.
    Prl(Option<String>),
    /// Whether the device can be reached.
    Availability,
    /// The customer-defined state.
    CustomState,
    /// The state of an eUICC profile, by iccid; "" stands for the device as a whole.
    Profile(String),
    /// A text message that the device sent.
    SmsReceived,
    /// A text message that the network sent to the device.
    SmsSent,
    /// The delivery of a text message to the device, with the confirmation.
    SmsDelivery(Option<String>),
    /// The report of a service beyond the thirteen, by the service's name.
    Other(String),
}

/// The last report on a facet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When the message was received.
    pub at: Timestamp,
    /// The request that was answered.
    pub request_id: Option<String>,
    /// The report as sent; null if it was withdrawn, or omitted for its size.
    pub values: Value,
    /// The size of omitted `values`, as JSON in bytes: those over 2 KiB, or the oldest of a device that is too large.
    /// The event contains them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_out_bytes: Option<usize>,
}

impl Report {
    pub(crate) fn new(at: Timestamp, request_id: Option<&str>, values: &Value) -> Self {
        let bytes = size(values);
        let report = Self { at, request_id: request_id.map(str::to_owned), values: Value::Null, left_out_bytes: None };
        if bytes <= MAX_REPORT_BYTES {
            Self { values: values.clone(), ..report }
        } else {
            Self { left_out_bytes: Some(bytes), ..report }
        }
    }

    /// Omits the values. Returns the number of bytes saved.
    fn leave_out(&mut self) -> usize {
        let before = size(self);
        self.left_out_bytes = Some(size(&self.values));
        self.values = Value::Null;
        before.saturating_sub(size(self))
    }
}

/// How long a device may be suspended, according to the platform. Members that the platform does not state are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SuspensionTerms {
    /// When the device automatically returns to service, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_resume_date: Option<String>,
    /// Days that a suspension for this reason may last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_suspend_days_allowed: Option<u32>,
    /// Days that the device may still be suspended in the current 12 months.
    #[serde(rename = "numDaysSuspendAllowedCurrent12Months", skip_serializing_if = "Option::is_none")]
    pub num_days_suspend_allowed_current_12_months: Option<u32>,
    /// Days that the device was suspended in the last 12 months.
    #[serde(rename = "numDaysSuspendedLast12Months", skip_serializing_if = "Option::is_none")]
    pub num_days_suspended_last_12_months: Option<u32>,
}

impl SuspensionTerms {
    /// The terms in a report.
    #[must_use]
    pub fn of(values: &Value) -> Self {
        let days = |name| text_of(values, name).and_then(|days| days.trim().parse().ok());
        Self {
            expected_resume_date: text_of(values, "expectedResumeDate"),
            max_suspend_days_allowed: days("maxSuspendDaysAllowed"),
            num_days_suspend_allowed_current_12_months: days("numDaysSuspendAllowedCurrent12Months"),
            num_days_suspended_last_12_months: days("numDaysSuspendedLast12Months"),
        }
    }
}

/// The suspension of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspension {
    /// The report.
    #[serde(flatten)]
    pub report: Report,
    /// The typed members of the report.
    #[serde(flatten)]
    pub terms: SuspensionTerms,
}

/// The preferred roaming list of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prl {
    /// The report.
    #[serde(flatten)]
    pub report: Report,
    /// The list's version, as sent.
    #[serde(rename = "prlVersion", skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

/// The delivery of a text message to a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The report.
    #[serde(flatten)]
    pub report: Report,
    /// The confirmation, as sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmation: Option<String>,
}

/// The reports of the callback services on a device, other than its provisioning. Facets without a report are omitted
/// from the JSON.
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
    /// From DeviceSuspensionStatus, and from a suspension by request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// When it will return from suspension: `resumesAt` (local time, no zone) and `asSent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Report>,
    /// From DevicePRLInformation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prl: Option<Prl>,
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
    /// The last report of each service beyond the thirteen, by the service's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_services: BTreeMap<String, Report>,
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
    /// To the device, sent by the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Report>,
    /// To the device, acknowledged or expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Delivery>,
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
    /// When the response was received.
    pub at: Timestamp,
    /// The request that was answered.
    pub request_id: Option<String>,
    /// The result.
    #[serde(flatten)]
    pub result: RequestResult,
}

/// A value with the time of its message: the newer one is kept.
trait Dated {
    fn at(&self) -> Timestamp;

    /// Whether it only withdraws a former report, which needs no entry if there is none.
    fn is_empty_report(&self) -> bool {
        false
    }
}

impl Dated for Report {
    fn at(&self) -> Timestamp {
        self.at
    }

    fn is_empty_report(&self) -> bool {
        self.values.is_null() && self.left_out_bytes.is_none()
    }
}

impl Dated for Suspension {
    fn at(&self) -> Timestamp {
        self.report.at
    }

    fn is_empty_report(&self) -> bool {
        self.report.is_empty_report() && self.terms == SuspensionTerms::default()
    }
}

impl Dated for Prl {
    fn at(&self) -> Timestamp {
        self.report.at
    }
}

impl Dated for Delivery {
    fn at(&self) -> Timestamp {
        self.report.at
    }
}

impl Dated for OperationResult {
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Facets {
    pub(crate) fn take(&mut self, facet: &Facet, report: Report) {
        match facet {
            Facet::Usage => add(&mut self.usage, [report]),
            Facet::Alert => add(&mut self.alerts, [report]),
            Facet::PromotionLost => add(&mut self.promotions_lost, [report]),
            Facet::Profile(iccid) => put(&mut self.profiles, &key(iccid), report),
            Facet::Other(service) => put(&mut self.other_services, &key(service), report),
            Facet::Suspension(terms) => {
                let expected_resume_date = terms.expected_resume_date.as_deref().map(text);
                let terms = SuspensionTerms { expected_resume_date, ..terms.clone() };
                newer(&mut self.suspension, Some(Suspension { report, terms }));
            }
            Facet::Prl(version) => newer(&mut self.prl, Some(Prl { report, version: version.as_deref().map(text) })),
            Facet::SmsDelivery(confirmation) => {
                let confirmation = confirmation.as_deref().map(text);
                newer(&mut self.sms.delivered, Some(Delivery { report, confirmation }));
            }
            Facet::Resume => newer(&mut self.resume, Some(report)),
            Facet::Availability => newer(&mut self.availability, Some(report)),
            Facet::CustomState => newer(&mut self.custom_state, Some(report)),
            Facet::SmsReceived => newer(&mut self.sms.received, Some(report)),
            Facet::SmsSent => newer(&mut self.sms.sent, Some(report)),
        }
    }

    pub(crate) fn take_result(&mut self, result: OperationResult) {
        let operation = result.result.operation.clone();
        put(&mut self.operations, &operation, result);
    }

    /// Merges the facets of a device that is the same one. The newer report of each facet is kept.
    pub(crate) fn absorb(&mut self, other: Self) {
        add(&mut self.usage, other.usage);
        add(&mut self.alerts, other.alerts);
        add(&mut self.promotions_lost, other.promotions_lost);
        newer(&mut self.suspension, other.suspension);
        newer(&mut self.resume, other.resume);
        newer(&mut self.prl, other.prl);
        newer(&mut self.availability, other.availability);
        newer(&mut self.custom_state, other.custom_state);
        newer(&mut self.sms.received, other.sms.received);
        newer(&mut self.sms.sent, other.sms.sent);
        newer(&mut self.sms.delivered, other.sms.delivered);
        other.profiles.into_iter().for_each(|(iccid, report)| put(&mut self.profiles, &iccid, report));
        other.other_services.into_iter().for_each(|(service, report)| put(&mut self.other_services, &service, report));
        other.operations.into_values().for_each(|result| self.take_result(result));
    }

    /// Drops the oldest result of an operation. Returns whether there was one.
    pub(crate) fn drop_oldest_operation(&mut self) -> bool {
        let oldest = self.operations.iter().min_by_key(|(_, result)| result.at).map(|(name, _)| name.clone());
        oldest.and_then(|name| self.operations.remove(&name)).is_some()
    }

    /// Omits the values of the oldest report whose values are larger than their placeholder. Returns the number of
    /// bytes saved, 0 if there is no such report.
    pub(crate) fn omit_oldest_report(&mut self) -> usize {
        let lists = self.usage.iter_mut().chain(&mut self.alerts).chain(&mut self.promotions_lost);
        let maps = self.profiles.values_mut().chain(self.other_services.values_mut());
        let single = [
            &mut self.resume,
            &mut self.availability,
            &mut self.custom_state,
            &mut self.sms.received,
            &mut self.sms.sent,
        ];
        let typed = [
            self.suspension.as_mut().map(|suspension| &mut suspension.report),
            self.prl.as_mut().map(|prl| &mut prl.report),
            self.sms.delivered.as_mut().map(|delivered| &mut delivered.report),
        ];
        let all = lists.chain(maps).chain(single.into_iter().flatten()).chain(typed.into_iter().flatten());
        let oldest = all.filter(|report| size(&report.values) > MIN_LEFT_OUT_BYTES).min_by_key(|report| report.at);
        oldest.map_or(0, Report::leave_out)
    }
}

/// Truncates a text to the length that a device keeps.
fn text(sent: &str) -> String {
    truncate(sent, MAX_TEXT_BYTES)
}

/// Truncates the name of an entry to the length that a device keeps.
fn key(sent: &str) -> String {
    truncate(sent, MAX_KEY_BYTES)
}

fn newer<T: Dated>(latest: &mut Option<T>, found: Option<T>) {
    let Some(found) = found else { return };
    if latest.as_ref().map_or(!found.is_empty_report(), |latest| latest.at() <= found.at()) {
        *latest = Some(found);
    }
}

/// Inserts the newer value under a name, and limits the size of the map.
fn put<T: Dated>(entries: &mut BTreeMap<String, T>, name: &str, found: T) {
    if entries.get(name).is_none_or(|known| known.at() <= found.at()) {
        entries.insert(name.to_owned(), found);
    }
    if entries.len() > MAX_KEPT {
        let oldest = entries.iter().min_by_key(|(_, entry)| entry.at()).map(|(name, _)| name.clone());
        oldest.and_then(|name| entries.remove(&name));
    }
}

/// Adds reports in their order, newest first.
fn add(reports: &mut Vec<Report>, more: impl IntoIterator<Item = Report>) {
    for report in more {
        let place = reports.iter().position(|kept| kept.at <= report.at).unwrap_or(reports.len());
        reports.insert(place, report);
    }
    reports.truncate(MAX_REPORTS);
}
