//! Reading: `GET /devices/{kind}/{value}`, `GET /devices/{kind}/{value}/events` and `GET /requests/{requestId}`.
//!
//! `kind` is any of the platform's (`mdn`, `imei`, …) in any casing, or `id` for our own name of a device.

use callback::Kind;
use device::{Device, DeviceId, Identifier};
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::json;
use store::{EventsFrom, RequestFrom, Store, StoreError};

/// How many events an answer has, unless asked for fewer.
const MOST_EVENTS: usize = 100;

/// How many devices an answer about a request has, unless asked for fewer.
const MOST_ANSWERS: usize = 1000;

/// Longer ids are not asked for: DynamoDB would refuse the key. Ours have at most 65 characters, the platform's 36.
const LONGEST_ID: usize = 512;

/// What is asked.
#[derive(Debug, Clone)]
pub enum Query {
    /// What is known of a device.
    Device(Name),
    /// What has happened to a device, oldest first.
    Events(Name, Page),
    /// What became of a request, device by device.
    Request(String, Page),
}

impl Query {
    /// What a resource of the API asks for. The path would not tell: an identifier could be "events".
    #[must_use]
    pub fn of(resource: &str, in_path: impl Fn(&str) -> String, page: Page) -> Self {
        if resource == "/requests/{requestId}" {
            return Self::Request(in_path("requestId"), page);
        }
        let name = Name { kind: in_path("kind"), value: in_path("value") };
        if resource.ends_with("/events") { Self::Events(name, page) } else { Self::Device(name) }
    }
}

/// How a device is asked for.
#[derive(Debug, Clone)]
pub struct Name {
    /// The kind of identifier, or `id`.
    pub kind: String,
    /// The identifier.
    pub value: String,
}

/// Which part of a long answer is asked for.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// `after`: where the answer before ended, as its `Link` header has it.
    pub after: Option<String>,
    /// `limit`: at most so many.
    pub limit: Option<String>,
}

impl Page {
    fn limit(&self, most: usize) -> Result<usize, QueryError> {
        let limit = self.limit.as_deref().map_or(Ok(most), str::parse);
        limit.ok().filter(|limit| (1..=most).contains(limit)).ok_or(QueryError::Limit(most))
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error("No device has this identifier.")]
    NoDevice,
    #[error(
        "No device has this identifier. {0} is not a kind that the platform documents \
         (mdn, msisdn, min, iccid, imsi, imei, meid, esn, eid)."
    )]
    UnknownKind(String),
    #[error("No answer to this request has come in.")]
    NoRequest,
    #[error("limit must be a number from 1 to {0}.")]
    Limit(usize),
    #[error("after must be as the Link header of an earlier answer has it.")]
    After,
    #[error("The table cannot be read now.")]
    Store(#[from] StoreError),
}

impl QueryError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoDevice | Self::UnknownKind(_) => (StatusCode::NOT_FOUND, "REQUEST_FAILED.DeviceNotFound"),
            Self::NoRequest => (StatusCode::NOT_FOUND, "REQUEST_FAILED.RequestNotFound"),
            Self::Limit(_) | Self::After => (StatusCode::BAD_REQUEST, "INPUT_INVALID.Query.Invalid"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "REQUEST_FAILED.TryAgain"),
        }
    }
}

/// The answer to a query: JSON, errors as `{"errorCode", "errorMessage"}`.
pub async fn answer(store: &Store, query: &Query) -> Response<String> {
    try_answer(store, query).await.unwrap_or_else(|error| {
        tracing::error!(message = "A query failed.", %error);
        told(&QueryError::Store(error))
    })
}

/// The same, but for a table that cannot be read: whoever may read the table may know why.
///
/// # Errors
///
/// The table cannot be read.
pub async fn try_answer(store: &Store, query: &Query) -> Result<Response<String>, StoreError> {
    match look_up(store, query).await {
        Ok(response) => Ok(response),
        Err(QueryError::Store(error)) => Err(error),
        Err(error) => Ok(told(&error)),
    }
}

fn told(error: &QueryError) -> Response<String> {
    let (status, code) = error.status_and_code();
    json_response(status, &json!({ "errorCode": code, "errorMessage": error.to_string() }))
}

async fn look_up(store: &Store, query: &Query) -> Result<Response<String>, QueryError> {
    match query {
        Query::Device(name) => Ok(json_response(StatusCode::OK, &find(store, name).await?)),
        Query::Events(name, page) => {
            let limit = page.limit(MOST_EVENTS)?;
            let from = page.after.as_deref().map(|after| read_cursor(after).ok_or(QueryError::After)).transpose()?;
            let (events, next) = store.events(&find(store, name).await?, from, limit).await?;
            let next = next.map(|EventsFrom { device, after }| format!("{device}:{after}"));
            Ok(linked(json_response(StatusCode::OK, &events), limit, next))
        }
        Query::Request(id, page) => {
            let limit = page.limit(MOST_ANSWERS)?;
            let after =
                page.after.as_deref().map(|after| read_request_cursor(after).ok_or(QueryError::After)).transpose()?;
            let possible = id.len() <= LONGEST_ID;
            let (results, next) =
                if possible { store.request(id, after.as_ref(), limit).await? } else { Default::default() };
            if results.is_empty() && after.is_none() {
                return Err(QueryError::NoRequest);
            }
            let next = next.map(|RequestFrom { slice, partition }| format!("{slice}:{partition}"));
            let body = json!({ "requestId": id, "results": results });
            Ok(linked(json_response(StatusCode::OK, &body), limit, next))
        }
    }
}

/// The response with a `Link` to the page that follows, if one does.
fn linked(mut response: Response<String>, limit: usize, next: Option<String>) -> Response<String> {
    if let Some(after) = next {
        let after = utf8_percent_encode(&after, NON_ALPHANUMERIC);
        let link = HeaderValue::try_from(format!("<?limit={limit}&after={after}>; rel=\"next\""));
        response.headers_mut().extend(link.map(|link| (LINK, link)));
    }
    response
}

/// The device with this identifier, or with this id of ours.
async fn find(store: &Store, name: &Name) -> Result<Device, QueryError> {
    let found = if name.kind.eq_ignore_ascii_case("id") {
        let possible = name.value.len() <= LONGEST_ID;
        if possible { store.device(&DeviceId::from(name.value.as_str())).await? } else { None }
    } else {
        match Identifier::new(&name.kind, &name.value) {
            Some(identifier) => store.device_with(&identifier).await?,
            None => None,
        }
    };
    found.ok_or_else(|| match Kind::from(name.kind.as_str()) {
        Kind::Other(kind) if kind != "id" => QueryError::UnknownKind(kind),
        _ => QueryError::NoDevice,
    })
}

fn read_cursor(text: &str) -> Option<EventsFrom> {
    let (device, after) = text.rsplit_once(':')?;
    Some(EventsFrom { device: DeviceId::from(device), after: after.parse().ok()? })
}

fn read_request_cursor(text: &str) -> Option<RequestFrom> {
    let (slice, partition) = text.split_once(':').filter(|(_, partition)| partition.len() <= LONGEST_ID)?;
    Some(RequestFrom { slice: slice.parse().ok()?, partition: partition.to_owned() })
}

fn json_response<T: Serialize>(status: StatusCode, value: &T) -> Response<String> {
    let mut response = Response::new(serde_json::to_string(value).unwrap_or_default());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
