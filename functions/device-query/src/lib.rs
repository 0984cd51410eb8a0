//! Reading device state: `GET /devices/{kind}/{value}` and `GET /devices/{kind}/{value}/events`.
//!
//! `kind` is any of the platform's (`mdn`, `imei`, …) in any casing, or `id` for our own name of a device.

use device::store::{EventsFrom, Store, StoreError};
use device::{Device, DeviceId, Identifier};
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// How many events an answer has, unless asked for fewer.
const MOST_EVENTS: usize = 100;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Query {
    /// The kind of identifier, or `id`.
    pub kind: String,
    /// The identifier.
    pub value: String,
    /// Whether the events are asked for, and which.
    pub events: Option<Page>,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// `after`: where the answer before ended, as its `Link` header has it (`<device id>:<sequence>`).
    pub after: Option<String>,
    /// `limit`: at most so many, 1 to 100.
    pub limit: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error("No device has this identifier.")]
    NotFound,
    #[error("limit must be a number from 1 to {MOST_EVENTS}.")]
    Limit,
    #[error("after must be as the Link header of an earlier answer has it.")]
    After,
    #[error("The device's state cannot be read now.")]
    Store(#[from] StoreError),
}

impl QueryError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "REQUEST_FAILED.DeviceNotFound"),
            Self::Limit | Self::After => (StatusCode::BAD_REQUEST, "INPUT_INVALID.Query.Invalid"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "REQUEST_FAILED.TryAgain"),
        }
    }
}

/// The answer to a query: JSON, errors as `{"errorCode", "errorMessage"}`.
pub async fn answer(store: &Store, query: &Query) -> Response<String> {
    look_up(store, query).await.unwrap_or_else(|error| {
        if let QueryError::Store(error) = &error {
            tracing::error!(message = "A query failed.", %error);
        }
        let (status, code) = error.status_and_code();
        json_response(status, &json!({ "errorCode": code, "errorMessage": error.to_string() }))
    })
}

async fn look_up(store: &Store, query: &Query) -> Result<Response<String>, QueryError> {
    let device = find(store, &query.kind, &query.value).await?.ok_or(QueryError::NotFound)?;
    let Some(page) = &query.events else { return Ok(json_response(StatusCode::OK, &device)) };
    let limit = page.limit.as_deref().map_or(Ok(MOST_EVENTS), str::parse).map_err(|_| QueryError::Limit)?;
    if !(1..=MOST_EVENTS).contains(&limit) {
        return Err(QueryError::Limit);
    }
    let from = page.after.as_deref().map(|after| read_cursor(after).ok_or(QueryError::After)).transpose()?;
    let (events, next) = store.events(&device, from, limit).await?;
    let mut response = json_response(StatusCode::OK, &events);
    if let Some(EventsFrom { device, after }) = next {
        let link = HeaderValue::try_from(format!("<?limit={limit}&after={device}:{after}>; rel=\"next\""));
        response.headers_mut().extend(link.map(|link| (LINK, link)));
    }
    Ok(response)
}

/// The device with this identifier, or with this id of ours.
///
/// # Errors
///
/// A [`StoreError`] where the table cannot be read.
pub async fn find(store: &Store, kind: &str, value: &str) -> Result<Option<Device>, StoreError> {
    if kind.eq_ignore_ascii_case("id") {
        return store.device(&DeviceId::from(value)).await;
    }
    match Identifier::new(kind, value) {
        Some(identifier) => store.device_with(&identifier).await,
        None => Ok(None),
    }
}

fn read_cursor(text: &str) -> Option<EventsFrom> {
    let (device, after) = text.rsplit_once(':')?;
    Some(EventsFrom { device: DeviceId::from(device), after: after.parse().ok()? })
}

fn json_response<T: Serialize>(status: StatusCode, value: &T) -> Response<String> {
    let mut response = Response::new(serde_json::to_string(value).unwrap_or_default());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
