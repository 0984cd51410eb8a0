//! The REST API of ThingSpace: sessions, callback registrations and the request of queued text messages.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::gateway::{Admitted, is, no_resource};
use super::random::token;
use super::rules::{Api, Credentials, Fault, Listener, Registration};
use super::simulator::Simulator;
use super::sms;

pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/api/m2m/v1/session/login", post(log_in))
        .route("/api/m2m/v1/session/logout", post(log_out))
        .route("/api/m2m/v1/callbacks/{account}", get(list).post(register))
        .route("/api/m2m/v1/callbacks/{account}/name/{service}", delete(deregister))
        .route("/api/m2m/v1/sms/{account}/startCallbacks", put(start_sms))
        .method_not_allowed_fallback(no_resource)
}

/// The error object of this API.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let code = format!("UnifiedWebService.{}", self.code());
        let body = json!({ "errorCode": code, "errorMessage": self.to_string() });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

/// The session token, not validated yet.
struct Session(String);

impl FromRequestParts<Arc<Simulator>> for Session {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Simulator>) -> Result<Self, Fault> {
        let token = parts.headers.get("VZ-M2M-Token").and_then(|value| value.to_str().ok());
        token.map(|token| Self(token.to_owned())).ok_or(Fault::SessionInvalid)
    }
}

/// A JSON body with the right content type.
struct JsonBody<T>(T);

impl<T: DeserializeOwned> FromRequest<Arc<Simulator>> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, simulator: &Arc<Simulator>) -> Result<Self, Fault> {
        if !is(request.headers(), &CONTENT_TYPE, "application/json") {
            return Err(Fault::RequestUndefined);
        }
        let bytes = Bytes::from_request(request, simulator).await.map_err(|_| Fault::DeserializationFailed)?;
        if bytes.is_empty() {
            return Err(Fault::RequestUndefined);
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|_| Fault::DeserializationFailed)
    }
}

#[derive(Deserialize)]
struct LogIn {
    username: Option<String>,
    password: Option<String>,
}

async fn log_in(
    _: Admitted,
    State(simulator): State<Arc<Simulator>>,
    JsonBody(LogIn { username, password }): JsonBody<LogIn>,
) -> Result<Json<Value>, Fault> {
    let login = Credentials::new(username.unwrap_or_default(), password.unwrap_or_default());
    let session = simulator.rules().log_in(&login, token(), Timestamp::now())?;
    Ok(Json(json!({ "sessionToken": session })))
}

async fn log_out(
    _: Admitted,
    State(simulator): State<Arc<Simulator>>,
    Session(session): Session,
) -> Result<Json<Value>, Fault> {
    simulator.rules().log_out(&session, Timestamp::now())?;
    Ok(Json(json!({ "sessionToken": session })))
}

async fn list(
    _: Admitted,
    State(simulator): State<Arc<Simulator>>,
    Session(session): Session,
    Path(account): Path<String>,
) -> Result<Json<Vec<Value>>, Fault> {
    let registrations = simulator.rules().list(&session, Api::Rest, &account, Timestamp::now())?;
    let entry = |Registration { account, service, url, credentials, .. }| {
        json!({
            "accountName": account,
            "serviceName": service,
            "url": url,
            "username": credentials.username,
            "password": credentials.password,
        })
    };
    Ok(Json(registrations.into_iter().map(entry).collect()))
}

#[derive(Deserialize)]
struct Register {
    name: Option<String>,
    url: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

async fn register(
    _: Admitted,
    State(simulator): State<Arc<Simulator>>,
    Session(session): Session,
    Path(account): Path<String>,
    JsonBody(Register { name, url, username, password }): JsonBody<Register>,
) -> Result<Json<Value>, Fault> {
    let listener = Listener {
        account: account.clone(),
        service: name.ok_or(Fault::ServiceName)?,
        url: url.ok_or(Fault::Url)?,
        credentials: Credentials::new(username.unwrap_or_default(), password.unwrap_or_default()),
    };
    let service = listener.service.clone();
    simulator.register(&session, Api::Rest, listener)?;
    Ok(done(&account, &service))
}

async fn deregister(
    _: Admitted,
    State(simulator): State<Arc<Simulator>>,
    Session(session): Session,
    Path((account, service)): Path<(String, String)>,
) -> Result<Json<Value>, Fault> {
    let service = simulator.deregister(&session, Api::Rest, &account, &service)?;
    Ok(done(&account, &service))
}

/// The request has no body, so it needs no content type.
async fn start_sms(
    _: Admitted,
    State(simulator): State<Arc<Simulator>>,
    Session(session): Session,
    Path(account): Path<String>,
) -> Result<Json<Value>, Fault> {
    sms::start(&simulator, &session, Api::Rest, &account)?;
    Ok(Json(json!({ "success": true })))
}

fn done(account: &str, service: &str) -> Json<Value> {
    Json(json!({ "accountName": account, "serviceName": service }))
}
