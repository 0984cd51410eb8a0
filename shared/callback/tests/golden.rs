//! What the parser makes of every golden message in `events/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use callback::{Callback, DeviceIdentifier};
use insta::assert_snapshot;
use serde_json::Value;

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn names(devices: &[DeviceIdentifier]) -> String {
    devices.iter().map(|device| format!("{}:{}", device.kind, device.value)).collect::<Vec<_>>().join(" ")
}

/// A line about the envelope, then one for each part: its name, its devices, and what it says.
fn parsed(file: &str) -> String {
    let body = std::fs::read(events().join(file)).unwrap();
    let message = Callback::parse(&body, None).unwrap().message;
    let request = message.request_id.as_deref().unwrap_or("no request id");
    let mut text = format!("{request} [{}] {:?}", names(&message.devices), message.outcome);
    let message_outcome = message.outcome.clone();
    for part in message.into_parts() {
        let name = if part.name.is_empty() { "-" } else { &part.name };
        write!(text, "\n{name} [{}] {}", names(&part.devices), part.values).unwrap();
        if part.outcome != message_outcome {
            write!(text, " {:?}", part.outcome).unwrap();
        }
        if !part.unknown.is_empty() {
            write!(text, "\nunknown {}", Value::Object(part.unknown)).unwrap();
        }
    }
    text
}

#[test]
fn every_golden_message_has_its_snapshot_here() {
    for service in std::fs::read_dir(events()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for transport in std::fs::read_dir(service).unwrap().map(|entry| entry.unwrap().path()) {
            for file in std::fs::read_dir(transport).unwrap().map(|entry| entry.unwrap().path()) {
                let file = file.strip_prefix(events()).unwrap().to_str().unwrap().to_owned();
                assert!(include_str!("golden.rs").contains(&format!("\"{file}\"")), "{file}");
            }
        }
    }
}

#[test]
fn the_messages_of_alert_service_are_read() {
    assert_snapshot!(parsed("alert-service/rest/1-device-data-usage.json"), @r##"
    00000000-0000-4000-8000-000011000001 [mdn:5550100101 imei:350000000000101] Unstated
    alertResponse [mdn:5550100101 imei:350000000000101] {"accountName":"0000123456-00001","thresholdBytes":"52428800","timestamp":"2026-03-01T01:00:00Z","triggerCategory":"DeviceDataUsage","triggerName":"Trigger 1","usedBytes":"52428913"}
    "##);
    assert_snapshot!(parsed("alert-service/rest/2-imei-change.json"), @r##"
    00000000-0000-4000-8000-000011000002 [mdn:5550100101 imei:350000000000101] Unstated
    alertResponse [mdn:5550100101 imei:350000000000101] {"accountName":"0000123456-00001","previousImei":"350000000009101","timestamp":"2026-03-02T01:00:00Z","triggerCategory":"DeviceIMEIChange","triggerName":"Trigger 2","updatedImei":"350000000000101"}
    "##);
    assert_snapshot!(parsed("alert-service/rest/3-device-sms-usage.json"), @r##"
    00000000-0000-4000-8000-000011000003 [mdn:5550100101 imei:350000000000101] Unstated
    alertResponse [mdn:5550100101 imei:350000000000101] {"accountName":"0000123456-00001","thresholdMessages":"500","timestamp":"2026-03-03T01:00:00Z","triggerCategory":"DeviceSMSUsage","triggerName":"Trigger 3","usedMessages":"501"}
    "##);
    assert_snapshot!(parsed("alert-service/rest/4-device-session-time.json"), @r##"
    00000000-0000-4000-8000-000011000004 [mdn:5550100101 imei:350000000000101] Unstated
    alertResponse [mdn:5550100101 imei:350000000000101] {"accountName":"0000123456-00001","sessionMinutes":"61","thresholdMinutes":"60","timestamp":"2026-03-04T01:00:00Z","triggerCategory":"DeviceSessionTime","triggerName":"Trigger 4"}
    "##);
    assert_snapshot!(parsed("alert-service/rest/5-aggregate-data-usage.json"), @r##"
    00000000-0000-4000-8000-000011000005 [] Unstated
    alertResponse [] {"accountName":"0000123456-00001","thresholdBytes":"10737418240","timestamp":"2026-03-05T01:00:00Z","triggerCategory":"AggregateDeviceDataUsage","triggerName":"Trigger 5","usedBytes":"10737418251"}
    "##);
    assert_snapshot!(parsed("alert-service/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000011000901 [mdn:5550199001] Other("status 7 of alert-service rest 1")
    deviceResponse [mdn:5550199001] [{"alertRecord":{"condition":{"text":"condition 2 of alert-service rest 1"},"triggerId":"triggerId 1 of alert-service rest 1"}},{"alertRecord":{"notes":["note 4 of alert-service rest 1","note 5 of alert-service rest 1"],"triggerId":"triggerId 3 of alert-service rest 1"}},"a bare text 6 of alert-service rest 1"]
    "##);
    assert_snapshot!(parsed("alert-service/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000011000902 [IMEI:350000000009002] Other("status 6 of alert-service rest 2")
    alert-raisedAt [IMEI:350000000009002] {"Condition":"condition 2 of alert-service rest 2","TRIGGERID":"triggerId 1 of alert-service rest 2","alert-raisedAt":["raisedAt 4 of alert-service rest 2","raisedAt 5 of alert-service rest 2"],"alert_observedvalue":"observedValue 3 of alert-service rest 2"}
    unknown {"Condition":"condition 2 of alert-service rest 2","TRIGGERID":"triggerId 1 of alert-service rest 2","alert-raisedAt":["raisedAt 4 of alert-service rest 2","raisedAt 5 of alert-service rest 2"],"alert_observedvalue":"observedValue 3 of alert-service rest 2"}
    "##);
    assert_snapshot!(parsed("alert-service/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000011000903 [] Unstated
    alertNotification [mdn:5550199003 iccid:89000000000000000004] {"affected":{"condition":"condition 2 of alert-service rest 3","deviceIds":[{"id":"5550199003","kind":"mdn"},{"id":"89000000000000000004","kind":"iccid"}]},"details":{"level1":{"level2":{"observedValue":"observedValue 3 of alert-service rest 3"}},"raisedAt":[["raisedAt 4 of alert-service rest 3"],{"deep":"raisedAt 5 of alert-service rest 3"}]},"header":{"triggerId":"triggerId 1 of alert-service rest 3"}}
    "##);
    assert_snapshot!(parsed("alert-service/soap/1-device-data-usage.xml"), @r##"
    00000000-0000-4000-8000-000012000001 [mdn:5550100101 imei:350000000000101] Unstated
    Alert [mdn:5550100101 imei:350000000000101] {"AccountName":"0000123456-00001","ThresholdBytes":"52428800","Timestamp":"2026-03-01T01:00:00Z","TriggerCategory":"DeviceDataUsage","TriggerName":"Trigger 1","UsedBytes":"52428913"}
    "##);
    assert_snapshot!(parsed("alert-service/soap/2-imei-change.xml"), @r##"
    00000000-0000-4000-8000-000012000002 [mdn:5550100101 imei:350000000000101] Unstated
    Alert [mdn:5550100101 imei:350000000000101] {"AccountName":"0000123456-00001","PreviousImei":"350000000009101","Timestamp":"2026-03-02T01:00:00Z","TriggerCategory":"DeviceIMEIChange","TriggerName":"Trigger 2","UpdatedImei":"350000000000101"}
    "##);
    assert_snapshot!(parsed("alert-service/soap/3-device-sms-usage.xml"), @r##"
    00000000-0000-4000-8000-000012000003 [mdn:5550100101 imei:350000000000101] Unstated
    Alert [mdn:5550100101 imei:350000000000101] {"AccountName":"0000123456-00001","ThresholdMessages":"500","Timestamp":"2026-03-03T01:00:00Z","TriggerCategory":"DeviceSMSUsage","TriggerName":"Trigger 3","UsedMessages":"501"}
    "##);
    assert_snapshot!(parsed("alert-service/soap/4-device-session-time.xml"), @r##"
    00000000-0000-4000-8000-000012000004 [mdn:5550100101 imei:350000000000101] Unstated
    Alert [mdn:5550100101 imei:350000000000101] {"AccountName":"0000123456-00001","SessionMinutes":"61","ThresholdMinutes":"60","Timestamp":"2026-03-04T01:00:00Z","TriggerCategory":"DeviceSessionTime","TriggerName":"Trigger 4"}
    "##);
    assert_snapshot!(parsed("alert-service/soap/5-aggregate-data-usage.xml"), @r##"
    00000000-0000-4000-8000-000012000005 [] Unstated
    Alert [] {"AccountName":"0000123456-00001","ThresholdBytes":"10737418240","Timestamp":"2026-03-05T01:00:00Z","TriggerCategory":"AggregateDeviceDataUsage","TriggerName":"Trigger 5","UsedBytes":"10737418251"}
    "##);
    assert_snapshot!(parsed("alert-service/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000012000901 [mdn:5550199005] Unstated
    AlertReport [mdn:5550199005] {"@version":"version 7 of alert-service soap 1","Condition":{"Inner":{"#text":"condition 3 of alert-service soap 1","@code":"code 5 of alert-service soap 1","@level":"level 4 of alert-service soap 1"}},"ObservedValue":{"@value":"observedValue 6 of alert-service soap 1"},"TriggerId":{"#text":"triggerId 1 of alert-service soap 1","@unit":"unit 2 of alert-service soap 1"}}
    "##);
    assert_snapshot!(parsed("alert-service/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000012000902 [NetworkAccessIdentifier 1 of alert-service soap 2:name 2 of alert-service soap 2] Unstated
    Alert [NetworkAccessIdentifier 1 of alert-service soap 2:name 2 of alert-service soap 2] [{"Condition":"condition 4 of alert-service soap 2","TriggerId":"triggerId 3 of alert-service soap 2"},{"RaisedAt":{"Item":["item 7 of alert-service soap 2","item 8 of alert-service soap 2"]},"TriggerId":{"#text":"triggerId 5 of alert-service soap 2","@note":"note 6 of alert-service soap 2"}},"a bare text 9 of alert-service soap 2"]
    "##);
    assert_snapshot!(parsed("alert-service/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000012000903 [Mdn:5550199006] Other("observedValue 3 of alert-service soap 3")
    - [Mdn:5550199006] {"Comment":"triggerId: 1 of alert-service soap 3","Status":"observedValue 3 of alert-service soap 3","Summary":"condition - 2 of alert-service soap 3"}
    "##);
}

#[test]
fn the_messages_of_carrier_service_are_read() {
    assert_snapshot!(parsed("carrier-service/rest/1-change-identifier.json"), @r##"
    00000000-0000-4000-8000-000021000001 [ESN:22200000002] Succeeded
    changeIdentifierResponse [ESN:22200000002] {"deviceIds":[{"id":"350000000000102","kind":"imei"},{"id":"5550100102","kind":"mdn"}],"servicePlan":"M2M_4G"}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/10-move.json"), @r##"
    00000000-0000-4000-8000-000021000010 [mdn:5550100102 imei:350000000000102] Succeeded
    moveDeviceResponse [mdn:5550100102 imei:350000000000102] {"accountName":"0000123456-00002"}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/11-failed.json"), @r##"
    00000000-0000-4000-8000-000021000011 [Iccid:89000000000000000102 Imei:350000000000102] Failed { code: Some("UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive"), text: Some("REQUEST_FAILED. Device is already active") }
    - [Iccid:89000000000000000102 Imei:350000000000102] null
    "##);
    assert_snapshot!(parsed("carrier-service/rest/12-request-failed.json"), @r##"
    00000000-0000-4000-8000-000021000012 [] Failed { code: Some("CarrierService.REQUEST_FAILED.AccountNotFound"), text: Some("REQUEST_FAILED. The account was not found.") }
    - [] null
    "##);
    assert_snapshot!(parsed("carrier-service/rest/13-cancel-location.json"), @r##"
    00000000-0000-4000-8000-000021000013 [mdn:5550100102 imei:350000000000102] Succeeded
    - [mdn:5550100102 imei:350000000000102] null
    "##);
    assert_snapshot!(parsed("carrier-service/rest/14-failed-with-detail.json"), @r##"
    00000000-0000-4000-8000-000021000014 [mdn:5550100102 imei:350000000000102] Failed { code: Some("UnifiedWebService.REQUEST_FAILED.DeviceNotActive"), text: Some("REQUEST_FAILED. Device is not active") }
    - [mdn:5550100102 imei:350000000000102] null
    "##);
    assert_snapshot!(parsed("carrier-service/rest/2-activate.json"), @r##"
    00000000-0000-4000-8000-000021000002 [mdn:5550100102 imei:350000000000102] Succeeded
    activateResponse [mdn:5550100102 imei:350000000000102] {"deviceCredential":{"password":"[left out: a secret]","username":"[left out: a secret]"},"deviceIds":[{"id":"5550100102","kind":"mdn"},{"id":"350000000000102","kind":"imei"},{"id":"15550100102","kind":"msisdn"}],"featureCodes":["FC1","FC2"],"ipAddress":"192.0.2.102","servicePlan":"M2M_4G","state":"active"}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/3-suspend.json"), @r##"
    00000000-0000-4000-8000-000021000003 [mdn:5550100102 imei:350000000000102] Succeeded
    suspendResponse [mdn:5550100102 imei:350000000000102] {"expectedResumeDate":"2026-06-30T00:00:00Z","maxSuspendDaysAllowed":180,"numDaysSuspendAllowedCurrent12Months":135,"numDaysSuspendedLast12Months":45}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/4-restore.json"), @r##"
    00000000-0000-4000-8000-000021000004 [mdn:5550100102 imei:350000000000102] Succeeded
    restoreResponse [mdn:5550100102 imei:350000000000102] {"restored":true}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/5-deactivate.json"), @r##"
    00000000-0000-4000-8000-000021000005 [mdn:5550100102 imei:350000000000102] Succeeded
    deactivateResponse [mdn:5550100102 imei:350000000000102] {"deactivated":true}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/6-service-plan.json"), @r##"
    00000000-0000-4000-8000-000021000006 [mdn:5550100102 imei:350000000000102] Succeeded
    changeServicePlanResponse [mdn:5550100102 imei:350000000000102] {"servicePlan":"M2M_4G_5MB"}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/7-cost-center.json"), @r##"
    00000000-0000-4000-8000-000021000007 [mdn:5550100102 imei:350000000000102] Succeeded
    changeCostCenterResponse [mdn:5550100102 imei:350000000000102] {"costCenterCode":"CC-0042"}
    "##);
    assert_snapshot!(parsed("carrier-service/rest/8-custom-fields.json"), @r"
    00000000-0000-4000-8000-000021000008 [mdn:5550100102 imei:350000000000102] Succeeded
    changeCustomFieldsResponse [mdn:5550100102 imei:350000000000102] {}
    ");
    assert_snapshot!(parsed("carrier-service/rest/9-contact-info.json"), @r"
    00000000-0000-4000-8000-000021000009 [mdn:5550100102 imei:350000000000102] Succeeded
    changeContactInfoResponse [mdn:5550100102 imei:350000000000102] {}
    ");
    assert_snapshot!(parsed("carrier-service/soap/1-activate.xml"), @r##"
    00000000-0000-4000-8000-000022000001 [mdn:5550100102 imei:350000000000102] Succeeded
    ActivateDevice [mdn:5550100102 imei:350000000000102] {"DeviceIdentifiers":[{"Identifier":"5550100102","Kind":"mdn"},{"Identifier":"350000000000102","Kind":"imei"},{"Identifier":"15550100102","Kind":"msisdn"}],"IPAddress":"192.0.2.102"}
    "##);
    assert_snapshot!(parsed("carrier-service/soap/10-move.xml"), @r##"
    00000000-0000-4000-8000-000022000010 [mdn:5550100102 imei:350000000000102] Succeeded
    MoveDevice [mdn:5550100102 imei:350000000000102] {"AccountName":"0000123456-00002"}
    "##);
    assert_snapshot!(parsed("carrier-service/soap/11-failed.xml"), @r##"
    00000000-0000-4000-8000-000022000011 [iccid:89000000000000000102 imei:350000000000102] Failed { code: Some("UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive"), text: Some("REQUEST_FAILED. Device is already active") }
    - [iccid:89000000000000000102 imei:350000000000102] null
    "##);
    assert_snapshot!(parsed("carrier-service/soap/12-request-failed.xml"), @r##"
    00000000-0000-4000-8000-000022000012 [] Failed { code: Some("CarrierService.REQUEST_FAILED.AccountNotFound"), text: Some("REQUEST_FAILED. The account was not found.") }
    - [] null
    "##);
    assert_snapshot!(parsed("carrier-service/soap/2-change-identifier.xml"), @r##"
    00000000-0000-4000-8000-000022000002 [esn:22200000102] Succeeded
    ChangeDeviceIdentifier [esn:22200000102] {"DeviceIdentifierChanged":{"Identifier":"A1000000000102","Kind":"meid"},"ServicePlan":"M2M"}
    "##);
    assert_snapshot!(parsed("carrier-service/soap/3-suspend.xml"), @r##"
    00000000-0000-4000-8000-000022000003 [mdn:5550100102 imei:350000000000102] Succeeded
    SuspendDevice [mdn:5550100102 imei:350000000000102] {"ExpectedResumeDate":"2026-06-30T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("carrier-service/soap/4-restore.xml"), @r##"
    00000000-0000-4000-8000-000022000004 [mdn:5550100102 imei:350000000000102] Succeeded
    RestoreDevice [mdn:5550100102 imei:350000000000102] ""
    "##);
    assert_snapshot!(parsed("carrier-service/soap/5-deactivate.xml"), @r##"
    00000000-0000-4000-8000-000022000005 [mdn:5550100102 imei:350000000000102] Succeeded
    DeactivateDevice [mdn:5550100102 imei:350000000000102] ""
    "##);
    assert_snapshot!(parsed("carrier-service/soap/6-service-plan.xml"), @r##"
    00000000-0000-4000-8000-000022000006 [mdn:5550100102 imei:350000000000102] Succeeded
    ChangeDeviceServicePlan [mdn:5550100102 imei:350000000000102] {"ServicePlan":"M2M_4G_5MB"}
    "##);
    assert_snapshot!(parsed("carrier-service/soap/7-cost-center.xml"), @r##"
    00000000-0000-4000-8000-000022000007 [mdn:5550100102 imei:350000000000102] Succeeded
    ChangeDeviceCostCenter [mdn:5550100102 imei:350000000000102] {"CostCenterCode":"CC-0042"}
    "##);
    assert_snapshot!(parsed("carrier-service/soap/8-custom-fields.xml"), @r##"
    00000000-0000-4000-8000-000022000008 [mdn:5550100102 imei:350000000000102] Succeeded
    ChangeDeviceCustomFields [mdn:5550100102 imei:350000000000102] ""
    "##);
    assert_snapshot!(parsed("carrier-service/soap/9-contact-info.xml"), @r##"
    00000000-0000-4000-8000-000022000009 [mdn:5550100102 imei:350000000000102] Succeeded
    ChangeDeviceContactInfo [mdn:5550100102 imei:350000000000102] ""
    "##);
}

#[test]
fn the_messages_of_device_prl_information_are_read() {
    assert_snapshot!(parsed("device-prl-information/rest/1-prl.json"), @r##"
    00000000-0000-4000-8000-000031000001 [mdn:5550100103 imei:350000000000103] Succeeded
    prlInformationResponse [mdn:5550100103 imei:350000000000103] {"prlVersion":"52640"}
    "##);
    assert_snapshot!(parsed("device-prl-information/rest/2-failed-inside.json"), @r##"
    00000000-0000-4000-8000-000031000002 [mdn:5550100103 imei:350000000000103] Unstated
    prlInformationResponse [mdn:5550100103 imei:350000000000103] {"prlVersion":null} Failed { code: Some("DeviceService.REQUEST_FAILED.PrlNotAvailable"), text: Some("REQUEST_FAILED. The PRL is not available.") }
    "##);
    assert_snapshot!(parsed("device-prl-information/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000031000901 [mdn:5550199007] Other("status 7 of device-prl-information rest 1")
    deviceResponse [mdn:5550199007] [{"prlRecord":{"prlSource":{"text":"prlSource 2 of device-prl-information rest 1"},"prlVersion":"prlVersion 1 of device-prl-information rest 1"}},{"prlRecord":{"notes":["note 4 of device-prl-information rest 1","note 5 of device-prl-information rest 1"],"prlVersion":"prlVersion 3 of device-prl-information rest 1"}},"a bare text 6 of device-prl-information rest 1"]
    "##);
    assert_snapshot!(parsed("device-prl-information/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000031000902 [IMEI:350000000009008] Other("status 6 of device-prl-information rest 2")
    prl-system [IMEI:350000000009008] {"PRLVERSION":"prlVersion 1 of device-prl-information rest 2","PrlSource":"prlSource 2 of device-prl-information rest 2","prl-system":["system 4 of device-prl-information rest 2","system 5 of device-prl-information rest 2"],"prl_lastupdate":"lastUpdate 3 of device-prl-information rest 2"}
    unknown {"PRLVERSION":"prlVersion 1 of device-prl-information rest 2","PrlSource":"prlSource 2 of device-prl-information rest 2","prl-system":["system 4 of device-prl-information rest 2","system 5 of device-prl-information rest 2"],"prl_lastupdate":"lastUpdate 3 of device-prl-information rest 2"}
    "##);
    assert_snapshot!(parsed("device-prl-information/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000031000903 [] Unstated
    prlNotification [mdn:5550199009 iccid:89000000000000000010] {"affected":{"deviceIds":[{"id":"5550199009","kind":"mdn"},{"id":"89000000000000000010","kind":"iccid"}],"prlSource":"prlSource 2 of device-prl-information rest 3"},"details":{"level1":{"level2":{"lastUpdate":"lastUpdate 3 of device-prl-information rest 3"}},"system":[["system 4 of device-prl-information rest 3"],{"deep":"system 5 of device-prl-information rest 3"}]},"header":{"prlVersion":"prlVersion 1 of device-prl-information rest 3"}}
    "##);
    assert_snapshot!(parsed("device-prl-information/soap/1-prl.xml"), @r##"
    00000000-0000-4000-8000-000032000001 [mdn:5550100103 imei:350000000000103] Succeeded
    PRLInformation [mdn:5550100103 imei:350000000000103] {"PRL":"52640","PRLDate":"2026-02-11T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-prl-information/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000032000901 [mdn:5550199011] Unstated
    PrlReport [mdn:5550199011] {"@version":"version 7 of device-prl-information soap 1","LastUpdate":{"@value":"lastUpdate 6 of device-prl-information soap 1"},"PrlSource":{"Inner":{"#text":"prlSource 3 of device-prl-information soap 1","@code":"code 5 of device-prl-information soap 1","@level":"level 4 of device-prl-information soap 1"}},"PrlVersion":{"#text":"prlVersion 1 of device-prl-information soap 1","@unit":"unit 2 of device-prl-information soap 1"}}
    "##);
    assert_snapshot!(parsed("device-prl-information/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000032000902 [NetworkAccessIdentifier 1 of device-prl-information soap 2:name 2 of device-prl-information soap 2] Unstated
    PRLInformation [NetworkAccessIdentifier 1 of device-prl-information soap 2:name 2 of device-prl-information soap 2] [{"PrlSource":"prlSource 4 of device-prl-information soap 2","PrlVersion":"prlVersion 3 of device-prl-information soap 2"},{"PrlVersion":{"#text":"prlVersion 5 of device-prl-information soap 2","@note":"note 6 of device-prl-information soap 2"},"System":{"Item":["item 7 of device-prl-information soap 2","item 8 of device-prl-information soap 2"]}},"a bare text 9 of device-prl-information soap 2"]
    "##);
    assert_snapshot!(parsed("device-prl-information/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000032000903 [Mdn:5550199012] Other("lastUpdate 3 of device-prl-information soap 3")
    - [Mdn:5550199012] {"Comment":"prlVersion: 1 of device-prl-information soap 3","Status":"lastUpdate 3 of device-prl-information soap 3","Summary":"prlSource - 2 of device-prl-information soap 3"}
    "##);
}

#[test]
fn the_messages_of_device_profile_service_are_read() {
    assert_snapshot!(parsed("device-profile-service/rest/1-enabled.json"), @r##"
    00000000-0000-4000-8000-000041000001 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    deviceProfileResponse [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"deviceIds":[{"id":"89000000000000001041","kind":"iccid"}],"profileStatus":"Enabled"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/2-warning.json"), @r##"
    00000000-0000-4000-8000-000041000002 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Other("warning")
    deviceProfileResponse [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"deviceIds":[{"id":"89000000000000001042","kind":"iccid"}],"profileStatus":"Pending"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/3-success-after-warning.json"), @r##"
    00000000-0000-4000-8000-000041000002 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    deviceProfileResponse [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"deviceIds":[{"id":"89000000000000001042","kind":"iccid"}],"profileStatus":"Downloaded"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/4-suspended-first-profile.json"), @r##"
    00000000-0000-4000-8000-000041000004 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    deviceProfileResponse [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"deviceIds":[{"id":"89000000000000001041","kind":"iccid"}],"profileStatus":"Suspended"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/5-suspended-second-profile.json"), @r##"
    00000000-0000-4000-8000-000041000004 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    deviceProfileResponse [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"deviceIds":[{"id":"89000000000000001042","kind":"iccid"}],"profileStatus":"Suspended"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/6-suspended-device.json"), @r##"
    00000000-0000-4000-8000-000041000004 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    deviceProfileResponse [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"deviceStatus":"Suspended"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/7-already-suspended.json"), @r##"
    00000000-0000-4000-8000-000041000007 [eid:89040000000000000000000000000104 iccid:89000000000000001041 mdn:5550100104 imei:350000000000104] Failed { code: Some("DeviceProfileService.REQUEST_FAILED.ProfileAlreadySuspended"), text: Some("Profile is already suspended") }
    - [eid:89040000000000000000000000000104 iccid:89000000000000001041 mdn:5550100104 imei:350000000000104] null
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/8-three-names-of-one-device.json"), @r##"
    00000000-0000-4000-8000-000041000008 [iccid:89000000000000001041 imei:350000000000104 eid:89040000000000000000000000000104] Succeeded
    deviceProfileResponse [iccid:89000000000000001041 imei:350000000000104 eid:89040000000000000000000000000104] {"profileStatus":"Enabled"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/9-set-fallback.json"), @r##"
    00000000-0000-4000-8000-000041000009 [eid:89040000000000000000000000000104 iccid:89000000000000001042] Succeeded
    - [eid:89040000000000000000000000000104 iccid:89000000000000001042] null
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000041000901 [mdn:5550199013] Other("status 7 of device-profile-service rest 1")
    deviceResponse [mdn:5550199013] [{"profileRecord":{"profileId":"profileId 1 of device-profile-service rest 1","profileName":{"text":"profileName 2 of device-profile-service rest 1"}}},{"profileRecord":{"notes":["note 4 of device-profile-service rest 1","note 5 of device-profile-service rest 1"],"profileId":"profileId 3 of device-profile-service rest 1"}},"a bare text 6 of device-profile-service rest 1"]
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000041000902 [IMEI:350000000009014] Other("status 6 of device-profile-service rest 2")
    profile-carrier [IMEI:350000000009014] {"PROFILEID":"profileId 1 of device-profile-service rest 2","ProfileName":"profileName 2 of device-profile-service rest 2","profile-carrier":["carrier 4 of device-profile-service rest 2","carrier 5 of device-profile-service rest 2"],"profile_lifecycle":"lifecycle 3 of device-profile-service rest 2"}
    unknown {"PROFILEID":"profileId 1 of device-profile-service rest 2","ProfileName":"profileName 2 of device-profile-service rest 2","profile-carrier":["carrier 4 of device-profile-service rest 2","carrier 5 of device-profile-service rest 2"],"profile_lifecycle":"lifecycle 3 of device-profile-service rest 2"}
    "##);
    assert_snapshot!(parsed("device-profile-service/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000041000903 [] Unstated
    profileNotification [mdn:5550199015 iccid:89000000000000000016] {"affected":{"deviceIds":[{"id":"5550199015","kind":"mdn"},{"id":"89000000000000000016","kind":"iccid"}],"profileName":"profileName 2 of device-profile-service rest 3"},"details":{"carrier":[["carrier 4 of device-profile-service rest 3"],{"deep":"carrier 5 of device-profile-service rest 3"}],"level1":{"level2":{"lifecycle":"lifecycle 3 of device-profile-service rest 3"}}},"header":{"profileId":"profileId 1 of device-profile-service rest 3"}}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/1-enabled.xml"), @r##"
    00000000-0000-4000-8000-000042000001 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    DeviceProfile [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"DeviceIdentifiers":{"Identifier":"89000000000000001041","Kind":"iccid"},"ProfileStatus":"Enabled"}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/2-warning.xml"), @r##"
    00000000-0000-4000-8000-000042000002 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Other("warning")
    DeviceProfile [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"DeviceIdentifiers":{"Identifier":"89000000000000001042","Kind":"iccid"},"ProfileStatus":"Pending"}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/3-success-after-warning.xml"), @r##"
    00000000-0000-4000-8000-000042000002 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    DeviceProfile [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"DeviceIdentifiers":{"Identifier":"89000000000000001042","Kind":"iccid"},"ProfileStatus":"Downloaded"}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/4-suspended-first-profile.xml"), @r##"
    00000000-0000-4000-8000-000042000004 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    DeviceProfile [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"DeviceIdentifiers":{"Identifier":"89000000000000001041","Kind":"iccid"},"ProfileStatus":"Suspended"}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/5-suspended-second-profile.xml"), @r##"
    00000000-0000-4000-8000-000042000004 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    DeviceProfile [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"DeviceIdentifiers":{"Identifier":"89000000000000001042","Kind":"iccid"},"ProfileStatus":"Suspended"}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/6-suspended-device.xml"), @r##"
    00000000-0000-4000-8000-000042000004 [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] Succeeded
    DeviceProfile [eid:89040000000000000000000000000104 mdn:5550100104 imei:350000000000104] {"DeviceStatus":"Suspended"}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/7-already-suspended.xml"), @r##"
    00000000-0000-4000-8000-000042000007 [eid:89040000000000000000000000000104 iccid:89000000000000001041 mdn:5550100104 imei:350000000000104] Failed { code: Some("DeviceProfileService.REQUEST_FAILED.ProfileAlreadySuspended"), text: Some("Profile is already suspended") }
    - [eid:89040000000000000000000000000104 iccid:89000000000000001041 mdn:5550100104 imei:350000000000104] null
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000042000901 [mdn:5550199017] Unstated
    ProfileReport [mdn:5550199017] {"@version":"version 7 of device-profile-service soap 1","Lifecycle":{"@value":"lifecycle 6 of device-profile-service soap 1"},"ProfileId":{"#text":"profileId 1 of device-profile-service soap 1","@unit":"unit 2 of device-profile-service soap 1"},"ProfileName":{"Inner":{"#text":"profileName 3 of device-profile-service soap 1","@code":"code 5 of device-profile-service soap 1","@level":"level 4 of device-profile-service soap 1"}}}
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000042000902 [NetworkAccessIdentifier 1 of device-profile-service soap 2:name 2 of device-profile-service soap 2] Unstated
    Profile [NetworkAccessIdentifier 1 of device-profile-service soap 2:name 2 of device-profile-service soap 2] [{"ProfileId":"profileId 3 of device-profile-service soap 2","ProfileName":"profileName 4 of device-profile-service soap 2"},{"Carrier":{"Item":["item 7 of device-profile-service soap 2","item 8 of device-profile-service soap 2"]},"ProfileId":{"#text":"profileId 5 of device-profile-service soap 2","@note":"note 6 of device-profile-service soap 2"}},"a bare text 9 of device-profile-service soap 2"]
    "##);
    assert_snapshot!(parsed("device-profile-service/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000042000903 [Mdn:5550199018] Other("lifecycle 3 of device-profile-service soap 3")
    - [Mdn:5550199018] {"Comment":"profileId: 1 of device-profile-service soap 3","Status":"lifecycle 3 of device-profile-service soap 3","Summary":"profileName - 2 of device-profile-service soap 3"}
    "##);
}

#[test]
fn the_messages_of_device_service_are_read() {
    assert_snapshot!(parsed("device-service/rest/1-availability.json"), @r##"
    00000000-0000-4000-8000-000051000001 [] Succeeded
    checkDeviceAvailabilityResponse [imei:350000000000105 iccid:89000000000000001051] {"availability":"Available","deviceIds":[{"id":"350000000000105","kind":"imei"},{"id":"89000000000000001051","kind":"iccid"}]}
    checkDeviceAvailabilityResponse [imei:350000000000205 iccid:89000000000000001052] {"availability":"Available","deviceIds":[{"id":"350000000000205","kind":"imei"},{"id":"89000000000000001052","kind":"iccid"}]}
    checkDeviceAvailabilityResponse [imei:350000000000305 iccid:89000000000000001053] {"availability":"Unavailable","deviceIds":[{"id":"350000000000305","kind":"imei"},{"id":"89000000000000001053","kind":"iccid"}],"reason":"SIM is already in use"}
    "##);
    assert_snapshot!(parsed("device-service/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000051000901 [mdn:5550199019] Other("status 7 of device-service rest 1")
    deviceResponse [mdn:5550199019] [{"availabilityRecord":{"manufacturer":{"text":"manufacturer 2 of device-service rest 1"},"result":"result 1 of device-service rest 1"}},{"availabilityRecord":{"notes":["note 4 of device-service rest 1","note 5 of device-service rest 1"],"result":"result 3 of device-service rest 1"}},"a bare text 6 of device-service rest 1"]
    "##);
    assert_snapshot!(parsed("device-service/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000051000902 [IMEI:350000000009020] Other("status 6 of device-service rest 2")
    availability-network [IMEI:350000000009020] {"Manufacturer":"manufacturer 2 of device-service rest 2","RESULT":"result 1 of device-service rest 2","availability-network":["network 4 of device-service rest 2","network 5 of device-service rest 2"],"availability_model":"model 3 of device-service rest 2"}
    unknown {"Manufacturer":"manufacturer 2 of device-service rest 2","RESULT":"result 1 of device-service rest 2","availability-network":["network 4 of device-service rest 2","network 5 of device-service rest 2"],"availability_model":"model 3 of device-service rest 2"}
    "##);
    assert_snapshot!(parsed("device-service/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000051000903 [] Unstated
    availabilityNotification [mdn:5550199021 iccid:89000000000000000022] {"affected":{"deviceIds":[{"id":"5550199021","kind":"mdn"},{"id":"89000000000000000022","kind":"iccid"}],"manufacturer":"manufacturer 2 of device-service rest 3"},"details":{"level1":{"level2":{"model":"model 3 of device-service rest 3"}},"network":[["network 4 of device-service rest 3"],{"deep":"network 5 of device-service rest 3"}]},"header":{"result":"result 1 of device-service rest 3"}}
    "##);
    assert_snapshot!(parsed("device-service/soap/1-availability.xml"), @r##"
    00000000-0000-4000-8000-000052000001 [] Succeeded
    CheckDeviceAvailability [imei:350000000000105 iccid:89000000000000001051] {"Availability":"Available","DeviceIdentifiers":[{"Identifier":"350000000000105","Kind":"imei"},{"Identifier":"89000000000000001051","Kind":"iccid"}]}
    CheckDeviceAvailability [imei:350000000000205 iccid:89000000000000001052] {"Availability":"Available","DeviceIdentifiers":[{"Identifier":"350000000000205","Kind":"imei"},{"Identifier":"89000000000000001052","Kind":"iccid"}]}
    CheckDeviceAvailability [imei:350000000000305 iccid:89000000000000001053] {"Availability":"Unavailable","DeviceIdentifiers":[{"Identifier":"350000000000305","Kind":"imei"},{"Identifier":"89000000000000001053","Kind":"iccid"}],"Reason":"SIM is already in use"}
    "##);
    assert_snapshot!(parsed("device-service/soap/2-misspelled-identifiers.xml"), @r##"
    00000000-0000-4000-8000-000052000002 [] Succeeded
    CheckDeviceAvailability [imei:350000000000105 iccid:89000000000000001051] {"Availability":"Available","DeviceIdentifierCollection":{"DeviceIndentifiers":{"DeviceIdentifier":[{"Identifier":"350000000000105","Kind":"imei"},{"Identifier":"89000000000000001051","Kind":"iccid"}]}}}
    CheckDeviceAvailability [imei:350000000000205 iccid:89000000000000001052] {"Availability":"Available","DeviceIdentifierCollection":{"DeviceIndentifiers":{"DeviceIdentifier":[{"Identifier":"350000000000205","Kind":"imei"},{"Identifier":"89000000000000001052","Kind":"iccid"}]}}}
    CheckDeviceAvailability [imei:350000000000305 iccid:89000000000000001053] {"Availability":"Unavailable","DeviceIdentifierCollection":{"DeviceIndentifiers":{"DeviceIdentifier":[{"Identifier":"350000000000305","Kind":"imei"},{"Identifier":"89000000000000001053","Kind":"iccid"}]}},"Reason":"SIM is already in use"}
    "##);
    assert_snapshot!(parsed("device-service/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000052000901 [mdn:5550199023] Unstated
    AvailabilityReport [mdn:5550199023] {"@version":"version 7 of device-service soap 1","Manufacturer":{"Inner":{"#text":"manufacturer 3 of device-service soap 1","@code":"code 5 of device-service soap 1","@level":"level 4 of device-service soap 1"}},"Model":{"@value":"model 6 of device-service soap 1"},"Result":{"#text":"result 1 of device-service soap 1","@unit":"unit 2 of device-service soap 1"}}
    "##);
    assert_snapshot!(parsed("device-service/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000052000902 [NetworkAccessIdentifier 1 of device-service soap 2:name 2 of device-service soap 2] Unstated
    CheckDeviceAvailability [NetworkAccessIdentifier 1 of device-service soap 2:name 2 of device-service soap 2] [{"Manufacturer":"manufacturer 4 of device-service soap 2","Result":"result 3 of device-service soap 2"},{"Network":{"Item":["item 7 of device-service soap 2","item 8 of device-service soap 2"]},"Result":{"#text":"result 5 of device-service soap 2","@note":"note 6 of device-service soap 2"}},"a bare text 9 of device-service soap 2"]
    "##);
    assert_snapshot!(parsed("device-service/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000052000903 [Mdn:5550199024] Other("model 3 of device-service soap 3")
    - [Mdn:5550199024] {"Comment":"result: 1 of device-service soap 3","Status":"model 3 of device-service soap 3","Summary":"manufacturer - 2 of device-service soap 3"}
    "##);
}

#[test]
fn the_messages_of_device_suspension_status_are_read() {
    assert_snapshot!(parsed("device-suspension-status/rest/1-suspended.json"), @r##"
    00000000-0000-4000-8000-000061000001 [mdn:5550100106 imei:350000000000106] Succeeded
    suspensionStatusResponse [mdn:5550100106 imei:350000000000106] {"currentState":"suspend","expectedResumeDate":"2026-04-15T00:00:00Z","maxSuspendDaysAllowed":180,"numDaysSuspendAllowedCurrent12Months":135,"numDaysSuspendedLast12Months":45,"suspendedDate":"2026-01-15T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-suspension-status/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000061000901 [mdn:5550199025] Other("status 7 of device-suspension-status rest 1")
    deviceResponse [mdn:5550199025] [{"suspensionRecord":{"reasonCode":"reasonCode 1 of device-suspension-status rest 1","since":{"text":"since 2 of device-suspension-status rest 1"}}},{"suspensionRecord":{"notes":["note 4 of device-suspension-status rest 1","note 5 of device-suspension-status rest 1"],"reasonCode":"reasonCode 3 of device-suspension-status rest 1"}},"a bare text 6 of device-suspension-status rest 1"]
    "##);
    assert_snapshot!(parsed("device-suspension-status/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000061000902 [IMEI:350000000009026] Other("status 6 of device-suspension-status rest 2")
    suspension-daysLeft [IMEI:350000000009026] {"REASONCODE":"reasonCode 1 of device-suspension-status rest 2","Since":"since 2 of device-suspension-status rest 2","suspension-daysLeft":["daysLeft 4 of device-suspension-status rest 2","daysLeft 5 of device-suspension-status rest 2"],"suspension_until":"until 3 of device-suspension-status rest 2"}
    unknown {"REASONCODE":"reasonCode 1 of device-suspension-status rest 2","Since":"since 2 of device-suspension-status rest 2","suspension-daysLeft":["daysLeft 4 of device-suspension-status rest 2","daysLeft 5 of device-suspension-status rest 2"],"suspension_until":"until 3 of device-suspension-status rest 2"}
    "##);
    assert_snapshot!(parsed("device-suspension-status/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000061000903 [] Unstated
    suspensionNotification [mdn:5550199027 iccid:89000000000000000028] {"affected":{"deviceIds":[{"id":"5550199027","kind":"mdn"},{"id":"89000000000000000028","kind":"iccid"}],"since":"since 2 of device-suspension-status rest 3"},"details":{"daysLeft":[["daysLeft 4 of device-suspension-status rest 3"],{"deep":"daysLeft 5 of device-suspension-status rest 3"}],"level1":{"level2":{"until":"until 3 of device-suspension-status rest 3"}}},"header":{"reasonCode":"reasonCode 1 of device-suspension-status rest 3"}}
    "##);
    assert_snapshot!(parsed("device-suspension-status/soap/1-suspended.xml"), @r##"
    00000000-0000-4000-8000-000062000001 [mdn:5550100106 imei:350000000000106] Succeeded
    DeviceSuspendStatus [mdn:5550100106 imei:350000000000106] {"CurrentState":"suspend","DaysAllowedCurrent12Months":"135","DaysSuspendedLast12Months":"45","ExpectedResumeDate":"2026-04-15T00:00:00Z","ReasonCodeDays":"90","SuspendedDate":"2026-01-15T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-suspension-status/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000062000901 [mdn:5550199029] Unstated
    SuspensionReport [mdn:5550199029] {"@version":"version 7 of device-suspension-status soap 1","ReasonCode":{"#text":"reasonCode 1 of device-suspension-status soap 1","@unit":"unit 2 of device-suspension-status soap 1"},"Since":{"Inner":{"#text":"since 3 of device-suspension-status soap 1","@code":"code 5 of device-suspension-status soap 1","@level":"level 4 of device-suspension-status soap 1"}},"Until":{"@value":"until 6 of device-suspension-status soap 1"}}
    "##);
    assert_snapshot!(parsed("device-suspension-status/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000062000902 [NetworkAccessIdentifier 1 of device-suspension-status soap 2:name 2 of device-suspension-status soap 2] Unstated
    DeviceSuspendStatus [NetworkAccessIdentifier 1 of device-suspension-status soap 2:name 2 of device-suspension-status soap 2] [{"ReasonCode":"reasonCode 3 of device-suspension-status soap 2","Since":"since 4 of device-suspension-status soap 2"},{"DaysLeft":{"Item":["item 7 of device-suspension-status soap 2","item 8 of device-suspension-status soap 2"]},"ReasonCode":{"#text":"reasonCode 5 of device-suspension-status soap 2","@note":"note 6 of device-suspension-status soap 2"}},"a bare text 9 of device-suspension-status soap 2"]
    "##);
    assert_snapshot!(parsed("device-suspension-status/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000062000903 [Mdn:5550199030] Other("until 3 of device-suspension-status soap 3")
    - [Mdn:5550199030] {"Comment":"reasonCode: 1 of device-suspension-status soap 3","Status":"until 3 of device-suspension-status soap 3","Summary":"since - 2 of device-suspension-status soap 3"}
    "##);
}

#[test]
fn the_messages_of_device_usage_are_read() {
    assert_snapshot!(parsed("device-usage/rest/1-usage.json"), @r##"
    00000000-0000-4000-8000-000071000001 [] Succeeded
    usageResponse [eid:89040000000000000000000000000107 mdn:5550100107 imei:350000000000107] {"bytesUsed":4096,"deviceIds":[{"id":"89040000000000000000000000000107","kind":"eid"},{"id":"5550100107","kind":"mdn"},{"id":"350000000000107","kind":"imei"}],"extendedAttributes":[{"key":"MoSms","value":"2"},{"key":"MtSms","value":"1"}],"servicePlan":"M2M_4G_5MB","smsUsed":3,"source":"Raw Usage","timestamp":"2026-03-01T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-usage/rest/2-second-report.json"), @r##"
    00000000-0000-4000-8000-000071000002 [] Succeeded
    usageResponse [eid:89040000000000000000000000000107 mdn:5550100107 imei:350000000000107] {"bytesUsed":8192,"deviceIds":[{"id":"89040000000000000000000000000107","kind":"eid"},{"id":"5550100107","kind":"mdn"},{"id":"350000000000107","kind":"imei"}],"extendedAttributes":[{"key":"MoSms","value":"4"},{"key":"MtSms","value":"1"}],"servicePlan":"M2M_4G_5MB","smsUsed":5,"source":"Raw Usage","timestamp":"2026-03-02T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-usage/rest/3-two-devices.json"), @r##"
    00000000-0000-4000-8000-000071000003 [] Succeeded
    usageResponse [eid:89040000000000000000000000000107 mdn:5550100107 imei:350000000000107] {"bytesUsed":12288,"deviceIds":[{"id":"89040000000000000000000000000107","kind":"eid"},{"id":"5550100107","kind":"mdn"},{"id":"350000000000107","kind":"imei"}],"extendedAttributes":[{"key":"MoSms","value":"4"},{"key":"MtSms","value":"1"}],"servicePlan":"M2M_4G_5MB","smsUsed":5,"source":"Raw Usage","timestamp":"2026-03-03T00:00:00Z"}
    usageResponse [imei:350000000000207] {"bytesUsed":512,"deviceIds":[{"id":"350000000000207","kind":"imei"}],"extendedAttributes":[{"key":"MoSms","value":"0"},{"key":"MtSms","value":"1"}],"servicePlan":"M2M_4G_5MB","smsUsed":1,"source":"Raw Usage","timestamp":"2026-03-03T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-usage/rest/4-no-usage.json"), @r##"
    00000000-0000-4000-8000-000071000004 [] Succeeded
    usageResponse [] []
    "##);
    assert_snapshot!(parsed("device-usage/soap/1-usage.xml"), @r##"
    00000000-0000-4000-8000-000072000001 [mdn:5550100107 imei:350000000000107] Succeeded
    Usage [mdn:5550100107 imei:350000000000107] {"BytesUsed":"4096","ExtendedAttributes":[{"Key":"MoSms","Value":"2"},{"Key":"MtSms","Value":"1"}],"SMSUsed":"3","ServicePlan":"M2M_4G_5MB","Source":"Raw Usage","Timestamp":"2026-03-01T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-usage/soap/2-second-report.xml"), @r##"
    00000000-0000-4000-8000-000072000002 [mdn:5550100107 imei:350000000000107] Succeeded
    Usage [mdn:5550100107 imei:350000000000107] {"BytesUsed":"8192","ExtendedAttributes":[{"Key":"MoSms","Value":"4"},{"Key":"MtSms","Value":"1"}],"SMSUsed":"5","ServicePlan":"M2M_4G_5MB","Source":"Raw Usage","Timestamp":"2026-03-02T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-usage/soap/3-rated-usage.xml"), @r##"
    00000000-0000-4000-8000-000072000003 [mdn:5550100107 imei:350000000000107] Succeeded
    Usage [mdn:5550100107 imei:350000000000107] {"BillingCycleEndDate":"2026-03-31T00:00:00Z","BytesUsed":"8192","ExtendedAttributes":[{"Key":"MoSms","Value":"4"},{"Key":"MtSms","Value":"1"}],"RatedBytesUsed":"10240","SMSUsed":"5","ServicePlan":"M2M_4G_5MB","Source":"Raw Usage","Timestamp":"2026-03-02T00:00:00Z"}
    "##);
    assert_snapshot!(parsed("device-usage/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000072000901 [mdn:5550199031] Unstated
    UsageReport [mdn:5550199031] {"@version":"version 7 of device-usage soap 1","Bytes":{"#text":"bytes 1 of device-usage soap 1","@unit":"unit 2 of device-usage soap 1"},"Messages":{"Inner":{"#text":"messages 3 of device-usage soap 1","@code":"code 5 of device-usage soap 1","@level":"level 4 of device-usage soap 1"}},"Sessions":{"@value":"sessions 6 of device-usage soap 1"}}
    "##);
    assert_snapshot!(parsed("device-usage/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000072000902 [NetworkAccessIdentifier 1 of device-usage soap 2:name 2 of device-usage soap 2] Unstated
    Usage [NetworkAccessIdentifier 1 of device-usage soap 2:name 2 of device-usage soap 2] [{"Bytes":"bytes 3 of device-usage soap 2","Messages":"messages 4 of device-usage soap 2"},{"Bytes":{"#text":"bytes 5 of device-usage soap 2","@note":"note 6 of device-usage soap 2"},"Cycle":{"Item":["item 7 of device-usage soap 2","item 8 of device-usage soap 2"]}},"a bare text 9 of device-usage soap 2"]
    "##);
    assert_snapshot!(parsed("device-usage/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000072000903 [Mdn:5550199032] Other("sessions 3 of device-usage soap 3")
    - [Mdn:5550199032] {"Comment":"bytes: 1 of device-usage soap 3","Status":"sessions 3 of device-usage soap 3","Summary":"messages - 2 of device-usage soap 3"}
    "##);
}

#[test]
fn the_messages_of_enhanced_connectivity_service_are_read() {
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/1-sms-from-device.json"), @r##"
    no request id [esn:60000008 mdn:5550100108] Unstated
    smsMessage [esn:60000008 mdn:5550100108] "temperature 21.5"
    unknown {"smsMessage":"temperature 21.5"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/2-sms-from-device-resent.json"), @r##"
    no request id [esn:60000008 mdn:5550100108] Unstated
    smsMessage [esn:60000008 mdn:5550100108] "temperature 21.5"
    unknown {"smsMessage":"temperature 21.5"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/3-sms-sent.json"), @r##"
    00000000-0000-4000-8000-000081000003 [mdn:5550100108 esn:60000008] Succeeded
    sendSmsResponse [mdn:5550100108 esn:60000008] {"sentAt":"2026-03-08T09:30:00Z"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/4-sms-from-device-without-envelope.json"), @r##"
    no request id [mdn:5550100108] Unstated
    smsMessage [mdn:5550100108] "temperature 22.5"
    unknown {"smsMessage":"temperature 22.5"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000081000901 [mdn:5550199033] Other("status 7 of enhanced-connectivity-service rest 1")
    deviceResponse [mdn:5550199033] [{"smsRecord":{"body":"body 1 of enhanced-connectivity-service rest 1","sender":{"text":"sender 2 of enhanced-connectivity-service rest 1"}}},{"smsRecord":{"body":"body 3 of enhanced-connectivity-service rest 1","notes":["note 4 of enhanced-connectivity-service rest 1","note 5 of enhanced-connectivity-service rest 1"]}},"a bare text 6 of enhanced-connectivity-service rest 1"]
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000081000902 [IMEI:350000000009034] Other("status 6 of enhanced-connectivity-service rest 2")
    sms-encoding [IMEI:350000000009034] {"BODY":"body 1 of enhanced-connectivity-service rest 2","Sender":"sender 2 of enhanced-connectivity-service rest 2","sms-encoding":["encoding 4 of enhanced-connectivity-service rest 2","encoding 5 of enhanced-connectivity-service rest 2"],"sms_receivedat":"receivedAt 3 of enhanced-connectivity-service rest 2"}
    unknown {"BODY":"body 1 of enhanced-connectivity-service rest 2","Sender":"sender 2 of enhanced-connectivity-service rest 2","sms-encoding":["encoding 4 of enhanced-connectivity-service rest 2","encoding 5 of enhanced-connectivity-service rest 2"],"sms_receivedat":"receivedAt 3 of enhanced-connectivity-service rest 2"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000081000903 [] Unstated
    smsNotification [mdn:5550199035 iccid:89000000000000000036] {"affected":{"deviceIds":[{"id":"5550199035","kind":"mdn"},{"id":"89000000000000000036","kind":"iccid"}],"sender":"sender 2 of enhanced-connectivity-service rest 3"},"details":{"encoding":[["encoding 4 of enhanced-connectivity-service rest 3"],{"deep":"encoding 5 of enhanced-connectivity-service rest 3"}],"level1":{"level2":{"receivedAt":"receivedAt 3 of enhanced-connectivity-service rest 3"}}},"header":{"body":"body 1 of enhanced-connectivity-service rest 3"}}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/soap/1-sms-from-device.xml"), @r##"
    no request id [esn:60000008 mdn:5550100108] Unstated
    SmsMessage [esn:60000008 mdn:5550100108] "temperature 21.5"
    unknown {"SmsMessage":"temperature 21.5"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/soap/2-sms-from-device-resent.xml"), @r##"
    no request id [esn:60000008 mdn:5550100108] Unstated
    SmsMessage [esn:60000008 mdn:5550100108] "temperature 21.5"
    unknown {"SmsMessage":"temperature 21.5"}
    "##);
    assert_snapshot!(parsed("enhanced-connectivity-service/soap/3-sms-sent.xml"), @r##"
    00000000-0000-4000-8000-000082000003 [mdn:5550100108 esn:60000008] Succeeded
    - [mdn:5550100108 esn:60000008] {"Comment":"Message sent by the network"}
    "##);
}

#[test]
fn the_messages_of_external_provisioning_changes_are_read() {
    assert_snapshot!(parsed("external-provisioning-changes/rest/1-activate.json"), @r##"
    00000000-0000-4000-8000-000091000001 [] Unstated
    externalProvisioningChange [mdn:5550100109 imei:350000000000109] {"change":"Activate","deviceInfo":{"accountName":"0000123456-00001","billingCycleEndDate":"2013-07-01T00:00:00.0000000Z","carrierInformation":{"carrierName":"Verizon Wireless","servicePlan":"M2M","state":"active"},"connected":false,"createdAt":"2013-05-20T21:06:35.0000000Z","deviceGroupName":"Default: 0000123456-00001","deviceIdentifiers":[{"id":"5550100109","kind":"mdn"},{"id":"350000000000109","kind":"imei"}],"ipAddress":"192.0.2.109","lastActivationBy":"First Last","lastActivationDate":"2013-05-20T21:15:00.0000000Z","lastConnectionDate":null},"source":null}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/2-deactivate.json"), @r##"
    00000000-0000-4000-8000-000091000002 [imei:350000000000109] Unstated
    externalProvisioningChange [imei:350000000000109] {"change":"Deactivate","deviceInfo":{"accountName":"0000123456-00001","billingCycleEndDate":"2013-07-01T00:00:00.0000000Z","carrierInformation":{"carrierName":"Verizon Wireless","servicePlan":"M2M","state":"deactive"},"connected":false,"createdAt":"2013-05-20T21:06:35.0000000Z","deviceGroupName":"Default: 0000123456-00001","deviceIdentifiers":[{"id":"350000000000109","kind":"imei"}],"ipAddress":null,"lastActivationBy":"First Last","lastActivationDate":"2013-05-20T21:15:00.0000000Z","lastConnectionDate":null},"source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/3-suspend.json"), @r##"
    00000000-0000-4000-8000-000091000003 [imei:350000000000109] Unstated
    externalProvisioningChange [imei:350000000000109] {"change":"SUSPEND","deviceInfo":{"accountName":"0000123456-00001","billingCycleEndDate":"2013-07-01T00:00:00.0000000Z","carrierInformation":{"carrierName":"Verizon Wireless","servicePlan":"M2M","state":"suspend"},"connected":false,"createdAt":"2013-05-20T21:06:35.0000000Z","deviceGroupName":"Default: 0000123456-00001","deviceIdentifiers":[{"id":"5550100109","kind":"mdn"},{"id":"350000000000109","kind":"imei"}],"ipAddress":null,"lastActivationBy":"First Last","lastActivationDate":"2013-05-20T21:15:00.0000000Z","lastConnectionDate":null},"source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/4-restore.json"), @r##"
    00000000-0000-4000-8000-000091000004 [imei:350000000000109] Unstated
    externalProvisioningChange [imei:350000000000109] {"change":"RESTORE","deviceInfo":{"accountName":"0000123456-00001","billingCycleEndDate":"2013-07-01T00:00:00.0000000Z","carrierInformation":{"carrierName":"Verizon Wireless","servicePlan":"M2M","state":"active"},"connected":false,"createdAt":"2013-05-20T21:06:35.0000000Z","deviceGroupName":"Default: 0000123456-00001","deviceIdentifiers":[{"id":"5550100109","kind":"mdn"},{"id":"350000000000109","kind":"imei"}],"ipAddress":null,"lastActivationBy":"First Last","lastActivationDate":"2013-05-20T21:15:00.0000000Z","lastConnectionDate":null},"source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/5-change-mdn.json"), @r##"
    00000000-0000-4000-8000-000091000005 [mdn:5550100909] Unstated
    externalProvisioningChange [mdn:5550100909] {"change":"ChangeMDN","deviceInfo":{"accountName":"0000123456-00001","billingCycleEndDate":"2013-07-01T00:00:00.0000000Z","carrierInformation":{"carrierName":"Verizon Wireless","servicePlan":"74200","state":"active"},"connected":false,"createdAt":"2013-05-20T21:06:35.0000000Z","customFields":[{"name":"CustomField1","value":""},{"name":"CustomField2","value":""},{"name":"CustomField3","value":""},{"name":"CustomField4","value":""},{"name":"CustomField5","value":""}],"deviceGroupName":"Default: 0000123456-00001","deviceIdentifiers":[{"id":"350000000000109","kind":"imei"},{"id":"5550100909","kind":"mdn"}],"ipAddress":"192.0.2.109","lastActivationBy":"First Last","lastActivationDate":"2013-05-20T21:15:00.0000000Z","lastConnectionDate":null},"source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000091000901 [mdn:5550199037] Other("status 7 of external-provisioning-changes rest 1")
    deviceResponse [mdn:5550199037] [{"provisioningRecord":{"event":"event 1 of external-provisioning-changes rest 1","system":{"text":"system 2 of external-provisioning-changes rest 1"}}},{"provisioningRecord":{"event":"event 3 of external-provisioning-changes rest 1","notes":["note 4 of external-provisioning-changes rest 1","note 5 of external-provisioning-changes rest 1"]}},"a bare text 6 of external-provisioning-changes rest 1"]
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000091000902 [IMEI:350000000009038] Other("status 6 of external-provisioning-changes rest 2")
    provisioning-newState [IMEI:350000000009038] {"EVENT":"event 1 of external-provisioning-changes rest 2","System":"system 2 of external-provisioning-changes rest 2","provisioning-newState":["newState 4 of external-provisioning-changes rest 2","newState 5 of external-provisioning-changes rest 2"],"provisioning_operator":"operator 3 of external-provisioning-changes rest 2"}
    unknown {"EVENT":"event 1 of external-provisioning-changes rest 2","System":"system 2 of external-provisioning-changes rest 2","provisioning-newState":["newState 4 of external-provisioning-changes rest 2","newState 5 of external-provisioning-changes rest 2"],"provisioning_operator":"operator 3 of external-provisioning-changes rest 2"}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000091000903 [] Unstated
    provisioningNotification [mdn:5550199039 iccid:89000000000000000040] {"affected":{"deviceIds":[{"id":"5550199039","kind":"mdn"},{"id":"89000000000000000040","kind":"iccid"}],"system":"system 2 of external-provisioning-changes rest 3"},"details":{"level1":{"level2":{"operator":"operator 3 of external-provisioning-changes rest 3"}},"newState":[["newState 4 of external-provisioning-changes rest 3"],{"deep":"newState 5 of external-provisioning-changes rest 3"}]},"header":{"event":"event 1 of external-provisioning-changes rest 3"}}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/soap/1-activate.xml"), @r##"
    0aafcb4a-91fe-46b0-9154-f84f410f0f49 [] Unstated
    ExternalProvisioningChange [mdn:2300329133 meid:C1000000115253 min:8586925945] {"Change":"Activate","DeviceInfo":{"AccountName":"Verizon Test 1","BillingCycleEndDate":"2014-04-02T00:00:00.0000000Z","CarrierInformation":{"CarrierName":"Verizon Wireless","ServicePlan":"M2M","State":"active"},"Connected":"false","CreatedAt":"2014-03-26T15:31:56.0000000Z","DeviceGroupName":"AditiTest3","DeviceIdentifiers":[{"Identifier":"2300329133","Kind":"mdn"},{"Identifier":"C1000000115253","Kind":"meid"},{"Identifier":"8586925945","Kind":"min"}],"IPAddress":"1.1.29.169","LastActivationBy":"User Verizon","LastActivationDate":"2014-03-25T18:33:37.0000000Z","LastConnectionDate":null},"Source":null}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/soap/2-deactivate.xml"), @r##"
    0aafcb4a-91fe-46b0-9154-f84f410f0f49 [meid:A2000009D6BFE1] Succeeded
    ExternalProvisioningChange [meid:A2000009D6BFE1] {"Change":"Deactivate","DeviceInfo":{"AccountName":"Verizon Test 1","BillingCycleEndDate":"2013-07-01T00:00:00.0000000Z","CarrierInformation":{"CarrierName":"Verizon Wireless","ServicePlan":"M2M","State":"deactive"},"Connected":"false","CreatedAt":"2013-05-20T21:06:35.0000000Z","DeviceGroupName":"Default: Verizon Test 1","DeviceIdentifiers":{"Identifier":"A2000009D6BFE1","Kind":"meid"},"IPAddress":null,"LastActivationBy":"rajupreprov rajupreprov","LastActivationDate":"2013-05-20T21:15:00.0000000Z","LastConnectionDate":null},"Source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/soap/3-suspend.xml"), @r##"
    0aafcb4a-91fe-46b0-9154-f84f410f0f49 [meid:A2000009D6BFE1] Succeeded
    ExternalProvisioningChange [meid:A2000009D6BFE1] {"Change":"SUSPEND","DeviceInfo":{"AccountName":"Verizon Test 1","BillingCycleEndDate":"2013-07-01T00:00:00.0000000Z","CarrierInformation":{"CarrierName":"Verizon Wireless","ServicePlan":"M2M","State":"suspend"},"Connected":"false","CreatedAt":"2013-05-20T21:06:35.0000000Z","DeviceGroupName":"Default: Verizon Test 1","DeviceIdentifiers":[{"Identifier":"3701882174","Kind":"mdn"},{"Identifier":"A2000009D6BFE1","Kind":"meid"}],"IPAddress":null,"LastActivationBy":"rajupreprov rajupreprov","LastActivationDate":"2013-05-20T21:15:00.0000000Z","LastConnectionDate":null},"Source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/soap/4-restore.xml"), @r##"
    0aafcb4a-91fe-46b0-9154-f84f410f0f49 [meid:A2000009D6BFE1] Succeeded
    ExternalProvisioningChange [meid:A2000009D6BFE1] {"Change":"RESTORE","DeviceInfo":{"AccountName":"Verizon Test 1","BillingCycleEndDate":"2013-07-01T00:00:00.0000000Z","CarrierInformation":{"CarrierName":"Verizon Wireless","ServicePlan":"M2M","State":"active"},"Connected":"false","CreatedAt":"2013-05-20T21:06:35.0000000Z","DeviceGroupName":"Default: Verizon Test 1","DeviceIdentifiers":[{"Identifier":"3701882174","Kind":"mdn"},{"Identifier":"A2000009D6BFE1","Kind":"meid"}],"IPAddress":null,"LastActivationBy":"rajupreprov rajupreprov","LastActivationDate":"2013-05-20T21:15:00.0000000Z","LastConnectionDate":null},"Source":""}
    "##);
    assert_snapshot!(parsed("external-provisioning-changes/soap/5-change-mdn.xml"), @r##"
    0aafcb4a-91fe-46b0-9154-f84f410f0f49 [mdn:8594891547] Succeeded
    ExternalProvisioningChange [mdn:8594891547] {"Change":"ChangeMDN","DeviceInfo":{"AccountName":"Verizon Test 1","BillingCycleEndDate":"2013-07-01T00:00:00.0000000Z","CarrierInformation":{"CarrierName":"Verizon Wireless","ServicePlan":"74200","State":"active"},"Connected":"false","CreatedAt":"2011-02-28T16:23:47.0000000Z","CustomFields":[{"Name":"CustomField1","Value":""},{"Name":"CustomField2","Value":""},{"Name":"CustomField3","Value":""},{"Name":"CustomField4","Value":""},{"Name":"CustomField5","Value":""}],"DeviceGroupName":"Default: Verizon Test 1","DeviceIdentifiers":[{"Identifier":"09400122453","Kind":"esn"},{"Identifier":"8594891547","Kind":"mdn"}],"IPAddress":"1.1.30.118","LastActivationBy":"rajupreprov rajupreprov","LastActivationDate":"2013-05-17T02:53:01.0000000Z","LastConnectionDate":null},"Source":""}
    "##);
}

#[test]
fn the_messages_of_promo_changes_are_read() {
    assert_snapshot!(parsed("promo-changes/rest/1-promo-dropped.json"), @r##"
    00000000-0000-4000-8000-000101000001 [Mdn:5550100110] Unstated
    promoChange [Mdn:5550100110] {"change":"PromoCode Dropped: PROMO74200","changeDate":"2026-03-31T00:00:00"}
    "##);
    assert_snapshot!(parsed("promo-changes/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000101000901 [mdn:5550199041] Other("status 7 of promo-changes rest 1")
    deviceResponse [mdn:5550199041] [{"promoRecord":{"promoCode":"promoCode 1 of promo-changes rest 1","removedOn":{"text":"removedOn 2 of promo-changes rest 1"}}},{"promoRecord":{"notes":["note 4 of promo-changes rest 1","note 5 of promo-changes rest 1"],"promoCode":"promoCode 3 of promo-changes rest 1"}},"a bare text 6 of promo-changes rest 1"]
    "##);
    assert_snapshot!(parsed("promo-changes/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000101000902 [IMEI:350000000009042] Other("status 6 of promo-changes rest 2")
    promo-cause [IMEI:350000000009042] {"PROMOCODE":"promoCode 1 of promo-changes rest 2","RemovedOn":"removedOn 2 of promo-changes rest 2","promo-cause":["cause 4 of promo-changes rest 2","cause 5 of promo-changes rest 2"],"promo_plan":"plan 3 of promo-changes rest 2"}
    unknown {"PROMOCODE":"promoCode 1 of promo-changes rest 2","RemovedOn":"removedOn 2 of promo-changes rest 2","promo-cause":["cause 4 of promo-changes rest 2","cause 5 of promo-changes rest 2"],"promo_plan":"plan 3 of promo-changes rest 2"}
    "##);
    assert_snapshot!(parsed("promo-changes/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000101000903 [] Unstated
    promoNotification [mdn:5550199043 iccid:89000000000000000044] {"affected":{"deviceIds":[{"id":"5550199043","kind":"mdn"},{"id":"89000000000000000044","kind":"iccid"}],"removedOn":"removedOn 2 of promo-changes rest 3"},"details":{"cause":[["cause 4 of promo-changes rest 3"],{"deep":"cause 5 of promo-changes rest 3"}],"level1":{"level2":{"plan":"plan 3 of promo-changes rest 3"}}},"header":{"promoCode":"promoCode 1 of promo-changes rest 3"}}
    "##);
    assert_snapshot!(parsed("promo-changes/soap/1-promo-dropped.xml"), @r##"
    00000000-0000-4000-8000-000102000001 [Mdn:5550100110] Unstated
    PromoChange [Mdn:5550100110] {"Change":"PromoCode Dropped: PROMO74200","ChangeDate":"2026-03-31T00:00:00"}
    "##);
}

#[test]
fn the_messages_of_resume_tracking_notification_are_read() {
    assert_snapshot!(parsed("resume-tracking-notification/rest/1-auto-resume.json"), @r##"
    00000000-0000-4000-8000-000111000001 [Mdn:5550100111] Unstated
    resumeTrackingResponse [Mdn:5550100111] {"comment":"Device will be auto resumed on - 3/15/2017 12:00:00 AM"}
    "##);
    assert_snapshot!(parsed("resume-tracking-notification/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000111000901 [mdn:5550199045] Other("status 7 of resume-tracking-notification rest 1")
    deviceResponse [mdn:5550199045] [{"resumeRecord":{"daysUntil":{"text":"daysUntil 2 of resume-tracking-notification rest 1"},"resumeOn":"resumeOn 1 of resume-tracking-notification rest 1"}},{"resumeRecord":{"notes":["note 4 of resume-tracking-notification rest 1","note 5 of resume-tracking-notification rest 1"],"resumeOn":"resumeOn 3 of resume-tracking-notification rest 1"}},"a bare text 6 of resume-tracking-notification rest 1"]
    "##);
    assert_snapshot!(parsed("resume-tracking-notification/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000111000902 [IMEI:350000000009046] Other("status 6 of resume-tracking-notification rest 2")
    resume-zone [IMEI:350000000009046] {"DaysUntil":"daysUntil 2 of resume-tracking-notification rest 2","RESUMEON":"resumeOn 1 of resume-tracking-notification rest 2","resume-zone":["zone 4 of resume-tracking-notification rest 2","zone 5 of resume-tracking-notification rest 2"],"resume_notice":"notice 3 of resume-tracking-notification rest 2"}
    unknown {"DaysUntil":"daysUntil 2 of resume-tracking-notification rest 2","RESUMEON":"resumeOn 1 of resume-tracking-notification rest 2","resume-zone":["zone 4 of resume-tracking-notification rest 2","zone 5 of resume-tracking-notification rest 2"],"resume_notice":"notice 3 of resume-tracking-notification rest 2"}
    "##);
    assert_snapshot!(parsed("resume-tracking-notification/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000111000903 [] Unstated
    resumeNotification [mdn:5550199047 iccid:89000000000000000048] {"affected":{"daysUntil":"daysUntil 2 of resume-tracking-notification rest 3","deviceIds":[{"id":"5550199047","kind":"mdn"},{"id":"89000000000000000048","kind":"iccid"}]},"details":{"level1":{"level2":{"notice":"notice 3 of resume-tracking-notification rest 3"}},"zone":[["zone 4 of resume-tracking-notification rest 3"],{"deep":"zone 5 of resume-tracking-notification rest 3"}]},"header":{"resumeOn":"resumeOn 1 of resume-tracking-notification rest 3"}}
    "##);
    assert_snapshot!(parsed("resume-tracking-notification/soap/1-auto-resume.xml"), @r##"
    00000000-0000-4000-8000-000112000001 [Mdn:5550100111] Unstated
    - [Mdn:5550100111] {"Comment":"Device will be auto resumed on - 3/15/2017 12:00:00 AM"}
    "##);
}

#[test]
fn the_messages_of_sms_delivery_confirmation_are_read() {
    assert_snapshot!(parsed("sms-delivery-confirmation/rest/1-delivered.json"), @r##"
    00000000-0000-4000-8000-000121000001 [mdn:5550100112 imei:350000000000112] Succeeded
    smsDeliveryResponse [mdn:5550100112 imei:350000000000112] {"confirmation":"Delivered"}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/rest/2-expired.json"), @r##"
    00000000-0000-4000-8000-000121000002 [mdn:5550100112 imei:350000000000112] Failed { code: None, text: None }
    smsDeliveryResponse [mdn:5550100112 imei:350000000000112] {"confirmation":"Expired"}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/rest/3-failed-inside.json"), @r##"
    00000000-0000-4000-8000-000121000003 [mdn:5550100112 imei:350000000000112] Unstated
    smsDeliveryResponse [mdn:5550100112 imei:350000000000112] {"confirmation":null} Failed { code: Some("DeviceService.REQUEST_FAILED.SmsNotDelivered"), text: Some("REQUEST_FAILED. The message was not delivered.") }
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000121000901 [mdn:5550199049] Other("status 7 of sms-delivery-confirmation rest 1")
    deviceResponse [mdn:5550199049] [{"deliveryRecord":{"acknowledgedAt":{"text":"acknowledgedAt 2 of sms-delivery-confirmation rest 1"},"messageId":"messageId 1 of sms-delivery-confirmation rest 1"}},{"deliveryRecord":{"messageId":"messageId 3 of sms-delivery-confirmation rest 1","notes":["note 4 of sms-delivery-confirmation rest 1","note 5 of sms-delivery-confirmation rest 1"]}},"a bare text 6 of sms-delivery-confirmation rest 1"]
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000121000902 [IMEI:350000000009050] Other("status 6 of sms-delivery-confirmation rest 2")
    delivery-attempts [IMEI:350000000009050] {"AcknowledgedAt":"acknowledgedAt 2 of sms-delivery-confirmation rest 2","MESSAGEID":"messageId 1 of sms-delivery-confirmation rest 2","delivery-attempts":["attempts 4 of sms-delivery-confirmation rest 2","attempts 5 of sms-delivery-confirmation rest 2"],"delivery_result":"result 3 of sms-delivery-confirmation rest 2"}
    unknown {"AcknowledgedAt":"acknowledgedAt 2 of sms-delivery-confirmation rest 2","MESSAGEID":"messageId 1 of sms-delivery-confirmation rest 2","delivery-attempts":["attempts 4 of sms-delivery-confirmation rest 2","attempts 5 of sms-delivery-confirmation rest 2"],"delivery_result":"result 3 of sms-delivery-confirmation rest 2"}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000121000903 [] Unstated
    deliveryNotification [mdn:5550199051 iccid:89000000000000000052] {"affected":{"acknowledgedAt":"acknowledgedAt 2 of sms-delivery-confirmation rest 3","deviceIds":[{"id":"5550199051","kind":"mdn"},{"id":"89000000000000000052","kind":"iccid"}]},"details":{"attempts":[["attempts 4 of sms-delivery-confirmation rest 3"],{"deep":"attempts 5 of sms-delivery-confirmation rest 3"}],"level1":{"level2":{"result":"result 3 of sms-delivery-confirmation rest 3"}}},"header":{"messageId":"messageId 1 of sms-delivery-confirmation rest 3"}}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/soap/1-delivered.xml"), @r##"
    00000000-0000-4000-8000-000122000001 [mdn:5550100112 imei:350000000000112] Succeeded
    SMSDelivery [mdn:5550100112 imei:350000000000112] {"DeliveryStatus":"Delivered","Timestamp":"2026-03-08T09:31:12Z"}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/soap/2-expired.xml"), @r##"
    00000000-0000-4000-8000-000122000002 [mdn:5550100112 imei:350000000000112] Failed { code: None, text: None }
    SMSDelivery [mdn:5550100112 imei:350000000000112] {"DeliveryStatus":"Expired","Timestamp":"2026-03-09T09:31:12Z"}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000122000901 [mdn:5550199053] Unstated
    DeliveryReport [mdn:5550199053] {"@version":"version 7 of sms-delivery-confirmation soap 1","AcknowledgedAt":{"Inner":{"#text":"acknowledgedAt 3 of sms-delivery-confirmation soap 1","@code":"code 5 of sms-delivery-confirmation soap 1","@level":"level 4 of sms-delivery-confirmation soap 1"}},"MessageId":{"#text":"messageId 1 of sms-delivery-confirmation soap 1","@unit":"unit 2 of sms-delivery-confirmation soap 1"},"Result":{"@value":"result 6 of sms-delivery-confirmation soap 1"}}
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000122000902 [NetworkAccessIdentifier 1 of sms-delivery-confirmation soap 2:name 2 of sms-delivery-confirmation soap 2] Unstated
    SMSDelivery [NetworkAccessIdentifier 1 of sms-delivery-confirmation soap 2:name 2 of sms-delivery-confirmation soap 2] [{"AcknowledgedAt":"acknowledgedAt 4 of sms-delivery-confirmation soap 2","MessageId":"messageId 3 of sms-delivery-confirmation soap 2"},{"Attempts":{"Item":["item 7 of sms-delivery-confirmation soap 2","item 8 of sms-delivery-confirmation soap 2"]},"MessageId":{"#text":"messageId 5 of sms-delivery-confirmation soap 2","@note":"note 6 of sms-delivery-confirmation soap 2"}},"a bare text 9 of sms-delivery-confirmation soap 2"]
    "##);
    assert_snapshot!(parsed("sms-delivery-confirmation/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000122000903 [Mdn:5550199054] Other("result 3 of sms-delivery-confirmation soap 3")
    - [Mdn:5550199054] {"Comment":"messageId: 1 of sms-delivery-confirmation soap 3","Status":"result 3 of sms-delivery-confirmation soap 3","Summary":"acknowledgedAt - 2 of sms-delivery-confirmation soap 3"}
    "##);
}

#[test]
fn the_messages_of_state_service_are_read() {
    assert_snapshot!(parsed("state-service/rest/1-go-to-state.json"), @r##"
    00000000-0000-4000-8000-000131000001 [mdn:5550100113 imei:350000000000113] Succeeded
    goToStateResponse [mdn:5550100113 imei:350000000000113] {"serviceName":"Smart Meter","stateName":"Installed"}
    "##);
    assert_snapshot!(parsed("state-service/rest/other-1-payload-is-an-array.json"), @r##"
    00000000-0000-4000-8000-000131000901 [mdn:5550199055] Other("status 7 of state-service rest 1")
    deviceResponse [mdn:5550199055] [{"stateRecord":{"from":"from 1 of state-service rest 1","to":{"text":"to 2 of state-service rest 1"}}},{"stateRecord":{"from":"from 3 of state-service rest 1","notes":["note 4 of state-service rest 1","note 5 of state-service rest 1"]}},"a bare text 6 of state-service rest 1"]
    "##);
    assert_snapshot!(parsed("state-service/rest/other-2-flat-and-oddly-cased.json"), @r##"
    00000000-0000-4000-8000-000131000902 [IMEI:350000000009056] Other("status 6 of state-service rest 2")
    state-changedBy [IMEI:350000000009056] {"FROM":"from 1 of state-service rest 2","To":"to 2 of state-service rest 2","state-changedBy":["changedBy 4 of state-service rest 2","changedBy 5 of state-service rest 2"],"state_rule":"rule 3 of state-service rest 2"}
    unknown {"FROM":"from 1 of state-service rest 2","To":"to 2 of state-service rest 2","state-changedBy":["changedBy 4 of state-service rest 2","changedBy 5 of state-service rest 2"],"state_rule":"rule 3 of state-service rest 2"}
    "##);
    assert_snapshot!(parsed("state-service/rest/other-3-names-inside-only.json"), @r##"
    00000000-0000-4000-8000-000131000903 [] Unstated
    stateNotification [mdn:5550199057 iccid:89000000000000000058] {"affected":{"deviceIds":[{"id":"5550199057","kind":"mdn"},{"id":"89000000000000000058","kind":"iccid"}],"to":"to 2 of state-service rest 3"},"details":{"changedBy":[["changedBy 4 of state-service rest 3"],{"deep":"changedBy 5 of state-service rest 3"}],"level1":{"level2":{"rule":"rule 3 of state-service rest 3"}}},"header":{"from":"from 1 of state-service rest 3"}}
    "##);
    assert_snapshot!(parsed("state-service/soap/1-go-to-state.xml"), @r##"
    00000000-0000-4000-8000-000132000001 [mdn:5550100113 imei:350000000000113] Succeeded
    GoToState [mdn:5550100113 imei:350000000000113] {"ServiceName":"Smart Meter","StateName":"Installed"}
    "##);
    assert_snapshot!(parsed("state-service/soap/other-1-unknown-slot.xml"), @r##"
    00000000-0000-4000-8000-000132000901 [mdn:5550199059] Unstated
    StateReport [mdn:5550199059] {"@version":"version 7 of state-service soap 1","From":{"#text":"from 1 of state-service soap 1","@unit":"unit 2 of state-service soap 1"},"Rule":{"@value":"rule 6 of state-service soap 1"},"To":{"Inner":{"#text":"to 3 of state-service soap 1","@code":"code 5 of state-service soap 1","@level":"level 4 of state-service soap 1"}}}
    "##);
    assert_snapshot!(parsed("state-service/soap/other-2-repeated-slot.xml"), @r##"
    00000000-0000-4000-8000-000132000902 [NetworkAccessIdentifier 1 of state-service soap 2:name 2 of state-service soap 2] Unstated
    State [NetworkAccessIdentifier 1 of state-service soap 2:name 2 of state-service soap 2] [{"From":"from 3 of state-service soap 2","To":"to 4 of state-service soap 2"},{"ChangedBy":{"Item":["item 7 of state-service soap 2","item 8 of state-service soap 2"]},"From":{"#text":"from 5 of state-service soap 2","@note":"note 6 of state-service soap 2"}},"a bare text 9 of state-service soap 2"]
    "##);
    assert_snapshot!(parsed("state-service/soap/other-3-text-only.xml"), @r##"
    00000000-0000-4000-8000-000132000903 [Mdn:5550199060] Other("rule 3 of state-service soap 3")
    - [Mdn:5550199060] {"Comment":"from: 1 of state-service soap 3","Status":"rule 3 of state-service soap 3","Summary":"to - 2 of state-service soap 3"}
    "##);
}
