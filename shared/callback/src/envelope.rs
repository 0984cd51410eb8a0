//! What all messages have in common, in both transports: the envelope around the payload.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::credentials::Credentials;
use crate::members::{Members, Sent};
use crate::open_set::Kind;
use crate::{MAX_BODY_BYTES, ParseError, Transport, json, xml};

/// A callback message as it came in: who it says it is from, and what it says. Nothing is verified yet.
#[derive(Debug, Clone)]
pub struct Callback {
    /// What the sender gives to be believed.
    pub credentials: Credentials,
    /// What it says, without the credentials.
    pub message: Message,
}

/// What a callback says.
#[derive(Debug, Clone)]
pub struct Message {
    /// The family that the message belongs to.
    pub transport: Transport,
    /// `RequestId` or `requestId`. Shared by all messages of one request, and by different messages of one flow.
    pub request_id: Option<String>,
    /// The devices that the envelope names, as sent: none, one, or several names of one device.
    pub devices: Vec<DeviceIdentifier>,
    /// Which try of the platform this is.
    pub attempt: Attempt,
    /// How the request ended that this message answers.
    pub outcome: Outcome,
    /// Every other member, whole. SOAP's doubled `Data` is one here.
    pub payload: Map<String, Value>,
}

/// A device's name as the platform sent it: the spelling of the kind is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentifier {
    /// `Kind` or `kind`, as spelled by the sender.
    pub kind: String,
    /// `Identifier` or `id`.
    pub value: String,
}

/// The platform's delivery counters; documented for both transports, in REST samples only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempt {
    /// `callbackCount`: 1 on the first try.
    pub count: Option<u32>,
    /// `maxCallbackThreshold`: how many tries there can be.
    pub threshold: Option<u32>,
}

/// How a request ended, as far as the message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `status` or `Comment` is `Success`.
    Succeeded,
    /// There is a fault, or the status is `Failed`.
    Failed {
        /// `<ServiceName>.<error code>`, where given.
        code: Option<String>,
        /// The fault's text, where given.
        text: Option<String>,
    },
    /// A status outside the known ones, as sent (`warning`).
    Other(String),
    /// Neither fault nor status, as in a notification.
    Unstated,
}

/// SOAP's delivery counters.
const COUNTERS: [&str; 2] = ["CallbackCount", "MaxCallbackThreshold"];

/// Names of the payload's outermost wrappers, under which the members of a service stand.
pub(crate) const WRAPPERS: [&str; 2] = ["Data", "deviceResponse"];

impl Callback {
    /// Reads a body of at most [`MAX_BODY_BYTES`]. Takes time linear in its length, and never panics.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that says what is wrong, and where.
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
        let request_id = members.take_text("requestId").value().cloned();
        let attempt = Attempt {
            count: counter(&mut members, "callbackCount"),
            threshold: counter(&mut members, "maxCallbackThreshold"),
        };
        let devices = match transport {
            Transport::Soap => members.take_each("Device", DeviceIdentifier::read),
            Transport::Rest => members.take_each("deviceIds", DeviceIdentifier::read),
        };
        let payload = members.rest();
        let outcome = Outcome::of(&payload);
        let devices = devices.value().cloned().unwrap_or_default();
        Self { credentials, message: Message { transport, request_id, devices, attempt, outcome, payload } }
    }
}

impl Message {
    /// The payload's member of this name, directly or within `Data` or `deviceResponse`. `None` where absent or nil.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        let within = WRAPPERS.iter().filter_map(|wrapper| member(&self.payload, wrapper)?.as_object());
        std::iter::once(&self.payload).chain(within).find_map(|members| member(members, name))
    }
}

impl DeviceIdentifier {
    /// Reads `{Kind, Identifier}` (SOAP) or `{id, kind}` (REST).
    ///
    /// # Errors
    ///
    /// Gives the value back where it is something else, or has more.
    pub fn read(value: Value) -> Result<Self, Value> {
        value.as_object().and_then(Self::of).ok_or(value)
    }

    /// The identifier that an object is, if it is one and nothing more.
    pub(crate) fn of(members: &Map<String, Value>) -> Option<Self> {
        let text = |names: &[&str]| match names.iter().find_map(|name| member(members, name))? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let (kind, value) = (text(&["kind"])?, text(&["identifier", "id"])?);
        (members.len() == 2).then_some(Self { kind, value })
    }

    /// The kind, whatever its spelling.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from(self.kind.as_str())
    }
}

impl Outcome {
    pub(crate) fn of(payload: &Map<String, Value>) -> Self {
        let data = member(payload, "Data").and_then(Value::as_object).unwrap_or(payload);
        if let Some(fault) = member(data, "Fault").or_else(|| member(payload, "faultResponse")) {
            let part = |names: &[&str]| names.iter().find_map(|name| member(fault.as_object()?, name)?.as_str());
            return Self::Failed {
                code: part(&["faultcode", "code"]).map(str::to_owned),
                text: part(&["faultstring", "message"]).or(fault.as_str()).map(str::to_owned),
            };
        }
        let status =
            member(data, "status").or_else(|| member(payload, "status")).and_then(Value::as_str).map(str::trim);
        match status {
            Some(status) if status.eq_ignore_ascii_case("success") => Self::Succeeded,
            Some(status) if status.eq_ignore_ascii_case("failed") => Self::Failed { code: None, text: None },
            Some(status) if !status.is_empty() => Self::Other(status.to_owned()),
            _ => match member(data, "Comment").and_then(Value::as_str) {
                Some(comment) if comment.trim().eq_ignore_ascii_case("success") => Self::Succeeded,
                _ => Self::Unstated,
            },
        }
    }
}

/// A member by name, ignoring case. `None` where absent or nil.
pub(crate) fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()).map(|(_, value)| value)
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

/// The members of the request; what stood around it (no sample has anything there) is kept as `Envelope`.
fn request(value: Value, around: Map<String, Value>) -> Result<Members, ParseError> {
    let Value::Object(mut members) = value else { return Err(ParseError::NotACallback) };
    if let Some(data) = members.remove("Data") {
        let mut data = without_doubling(data);
        // The documented table has the counters last, and does not say in which element. They are the envelope's.
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

/// `<Data><Data>…</Data></Data>`, to any depth, as one `Data`.
fn without_doubling(mut data: Value) -> Value {
    loop {
        match data {
            Value::Object(mut members) if members.len() == 1 => match members.remove("Data") {
                Some(inner) => data = inner,
                None => return Value::Object(members),
            },
            other => return other,
        }
    }
}

/// The members of a JSON object that has at least one member of the envelope.
fn rest(text: &str) -> Result<Members, ParseError> {
    const ENVELOPE: [&str; 9] = [
        "username",
        "password",
        "requestId",
        "deviceIds",
        "deviceResponse",
        "faultResponse",
        "status",
        "callbackCount",
        "maxCallbackThreshold",
    ];
    let Value::Object(members) = json::parse(text)? else { return Err(ParseError::NotACallback) };
    let members = Members::from(members);
    if ENVELOPE.iter().any(|name| members.has(name)) { Ok(members) } else { Err(ParseError::NotACallback) }
}

/// Takes every spelling of a secret, so that none is left in the payload. One that is not a text is no secret of ours.
fn take_secret(members: &mut Members, name: &str) -> Option<String> {
    let mut secret = None;
    while members.has(name) {
        if let Sent::Value(Value::String(text)) = members.take(name, Ok) {
            secret = Some(text);
        }
    }
    secret
}

fn counter(members: &mut Members, name: &str) -> Option<u32> {
    let read = members.take(name, |value| match &value {
        Value::Number(number) => number.as_u64().and_then(|count| count.try_into().ok()).ok_or(value),
        Value::String(text) => text.trim().parse().map_err(|_| value),
        _ => Err(value),
    });
    read.value().copied()
}
