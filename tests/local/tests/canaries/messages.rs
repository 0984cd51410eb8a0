//! Messages that contain every canary, and bodies that are wrong in every way.

use local_tests::identifier_xml;
use serde_json::{Value, json};

use super::{DEVICE_CREDENTIAL, FREE_TEXT, IDENTIFIERS, PASSWORD, REQUEST_ID, SMS_TEXT, USERNAME};

/// A format of callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Soap,
    Rest,
}

impl Transport {
    pub(super) const ALL: [Self; 2] = [Self::Soap, Self::Rest];

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Soap => "text/xml; charset=utf-8",
            Self::Rest => "application/json",
        }
    }

    /// An SMS from a device that is known by every kind of identifier.
    pub(super) fn message(self, padding: &str) -> String {
        let secret = DEVICE_CREDENTIAL;
        match self {
            Self::Soap => {
                let devices: String =
                    IDENTIFIERS.iter().map(|(kind, value)| identifier_xml("Device", kind, value)).collect();
                format!(
                    "<SmsCallbackRequest><Username>{USERNAME}</Username><Password>{PASSWORD}</Password>\
                     <RequestId>{REQUEST_ID}</RequestId>{devices}<SmsMessage>{SMS_TEXT}</SmsMessage>\
                     <Data><Note>{FREE_TEXT}{padding}</Note><deviceCredential>{secret}</deviceCredential></Data>\
                     </SmsCallbackRequest>"
                )
            }
            Self::Rest => {
                let devices: Vec<_> =
                    IDENTIFIERS.iter().map(|(kind, value)| json!({ "kind": kind, "id": value })).collect();
                json!({
                    "username": USERNAME, "password": PASSWORD, "requestId": REQUEST_ID, "deviceIds": devices,
                    "smsMessage": SMS_TEXT,
                    "deviceResponse": { "x": { "note": format!("{FREE_TEXT}{padding}"), "deviceCredential": secret } },
                })
                .to_string()
            }
        }
    }

    /// An SMS as it is documented, without any other member.
    pub(super) fn sms(self) -> String {
        let without = |message: &str, start: &str, end: &str| {
            let (before, rest) = message.split_once(start).unwrap();
            format!("{before}{}", rest.split_once(end).unwrap().1)
        };
        match self {
            Self::Soap => without(&self.message(""), "<Data>", "</Data>"),
            Self::Rest => {
                let mut message: Value = serde_json::from_str(&self.message("")).unwrap();
                message.as_object_mut().unwrap().remove("deviceResponse");
                message.to_string()
            }
        }
    }

    /// A failed request: code and text of the fault are canaries too.
    pub(super) fn failure(self) -> String {
        match self {
            Self::Soap => self.message("").replace(
                "<Data>",
                &format!("<Data><Fault><faultcode>{FREE_TEXT}</faultcode><faultstring>{SMS_TEXT}</faultstring></Fault>"),
            ),
            Self::Rest => self.message("").replace(
                "\"deviceResponse\":{",
                &format!("\"status\":\"Failed\",\"deviceResponse\":{{\"faultResponse\":{{\"faultcode\":\"{FREE_TEXT}\",\"faultstring\":\"{SMS_TEXT}\"}},"),
            ),
        }
    }

    /// A message for two devices, of which the part of one does not fit into a row. In SOAP, no message is known to have
    /// several parts.
    pub(super) fn oversized_part(self) -> Option<String> {
        let devices: Vec<_> = IDENTIFIERS.iter().map(|(kind, value)| json!({ "kind": kind, "id": value })).collect();
        let large = json!({
            "deviceIds": devices, "note": format!("{FREE_TEXT} {SMS_TEXT} {}", "x".repeat(450_000)),
            "deviceCredential": DEVICE_CREDENTIAL,
        });
        let small = json!({ "deviceIds": [{ "kind": "mdn", "id": "5550100001" }], "note": "small" });
        let message = json!({
            "username": USERNAME, "password": PASSWORD, "requestId": REQUEST_ID, "status": "Success",
            "deviceResponse": { "usageResponse": [large, small] },
        });
        (self == Self::Rest).then(|| message.to_string())
    }

    /// Bodies that are refused, each for a reason of its own, with their content types.
    pub(super) fn refused(self) -> Vec<(Option<&'static str>, Vec<u8>)> {
        let (message, content_type) = (self.message(""), self.content_type());
        let text = |text: String| (Some(content_type), text.into_bytes());
        let half = message[..message.len() / 2].to_owned();
        let mut bodies = vec![
            text(half),
            text(message[1..].to_owned()),
            text(format!("{message}{message}")),
            text(message.replace(USERNAME, &format!("{USERNAME}&{PASSWORD};<{PASSWORD} \"{PASSWORD}\""))),
            text(message.replace("SmsCallbackRequest", SMS_TEXT).replace("equestId", "equest").replace("ername", "er")),
            text(format!("{message}{}", " ".repeat(1024 * 1024))),
            (Some(content_type), [message.as_bytes(), &[0xFF, 0xFE]].concat()),
            (Some(content_type), message.encode_utf16().flat_map(u16::to_be_bytes).skip(1).collect()),
            (Some("image/png"), message.clone().into_bytes()),
            (Some(PASSWORD), message.clone().into_bytes()),
        ];
        match self {
            Self::Soap => {
                bodies.push(text(format!("<!DOCTYPE a [<!ENTITY {PASSWORD} SYSTEM \"{PASSWORD}\">]>{message}")));
                bodies.push(text(format!("{}{message}", format!("<{SMS_TEXT}>").repeat(5000))));
                bodies.push((Some("application/json"), message.into_bytes()));
            }
            Self::Rest => {
                bodies.push(text(format!("{}{message}", "[".repeat(5000))));
                bodies.push(text(format!("[\"{PASSWORD}\", {SMS_TEXT}]")));
                bodies.push(text(message.replace(&format!("\"{PASSWORD}\""), &format!("{{\"{PASSWORD}\": 1}}"))));
                bodies.push((Some("text/xml"), message.into_bytes()));
            }
        }
        bodies
    }
}
