//! The HTTP endpoints of `callbacks local`, in place of API Gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Query as Parameters, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use device_query::{Name, Page, Query};
use http::header::{CONTENT_TYPE, LINK};
use http::{Request, StatusCode};
use jiff::Timestamp;
use listener::{CallbackRequest, Listener, Outcome, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::aws;
use super::callback_line::callback_line;
use super::messages::{Messages, Page as Sent};
use super::queues::{DEAD_LETTERS, PARKED, QUARANTINE, Queues};

/// Maximum size of a request, as for Lambda. The listener's own limit of 1 MiB is checked later.
const MAX_BYTES: usize = 6_000_000;

/// The default and maximum number of messages per page.
const MAX_MESSAGES: usize = 1000;

#[derive(Clone)]
struct Shared {
    listener: Arc<Listener>,
    messages: Arc<Messages>,
    queues: Arc<Queues>,
    quiet: bool,
}

#[derive(Debug, Default, Deserialize)]
struct PageParameters {
    after: Option<String>,
    limit: Option<String>,
}

impl From<PageParameters> for Page {
    fn from(PageParameters { after, limit }: PageParameters) -> Self {
        Self { after, limit }
    }
}

pub(super) fn app(listener: Arc<Listener>, cloud: aws::Shared) -> Router {
    let aws::Shared { messages, queues, quiet } = cloud.clone();
    // Clients of SQS and SNS post to the root.
    let cloud = Router::new().route("/", post(aws::call)).with_state(cloud);
    Router::new()
        .route("/callbacks/{service}", any(callback))
        .route("/devices/{kind}/{value}", get(device))
        .route("/devices/{kind}/{value}/events", get(events))
        .route("/requests/{request_id}", get(request))
        .route("/topics/messages", get(topic_messages))
        .route("/quarantine/messages", get(|shared, page| queued(QUARANTINE, shared, page)))
        .route("/parked/messages", get(|shared, page| queued(PARKED, shared, page)))
        .route("/dead-letters/messages", get(|shared, page| queued(DEAD_LETTERS, shared, page)))
        .with_state(Shared { listener, messages, queues, quiet })
        .merge(cloud)
}

async fn callback(
    State(shared): State<Shared>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let received = CallbackRequest {
        method: head.method,
        source: Some(source.ip()),
        content_type: head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        body,
        received_at: Timestamp::now(),
        waited: Duration::ZERO,
    };
    let (received_at, started) = (received.received_at, Instant::now());
    let (response, outcome) = match registry::service(&name) {
        Some(service) => shared.listener.answer_with_outcome(&service, received).await,
        None => {
            let response = listener::refuse(&received, &Refusal::UnknownService);
            (response, Outcome { observations: Vec::new(), result: Err(Refusal::UnknownService) })
        }
    };
    if !shared.quiet {
        println!("{}", callback_line(received_at, &name, response.status().as_u16(), &outcome, started.elapsed()));
    }
    response.map(Body::from)
}

async fn device(State(shared): State<Shared>, Path((kind, value)): Path<(String, String)>) -> Response {
    query(&shared, Query::Device(Name { kind, value })).await
}

async fn events(
    State(shared): State<Shared>,
    Path((kind, value)): Path<(String, String)>,
    Parameters(page): Parameters<PageParameters>,
) -> Response {
    query(&shared, Query::Events(Name { kind, value }, page.into())).await
}

async fn request(
    State(shared): State<Shared>,
    Path(request_id): Path<String>,
    Parameters(page): Parameters<PageParameters>,
) -> Response {
    query(&shared, Query::Request(request_id, page.into())).await
}

async fn query(shared: &Shared, query: Query) -> Response {
    device_query::answer(&shared.listener.store, &query).await.map(Body::from)
}

async fn topic_messages(State(shared): State<Shared>, Parameters(page): Parameters<PageParameters>) -> Response {
    pages(page, |after, limit| {
        let Sent { messages, next } = shared.messages.page(after, limit)?;
        Ok((messages, next))
    })
}

async fn queued(
    queue: &'static str,
    State(shared): State<Shared>,
    Parameters(page): Parameters<PageParameters>,
) -> Response {
    pages(page, |after, limit| shared.queues.page(queue, after, limit))
}

/// A page of messages, and a link to the next one.
fn pages<T: Serialize>(
    PageParameters { after, limit }: PageParameters,
    read: impl FnOnce(i64, usize) -> anyhow::Result<(Vec<T>, Option<i64>)>,
) -> Response {
    let limit = limit.map_or(Some(MAX_MESSAGES), |limit| limit.parse().ok());
    let limit = limit.filter(|limit| (1..=MAX_MESSAGES).contains(limit));
    let after = after.map_or(Some(0), |after| after.parse().ok()).filter(|after| *after >= 0);
    let Some((limit, after)) = limit.zip(after) else {
        let text = format!("limit must be a number from 1 to {MAX_MESSAGES}, and after a message's number.");
        let error = json!({ "errorCode": "INPUT_INVALID.Query.Invalid", "errorMessage": text });
        return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
    };
    match read(after, limit) {
        Ok((messages, next)) => {
            let messages = axum::Json(messages);
            match next {
                Some(after) => {
                    ([(LINK, format!("<?limit={limit}&after={after}>; rel=\"next\""))], messages).into_response()
                }
                None => messages.into_response(),
            }
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("Cannot read the messages: {error:#}")).into_response()
        }
    }
}
