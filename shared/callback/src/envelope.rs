//! The envelope around the payload, which all messages of both transports have.

use serde_json::{Map, Value};

use crate::credentials::Credentials;
use crate::identifier::DeviceIdentifier;
use crate::members::Members;
use crate::outcome::Outcome;
use crate::value::{named, only_attributes};
use crate::wrapper::wrapped;
use crate::{MAX_BODY_BYTES, ParseError, Transport, json, secrets, xml};

/// A callback as received, with the credentials that it claims. Nothing is verified yet.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The credentials that the sender claims.
    pub credentials: Credentials,
    /// The message without the credentials.
    pub message: Message,
}

/// The content of a callback, without credentials.
#[derive(Debug, Clone)]
pub struct Message {
    /// The family that the message belongs to.
    pub transport: Transport,
    /// `RequestId` or `requestId`. Shared by all messages of one request, and by different messages of one flow.
    pub request_id: Option<String>,
    /// The identifiers in the envelope, as sent: of no device, one or several.
    pub devices: Vec<DeviceIdentifier>,
    /// The platform's delivery attempt.
    pub attempt: Attempt,
    /// The outcome of the request that this message answers.
    pub outcome: Outcome,
    /// All other members, unchanged. SOAP's nested `Data` elements are merged into one.
    pub payload: Map<String, Value>,
}

/// The platform's delivery counters; documented for both transports, in REST samples only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempt {
    /// `callbackCount`: 1 on the first attempt.
    pub count: Option<u32>,
    /// `maxCallbackThreshold`: the maximum number of attempts.
    pub threshold: Option<u32>,
}

/// The names of the list of devices in the envelope: in SOAP and some REST messages, and in most REST messages.
pub(crate) const DEVICES: [&str; 2] = ["Device", "deviceIds"];

/// Maximum length of a request id, in bytes; real ones have 36. A longer text stays in the payload, since an id is
/// copied into each event of a message.
const MAX_REQUEST_ID_BYTES: usize = 512;

/// SOAP's delivery counters.
const COUNTERS: [&str; 2] = ["CallbackCount", "MaxCallbackThreshold"];

impl Callback {
    /// Parses a body of at most [`MAX_BODY_BYTES`]. Takes time linear in its length, and never panics.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] with the reason and the position.
    pub fn parse(body: &[u8], content_type: Option<&str>) -> Result<Self, ParseError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(ParseError::TooLarge);
        }
        let transport = Transport::of(content_type, body)?;
        let text = xml::decode(body, content_type)?;
        if text.trim().is_empty() {
            return Err(ParseError::Empty);
        }
        let members = match transport {
            Transport::Soap => soap(&text)?,
            Transport::Rest => rest(&text)?,
        };
        Ok(Self::from_members(transport, members))
    }

    fn from_members(transport: Transport, mut members: Members) -> Self {
        let credentials = Credentials {
            username: take_secret(&mut members, "username"),
            password: take_secret(&mut members, "password"),
        };
        let (request_id, too_long) = match request_id(&mut members) {
            Some(id) if id.len() > MAX_REQUEST_ID_BYTES => (None, Some(id)),
            id => (id, None),
        };
        let attempt = Attempt {
            count: counter(&mut members, "callbackCount"),
            threshold: counter(&mut members, "maxCallbackThreshold"),
        };
        let devices = DEVICES.iter().flat_map(|name| members.take_identifiers(name)).collect();
        let mut payload = members.rest();
        if let Some(id) = too_long {
            json::add(&mut payload, "requestId".to_owned(), Value::String(id));
        }
        secrets::redact(&mut payload);
        let outcome = Outcome::of(&payload);
        Self { credentials, message: Message { transport, request_id, devices, attempt, outcome, payload } }
    }
}

impl Message {
    /// The member of the payload with this name, directly or within `Data` or `deviceResponse`. `None` if absent or
    /// nil.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        std::iter::once(&self.payload).chain(wrapped(&self.payload)).find_map(|members| named(members, name).next())
    }
}

/// The members of `CallbackRequest` or `SmsCallbackRequest`, and those of the envelope around it.
fn soap(text: &str) -> Result<Members, ParseError> {
    let (name, value) = xml::parse(text)?;
    if is_request(&name) {
        return request(value, Map::new());
    }
    let (true, Value::Object(mut around)) = (name == "Envelope", value) else { return Err(ParseError::NotACallback) };
    let Some(Value::Object(mut body)) = around.remove("Body") else { return Err(ParseError::NotACallback) };
    let Some(name) = body.keys().find(|name| is_request(name)).cloned() else { return Err(ParseError::NotACallback) };
    let value = body.remove(&name).unwrap_or_default();
    if !body.is_empty() {
        around.insert("Body".to_owned(), Value::Object(body));
    }
    request(value, around)
}

fn is_request(name: &str) -> bool {
    matches!(name, "CallbackRequest" | "SmsCallbackRequest")
}

/// The members of the request. Other members of the envelope, which no sample has, are kept as `Envelope`.
fn request(value: Value, around: Map<String, Value>) -> Result<Members, ParseError> {
    let Value::Object(mut members) = value else { return Err(ParseError::NotACallback) };
    if let Some(data) = members.remove("Data") {
        let mut data = without_doubling(data);
        // The documented table lists the counters last without their parent. They are assumed to be the envelope's.
        for counter in COUNTERS {
            if let Some((name, count)) = data.as_object_mut().and_then(|data| data.remove_entry(counter)) {
                json::add(&mut members, name, count);
            }
        }
        members.insert("Data".to_owned(), data);
    }
    if !around.is_empty() {
        json::add(&mut members, "Envelope".to_owned(), Value::Object(around));
    }
    Ok(members.into())
}

/// `<Data><Data>…</Data></Data>`, to any depth, as one `Data` with the attributes of all.
fn without_doubling(mut data: Value) -> Value {
    loop {
        let Value::Object(mut members) = data else { return data };
        let Some(inner) = members.remove("Data") else { return Value::Object(members) };
        data = match inner {
            Value::Object(mut inner) if only_attributes(&members) => {
                members.into_iter().for_each(|(name, value)| json::add(&mut inner, name, value));
                Value::Object(inner)
            }
            inner if members.is_empty() => inner,
            inner => {
                members.insert("Data".to_owned(), inner);
                return Value::Object(members);
            }
        };
    }
}

/// The members of a JSON object that has at least one member of the envelope.
fn rest(text: &str) -> Result<Members, ParseError> {
    const ENVELOPE: [&str; 11] = [
        "username",
        "password",
        "requestId",
        "deviceIds",
        "Device",
        "deviceResponse",
        "faultResponse",
        "smsMessage",
        "status",
        "callbackCount",
        "maxCallbackThreshold",
    ];
    let Value::Object(members) = json::parse(text)? else { return Err(ParseError::NotACallback) };
    let members = Members::from(members);
    if ENVELOPE.iter().any(|name| members.has(name)) { Ok(members) } else { Err(ParseError::NotACallback) }
}

/// The first request id that is not blank, in any spelling of its name.
fn request_id(members: &mut Members) -> Option<String> {
    members
        .spellings("requestId")
        .into_iter()
        .find_map(|name| members.take_text(&name).value().filter(|id| !id.trim().is_empty()).cloned())
}

/// Takes every spelling of a credential, and removes all its texts from the payload, whatever its structure.
fn take_secret(members: &mut Members, name: &str) -> Option<String> {
    let mut secret = None;
    for name in members.spellings(name) {
        if let Some(text) = members.take_text(&name).value() {
            secret = Some(text.clone());
        }
        members.change(&name, secrets::redact_values);
    }
    secret
}

fn counter(members: &mut Members, name: &str) -> Option<u32> {
    members.take_parsed(name, |text| text.parse().ok()).value().copied()
}
