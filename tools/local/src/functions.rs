//! Lambda's `Invoke` for the publisher, which `callbacks events` calls.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use change_publisher::Publisher;
use http::StatusCode;

/// The function's name.
pub(super) const PUBLISHER: &str = "change-publisher";

/// Lambda accepts 6 MB.
const MAX_BYTES: usize = 6_000_000;

pub(super) fn app(publisher: Publisher) -> Router {
    let router = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke));
    router.layer(DefaultBodyLimit::max(MAX_BYTES)).with_state(publisher)
}

async fn invoke(State(publisher): State<Publisher>, Path(name): Path<String>, body: Bytes) -> Response {
    if name != PUBLISHER {
        return StatusCode::NOT_FOUND.into_response();
    }
    match serde_json::from_slice(&body) {
        Ok(invocation) => match publisher.publish(invocation).await {
            Ok(response) => Json(response).into_response(),
            Err(error) => function_error(&error.to_string()),
        },
        Err(error) => function_error(&error.to_string()),
    }
}

/// Lambda answers 200 to a function that fails.
fn function_error(text: &str) -> Response {
    ([("x-amz-function-error", "Unhandled")], Json(serde_json::json!({ "errorMessage": text }))).into_response()
}
