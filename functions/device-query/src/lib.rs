//! The query API: `GET /devices/{kind}/{value}`, `GET /devices/{kind}/{value}/events` and `GET /requests/{requestId}`.
//!
//! `kind` is one of the platform's kinds of identifiers (`mdn`, `imei`, …) in any casing, or `id` for the id of a
//! device.

use callback::Kind;
use device::{Device, DeviceId, Identifier};
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::json;
use store::{EventCursor, OutcomeCursor, Store, StoreError};

/// The default and maximum number of events per page.
const MAX_EVENTS: usize = 100;

/// The default and maximum number of devices per page of a request.
const MAX_RESULTS: usize = 1000;

/// DynamoDB rejects keys of over 2 KiB. Ids of devices have at most 65 bytes, the platform's request ids 36.
const MAX_ID_BYTES: usize = 512;

/// A request to the query API.
#[derive(Debug, Clone)]
pub enum Query {
    /// A device.
    Device(Name),
    /// The history of a device, oldest event first.
    Events(Name, Page),
    /// The outcome of a request, per device.
    Request(String, Page),
}

impl Query {
    /// The query for a resource of the API. The resource is used instead of the path, since an identifier could be
    /// "events".
    #[must_use]
    pub fn of(resource: &str, in_path: impl Fn(&str) -> String, page: Page) -> Self {
        if resource == "/requests/{requestId}" {
            return Self::Request(in_path("requestId"), page);
        }
        let name = Name { kind: in_path("kind"), value: in_path("value") };
        if resource.ends_with("/events") { Self::Events(name, page) } else { Self::Device(name) }
    }
}

/// The identifier of the device in a query.
#[derive(Debug, Clone)]
pub struct Name {
    /// The kind of identifier, or `id`.
    pub kind: String,
    /// Its value.
    pub value: String,
}

/// The page of a long answer.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// `after`: the cursor from the `Link` header of the page before.
    pub after: Option<String>,
    /// `limit`: the maximum number of items.
    pub limit: Option<String>,
}

impl Page {
    fn limit(&self, max: usize) -> Result<usize, QueryError> {
        let limit = self.limit.as_deref().map_or(Ok(max), str::parse);
        limit.ok().filter(|limit| (1..=max).contains(limit)).ok_or(QueryError::Limit(max))
    }
}

/// Why a query fails.
#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error("No device has this identifier.")]
    NoDevice,
    #[error(
        "No device has this identifier. {0} is not a kind that the platform documents \
         (mdn, msisdn, min, iccid, imsi, imei, meid, esn, eid)."
    )]
    UnknownKind(String),
    #[error("No answer to this request has been received.")]
    NoRequest,
    #[error("limit must be a number from 1 to {0}.")]
    Limit(usize),
    #[error("after must be a cursor from the Link header of an earlier page.")]
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
        tracing::error!(message = "Query failed.", %error);
        error_response(&QueryError::Store(error))
    })
}

/// Like [`answer`], but returns the error of an unreadable table, for callers with access to the table.
///
/// # Errors
///
/// The table cannot be read.
pub async fn try_answer(store: &Store, query: &Query) -> Result<Response<String>, StoreError> {
    match look_up(store, query).await {
        Ok(response) => Ok(response),
        Err(QueryError::Store(error)) => Err(error),
        Err(error) => Ok(error_response(&error)),
    }
}

fn error_response(error: &QueryError) -> Response<String> {
    let (status, code) = error.status_and_code();
    json_response(status, &json!({ "errorCode": code, "errorMessage": error.to_string() }))
}

async fn look_up(store: &Store, query: &Query) -> Result<Response<String>, QueryError> {
    match query {
        Query::Device(name) => Ok(json_response(StatusCode::OK, &find(store, name).await?)),
        Query::Events(name, page) => {
            let limit = page.limit(MAX_EVENTS)?;
            let from = page.after.as_deref().map(|after| read_cursor(after).ok_or(QueryError::After)).transpose()?;
            let (events, next) = store.events(&find(store, name).await?, from, limit).await?;
            let next = next.map(|EventCursor { device, after }| format!("{device}:{after}"));
            Ok(linked(json_response(StatusCode::OK, &events), limit, next))
        }
        Query::Request(id, page) => {
            let limit = page.limit(MAX_RESULTS)?;
            let after =
                page.after.as_deref().map(|after| read_request_cursor(after).ok_or(QueryError::After)).transpose()?;
            let valid = id.len() <= MAX_ID_BYTES;
            let (results, next) =
                if valid { store.request(id, after.as_ref(), limit).await? } else { Default::default() };
            if results.is_empty() && after.is_none() {
                return Err(QueryError::NoRequest);
            }
            let next = next.map(|OutcomeCursor { slice, partition }| format!("{slice}:{partition}"));
            let body = json!({ "requestId": id, "results": results });
            Ok(linked(json_response(StatusCode::OK, &body), limit, next))
        }
    }
}

/// Adds a `Link` to the next page, if there is one.
fn linked(mut response: Response<String>, limit: usize, next: Option<String>) -> Response<String> {
    if let Some(after) = next {
        let after = utf8_percent_encode(&after, NON_ALPHANUMERIC);
        let link = HeaderValue::try_from(format!("<?limit={limit}&after={after}>; rel=\"next\""));
        response.headers_mut().extend(link.map(|link| (LINK, link)));
    }
    response
}

/// The device with this identifier or id.
async fn find(store: &Store, name: &Name) -> Result<Device, QueryError> {
    let found = if name.kind.eq_ignore_ascii_case("id") {
        let valid = name.value.len() <= MAX_ID_BYTES;
        if valid { store.device(&DeviceId::from(name.value.as_str())).await? } else { None }
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

fn read_cursor(text: &str) -> Option<EventCursor> {
    let (device, after) = text.rsplit_once(':')?;
    Some(EventCursor { device: DeviceId::from(device), after: after.parse().ok()? })
}

fn read_request_cursor(text: &str) -> Option<OutcomeCursor> {
    let (slice, partition) = text.split_once(':').filter(|(_, partition)| partition.len() <= MAX_ID_BYTES)?;
    Some(OutcomeCursor { slice: slice.parse().ok()?, partition: partition.to_owned() })
}

fn json_response<T: Serialize>(status: StatusCode, value: &T) -> Response<String> {
    let mut response = Response::new(serde_json::to_string(value).unwrap_or_default());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
