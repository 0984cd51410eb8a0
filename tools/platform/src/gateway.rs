//! The gateway in front of the REST API: OAuth tokens, and the gateway's own faults.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::random::token;
use super::rules::Credentials;
use super::simulator::Simulator;

pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new().route("/api/ts/v1/oauth2/token", post(oauth))
}

/// `POST …/oauth2/token`, client credentials.
async fn oauth(State(simulator): State<Arc<Simulator>>, headers: HeaderMap, body: String) -> Response {
    if !is(&headers, &CONTENT_TYPE, "application/x-www-form-urlencoded") {
        return refused(StatusCode::BAD_REQUEST, "invalid_request", "The request is not a form");
    }
    let grant_type = form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "grant_type");
    if grant_type.is_none_or(|(_, grant_type)| grant_type != "client_credentials") {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Unsupported grant_type value");
    }
    let now = Timestamp::now();
    let granted = basic(&headers).map(|application| simulator.rules().token(&application, token(), now));
    let Some(Ok(granted)) = granted else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed");
    };
    let body = json!({
        "access_token": granted.value,
        "token_type": "Bearer",
        "expires_in": granted.expires.duration_since(now).as_secs(),
        "scope": "ts.application.ro",
    });
    ([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    (status, axum::Json(json!({ "error": error, "error_description": description }))).into_response()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a header has this media type, with any parameters.
pub(super) fn is(headers: &HeaderMap, name: &HeaderName, media_type: &str) -> bool {
    let given = text(headers, name).and_then(|given| given.split(';').next());
    given.is_some_and(|given| given.trim().eq_ignore_ascii_case(media_type))
}

fn basic(headers: &HeaderMap) -> Option<Credentials> {
    let encoded = text(headers, &AUTHORIZATION)?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (key, secret) = decoded.split_once(':')?;
    Some(Credentials::new(key, secret))
}

/// A request with a valid OAuth token, which every resource of the REST API requires.
pub(super) struct Admitted;

impl FromRequestParts<Arc<Simulator>> for Admitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, simulator: &Arc<Simulator>) -> Result<Self, Response> {
        let bearer = text(&parts.headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(bearer) if simulator.rules().admits(bearer, Timestamp::now()) => Ok(Self),
            Some(_) => Err(INVALID.answer(&parts.headers)),
            None => Err(MISSING.answer(&parts.headers)),
        }
    }
}

/// Any other resource below `/api`.
pub(super) async fn no_resource(headers: HeaderMap) -> Response {
    NO_RESOURCE.answer(&headers)
}

/// A fault of the gateway.
struct GatewayFault {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    description: &'static str,
}

const INVALID: GatewayFault = GatewayFault {
    status: StatusCode::UNAUTHORIZED,
    code: "900901",
    message: "Invalid Credentials",
    description: "Access failure. Make sure you have given the correct access token",
};
const MISSING: GatewayFault = GatewayFault {
    status: StatusCode::UNAUTHORIZED,
    code: "900902",
    message: "Missing Credentials",
    description: "Required OAuth credentials not provided. Make sure your API invocation call has a header: \
                  \"Authorization: Bearer ACCESS_TOKEN\"",
};
const NO_RESOURCE: GatewayFault = GatewayFault {
    status: StatusCode::NOT_FOUND,
    code: "900906",
    message: "No matching resource found in the API for the given request",
    description: "Access failure. Check the API documentation and the HTTP method",
};

impl GatewayFault {
    /// JSON, or XML if the `Accept` header requests it.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let Self { status, code, message, description } = *self;
        if !text(headers, &ACCEPT).is_some_and(|accept| accept.contains("xml")) {
            let fault = json!({ "fault": { "code": code, "message": message, "description": description } });
            return (status, axum::Json(fault)).into_response();
        }
        let description = quick_xml::escape::escape(description);
        let fault = format!(
            "<am:fault xmlns:am=\"http://wso2.org/apimanager\"><am:code>{code}</am:code>\
             <am:message>{message}</am:message><am:description>{description}</am:description></am:fault>"
        );
        (status, [(CONTENT_TYPE, "application/xml; charset=UTF-8")], fault).into_response()
    }
}
