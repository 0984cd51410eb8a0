//! Messages of the platform: the documented samples, and writers of the SOAP fragments that several tests vary.

/// The platform's five documented messages, in the order of its page.
pub const GOLDEN: [&str; 5] = [
    include_str!("../../../events/external-provisioning-changes/soap/1-activate.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/2-deactivate.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/3-suspend.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/4-restore.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/5-change-mdn.xml"),
];

/// The service of the golden messages.
pub const EXTERNAL: &str = "ExternalProvisioningChanges";

/// The example request of the platform's page on RegisterCallback, without the first line, which the page prints twice.
pub const REGISTER_CALLBACK_REQUEST: &str = r#"<soapenv:Envelope
  xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:v2="http://nphase.com/unifiedwebservice/v2"
  xmlns:nph="http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.CallbackRegistrationService">
  <soapenv:Header>
    <v2:token>''current_session_token''</v2:token>
  </soapenv:Header>
  <soapenv:Body>
    <v2:RegisterCallback>
      <v2:Input>
        <nph:AccountName>account_name</nph:AccountName>
        <nph:ServiceName>DeviceUsage</nph:ServiceName>
        <nph:Url>http://10.120.102.183:50559/Callback/API/CallbackService.asmx</nph:Url>
        <nph:Username></nph:Username>
        <nph:Password></nph:Password>
      </v2:Input>
    </v2:RegisterCallback>
  </soapenv:Body>
</soapenv:Envelope>"#;

/// The example response of the same page.
pub const REGISTER_CALLBACK_RESPONSE: &str = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">
  <s:Body>
    <RegisterCallbackResponse xmlns="http://nphase.com/unifiedwebservice/v2">
      <Output xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:a="http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.CallbackRegistrationService">
        <a:AccountName>account_name</a:AccountName>
        <a:ServiceName>CarrierService</a:ServiceName>
      </Output>
    </RegisterCallbackResponse>
  </s:Body>
</s:Envelope>"#;

/// The content type of a message in this transport, `soap` or `rest`.
#[must_use]
pub fn content_type(transport: &str) -> &'static str {
    if transport == "soap" { "text/xml" } else { "application/json" }
}

/// An identifier of a SOAP message, in an element of this name.
#[must_use]
pub fn identifier_xml(element: &str, kind: &str, value: &str) -> String {
    format!("<{element}><Kind>{kind}</Kind><Identifier>{value}</Identifier></{element}>")
}

/// A SOAP message of ExternalProvisioningChanges. The envelope and the device are given as XML elements.
#[must_use]
pub fn provisioning_change(envelope: &str, change: &str, device: &str) -> String {
    format!(
        "<CallbackRequest>{envelope}<Data><ExternalProvisioningChange><Change>{change}</Change>\
         <DeviceInfo>{device}</DeviceInfo></ExternalProvisioningChange></Data></CallbackRequest>"
    )
}
