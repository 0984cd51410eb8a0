//! HTTP requests to the platform, with timeouts, a size limit and retries.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use crate::error::Error;

/// Timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum number of attempts.
const MAX_ATTEMPTS: u32 = 3;

/// Maximum backoff before the second attempt. It doubles for each further attempt.
const INITIAL_BACKOFF: Duration = Duration::from_millis(400);

/// Maximum `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Maximum size of a response, in bytes. A list of all services of an account takes a few kilobytes.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// When a failed request is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After every failure: the request is idempotent.
    Always,
    /// Only if it was not sent: a second login might count as another wrong password.
    IfUnsent,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Lower case, without parameters.
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// A client that does not follow redirects: credentials are for the platform only.
pub(crate) fn client() -> Result<Client, Error> {
    let client = Client::builder().timeout(ATTEMPT_TIMEOUT).connect_timeout(CONNECT_TIMEOUT).redirect(Policy::none());
    client.build().map_err(|error| unreachable(&error))
}

/// Sends a request, with backoff and full jitter between attempts.
pub(crate) async fn send(retry: Retry, request: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
    let mut attempt = 1;
    loop {
        let (error, retry_after, sent) = match request().send().await {
            Ok(response) if is_transient(response.status()) => {
                let reason = format!("it answers {}", response.status());
                (Error::Unreachable(reason), retry_after(response.headers()), true)
            }
            Ok(response) => match read(response).await {
                Err(error @ Error::Unreachable(_)) => (error, None, true),
                read => return read,
            },
            Err(error) => (unreachable(&error), None, !error.is_connect()),
        };
        if attempt == MAX_ATTEMPTS || (sent && retry == Retry::IfUnsent) {
            return Err(error);
        }
        tracing::info!(message = "Retrying a request to the platform.", %error, attempt);
        tokio::time::sleep(retry_after.unwrap_or_else(|| backoff(attempt))).await;
        attempt += 1;
    }
}

/// A path below a URL, with each segment escaped: account names can contain any character.
pub(crate) fn join(address: &Url, path: &[&str]) -> Url {
    let mut url = address.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Whether the platform or its gateway is temporarily unavailable.
fn is_transient(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

async fn read(mut response: Response) -> Result<Answer, Error> {
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let unexpected = |reason| Error::UnexpectedResponse { status: status.as_u16(), reason };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(unexpected("with a larger body than its API returns"));
        }
        body.extend_from_slice(&chunk);
    }
    let body = String::from_utf8(body).map_err(|_| unexpected("with a body that is not text"))?;
    Ok(Answer { status, content_type, body })
}

/// The `Retry-After` header, in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Exponential backoff with full jitter: callers that failed together do not retry together.
fn backoff(attempt: u32) -> Duration {
    INITIAL_BACKOFF.saturating_mul(1 << (attempt - 1).min(8)).mul_f64(fastrand::f64())
}

/// The innermost cause and the origin. The path is omitted, since it contains the account name.
fn unreachable(error: &reqwest::Error) -> Error {
    let from = error.url().map(|url| format!(" from {}", url.origin().ascii_serialization())).unwrap_or_default();
    if error.is_timeout() {
        return Error::Unreachable(format!("no answer{from} within {} s", ATTEMPT_TIMEOUT.as_secs()));
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Error::Unreachable(format!("no answer{from}: {innermost}"))
}
