//! The endpoints of `callbacks local`: API Gateway's part.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Query as Parameters, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use device_query::{Name, Page, Query};
use http::Request;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use listener::{Listener, Received, Refusal};
use serde::Deserialize;

use super::aws::Sent;
use crate::registry;

/// Lambda's own bound on a request. The listener refuses what is over 1 MiB; this only protects the process.
const MOST_BYTES: usize = 6_000_000;

#[derive(Clone)]
struct Shared {
    listener: Arc<Listener>,
    sent: Arc<Sent>,
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

pub(super) fn app(listener: Arc<Listener>, sent: Arc<Sent>, quiet: bool) -> Router {
    Router::new()
        .route("/callbacks/{service}", any(callback))
        .route("/devices/{kind}/{value}", get(device))
        .route("/devices/{kind}/{value}/events", get(events))
        .route("/requests/{request_id}", get(request))
        .route(
            "/topics/messages",
            get(|State(shared): State<Shared>| async move { axum::Json(shared.sent.topic_messages()) }),
        )
        .route(
            "/quarantine/messages",
            get(|State(shared): State<Shared>| async move { axum::Json(shared.sent.quarantine_messages()) }),
        )
        .with_state(Shared { listener, sent, quiet })
}

async fn callback(
    State(shared): State<Shared>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return http::StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let received = Received {
        method: head.method,
        source: Some(source.ip()),
        content_type: head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        body,
        received_at: Timestamp::now(),
    };
    let (method, bytes) = (received.method.clone(), received.body.len());
    let response = match registry::service(&name) {
        Some(service) => shared.listener.answer(&service, received).await,
        None => listener::refuse(&received, &Refusal::UnknownService),
    };
    if !shared.quiet {
        println!("{method} /callbacks/{} ({bytes} bytes) ▶ {}", name.escape_debug(), response.status());
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
