//! A message template: the bytes of a file with slots for the values that differ between messages. Everything else is
//! sent unchanged.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use anyhow::{Context, ensure};
use quick_xml::escape::escape;
use roxmltree::Document;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::rules::{Api, Credentials};

/// The last digits of an identifier distinguish the devices within one message, so they are not changed.
const UNCHANGED_DIGITS: usize = 4;

/// The values of the slots.
pub(crate) struct SlotValues<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) request_id: &'a str,
    /// The account whose listener receives the message. Empty if it is not known: then the one in the file is sent.
    pub(crate) account: &'a str,
    /// The number of the device; 0 is the device in the file.
    pub(crate) device: u64,
    /// The number of earlier attempts.
    pub(crate) resends: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Username,
    Password,
    RequestId,
    /// With the account in the file.
    Account(String),
    /// With the count in the file.
    Count(u64),
    /// With the identifier in the file.
    Identifier(String),
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Slot(Slot),
}

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(super) transport: Api,
    pieces: Vec<Piece>,
    device_sms: bool,
}

/// A text in a message: its position, the name of its member and its value.
struct Text {
    range: Range<usize>,
    name: String,
    value: String,
    /// Whether it is a member of the envelope, like the credentials.
    outermost: bool,
    /// The value of a pair of kind and identifier.
    identifier: bool,
}

impl Template {
    /// Parses a message: SOAP if it starts like XML, otherwise REST.
    pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let text = std::str::from_utf8(bytes).context("the message is not UTF-8")?;
        let transport = if text.trim_start().starts_with('<') { Api::Soap } else { Api::Rest };
        let texts = match transport {
            Api::Soap => xml_texts(text)?,
            Api::Rest => {
                let mut texts = Vec::new();
                json_texts(text, serde_json::from_str(text).context("the message is not JSON")?, "", 0, &mut texts)?;
                texts
            }
        };
        let is_identifier = |given: &str| texts.iter().any(|text| text.identifier && text.value == given);
        let slots = texts.iter().filter_map(|text| {
            let slot = match (text.outermost, text.name.to_ascii_lowercase().as_str()) {
                (true, "username") => Slot::Username,
                (true, "password") => Slot::Password,
                (true, "requestid") => Slot::RequestId,
                (true, "callbackcount") => Slot::Count(text.value.parse().ok()?),
                (_, "accountname") if !text.value.trim().is_empty() => Slot::Account(text.value.clone()),
                _ if is_identifier(&text.value) => Slot::Identifier(text.value.clone()),
                _ => return None,
            };
            Some((text.range.start, (text.range.end, slot)))
        });
        let slots: BTreeMap<_, _> = slots.collect();
        let (mut pieces, mut done) = (Vec::new(), 0);
        for (start, (end, slot)) in slots {
            pieces.push(Piece::Text(slice(text, done..start)?.to_owned()));
            match transport {
                Api::Rest => pieces.push(Piece::Slot(slot)),
                Api::Soap => {
                    let element = slice(text, start..end)?;
                    let name = element.trim_start_matches('<');
                    let name = name.split(|sample: char| sample.is_whitespace() || "/>".contains(sample)).next();
                    let name = name.unwrap_or_default();
                    pieces.push(Piece::Text(format!("<{name}>")));
                    pieces.push(Piece::Slot(slot));
                    pieces.push(Piece::Text(format!("</{name}>")));
                }
            }
            done = end;
        }
        pieces.push(Piece::Text(slice(text, done..text.len())?.to_owned()));
        let device_sms = texts.iter().any(|text| text.outermost && text.name.eq_ignore_ascii_case("SmsMessage"));
        Ok(Self { transport, pieces, device_sms })
    }

    /// The message with these values.
    pub(crate) fn render(&self, values: &SlotValues<'_>) -> String {
        self.pieces.iter().fold(String::new(), |message, piece| {
            message
                + &match piece {
                    Piece::Text(text) => Cow::Borrowed(text.as_str()),
                    Piece::Slot(Slot::Username) => self.text(&values.credentials.username),
                    Piece::Slot(Slot::Password) => self.text(&values.credentials.password),
                    Piece::Slot(Slot::RequestId) => self.text(values.request_id),
                    Piece::Slot(Slot::Account(own)) if values.account.is_empty() => self.text(own),
                    Piece::Slot(Slot::Account(_)) => self.text(values.account),
                    Piece::Slot(Slot::Count(own)) => Cow::Owned((own + values.resends).to_string()),
                    Piece::Slot(Slot::Identifier(own)) => {
                        Cow::Owned(self.text(&of_device(own, values.device)).into_owned())
                    }
                }
        })
    }

    /// The `Content-Type` of the message.
    pub(crate) fn content_type(&self) -> &'static str {
        match self.transport {
            Api::Rest => "application/json",
            Api::Soap => "text/xml; charset=utf-8",
        }
    }

    /// Whether the message has a request id.
    pub(super) fn has_request_id(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Slot(Slot::RequestId)))
    }

    /// Whether the message is a text message that a device sent.
    pub(super) fn is_device_sms(&self) -> bool {
        self.device_sms
    }

    fn text<'a>(&self, value: &'a str) -> Cow<'a, str> {
        match self.transport {
            Api::Soap => escape(value),
            Api::Rest => Cow::Owned(serde_json::Value::from(value).to_string()),
        }
    }
}

fn slice(text: &str, range: Range<usize>) -> anyhow::Result<&str> {
    text.get(range).context("the message's parts overlap")
}

/// The identifier of another device: its digits except the last few are increased by the number of the device.
fn of_device(own: &str, device: u64) -> String {
    let mut samples: Vec<char> = own.chars().collect();
    let digits = samples.iter().filter(|sample| sample.is_ascii_digit()).count();
    let kept = if digits > UNCHANGED_DIGITS { UNCHANGED_DIGITS } else { 0 };
    let mut carry = device;
    for sample in samples.iter_mut().rev().filter(|sample| sample.is_ascii_digit()).skip(kept) {
        let sum = u64::from(*sample) - u64::from('0') + carry % 10;
        carry = carry / 10 + sum / 10;
        *sample = char::from_digit((sum % 10) as u32, 10).unwrap_or('0');
    }
    samples.into_iter().collect()
}

fn xml_texts(text: &str) -> anyhow::Result<Vec<Text>> {
    let document = Document::parse(text).context("the message is not XML")?;
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    let leaves = elements.filter(|node| node.first_element_child().is_none());
    let texts = leaves.map(|node| {
        let parent = node.parent().map(|parent| parent.tag_name().name().to_owned()).unwrap_or_default();
        let name = node.tag_name().name().to_owned();
        Text {
            range: node.range(),
            value: node.text().unwrap_or_default().to_owned(),
            outermost: parent.ends_with("CallbackRequest"),
            identifier: name == "Identifier",
            name,
        }
    });
    Ok(texts.collect())
}

/// Collects the texts of a value at this depth.
fn json_texts(whole: &str, value: &RawValue, name: &str, depth: usize, texts: &mut Vec<Text>) -> anyhow::Result<()> {
    let raw = value.get();
    if raw.starts_with('{') {
        let Members(members) = serde_json::from_str(raw)?;
        let named = |wanted: &str| members.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let is_pair = named("id") && named("kind");
        for (name, value) in &members {
            json_texts(whole, value, name, depth + 1, texts)?;
            if let Some(text) = texts.last_mut().filter(|text| is_pair && text.name.eq_ignore_ascii_case("id")) {
                text.identifier = true;
            }
        }
    } else if raw.starts_with('[') {
        for item in serde_json::from_str::<Vec<&RawValue>>(raw)? {
            json_texts(whole, item, "", depth + 1, texts)?;
        }
    } else {
        let start =
            (raw.as_ptr() as usize).checked_sub(whole.as_ptr() as usize).context("not a part of the message")?;
        ensure!(start + raw.len() <= whole.len(), "not a part of the message");
        let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
        let range = start..start + raw.len();
        texts.push(Text { range, name: name.to_owned(), value: text, outermost: depth == 1, identifier: false });
    }
    Ok(())
}

/// The members of an object in their order, unparsed.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(message: &str, device: u64, resends: u64) -> String {
        rendered_for("", message, device, resends)
    }

    fn rendered_for(account: &str, message: &str, device: u64, resends: u64) -> String {
        let credentials = Credentials::new("a \"quoted\" user", "<&>");
        let values = SlotValues { credentials: &credentials, request_id: "fresh", account, device, resends };
        Template::read(message.as_bytes()).unwrap().render(&values)
    }

    #[test]
    fn json_keeps_its_order_and_spacing_around_the_slots() {
        let message = r#"{ "requestId" : "r", "deviceIds": [{"id": "350000000000105", "kind": "imei"}],
            "x": {"requestId": "stays", "n": 1.10, "previous": "350000000000105"},
            "Username": "", "password":null, "callbackCount": 2 }"#;
        let expected = r#"{ "requestId" : "fresh", "deviceIds": [{"id": "350000000120105", "kind": "imei"}],
            "x": {"requestId": "stays", "n": 1.10, "previous": "350000000120105"},
            "Username": "a \"quoted\" user", "password":"<&>", "callbackCount": 3 }"#;
        assert_eq!(rendered(message, 12, 1), expected);
    }

    #[test]
    fn xml_keeps_its_prefixes_around_the_slots() {
        let message = "<v:CallbackRequest xmlns:v=\"urn:v\"><v:Username/><v:Password>old</v:Password>\n\
                       <v:RequestId >r</v:RequestId><v:Identifier>5550100123</v:Identifier><Data><Now>5550100123</Now>\
                       <Username>stays</Username></Data><CallbackCount>1</CallbackCount></v:CallbackRequest>";
        let expected = "<v:CallbackRequest xmlns:v=\"urn:v\"><v:Username>a &quot;quoted&quot; user</v:Username>\
                        <v:Password>&lt;&amp;&gt;</v:Password>\n\
                        <v:RequestId>fresh</v:RequestId><v:Identifier>5550110123</v:Identifier><Data><Now>5550110123</Now>\
                        <Username>stays</Username></Data><CallbackCount>2</CallbackCount></v:CallbackRequest>";
        assert_eq!(rendered(message, 1, 1), expected);
    }

    #[test]
    fn a_message_states_the_account_whose_listener_receives_it() {
        let json = r#"{"deviceResponse": {"accountName": "of the file"}, "AccountName": ""}"#;
        let expected = r#"{"deviceResponse": {"accountName": "other"}, "AccountName": ""}"#;
        assert_eq!(rendered_for("other", json, 0, 0), expected);
        assert_eq!(rendered_for("", json, 0, 0), json);
        let xml = "<CallbackRequest><DeviceInfo><AccountName>of the file</AccountName></DeviceInfo></CallbackRequest>";
        let expected = "<CallbackRequest><DeviceInfo><AccountName>a&amp;b</AccountName></DeviceInfo></CallbackRequest>";
        assert_eq!(rendered_for("a&b", xml, 0, 0), expected);
        assert_eq!(rendered_for("", xml, 0, 0), xml);
    }

    #[test]
    fn the_first_device_is_that_of_the_file_and_others_are_distinct() {
        assert_eq!(of_device("A1000000009999", 0), "A1000000009999");
        assert_eq!(of_device("A1000009999999", 1), "A1000010009999");
        assert_eq!(of_device("5550100102", 999_999), "5550090102", "it wraps around");
        assert_eq!(of_device("12", 3), "15");
        let names: std::collections::HashSet<_> = (0..10_000).map(|device| of_device("60000008", device)).collect();
        assert_eq!(names.len(), 10_000);
    }
}
