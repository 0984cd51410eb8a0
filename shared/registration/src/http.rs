//! One HTTP exchange with the platform: bounded in time and size, tried again where that does no harm.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use crate::Error;

/// How long one try may take.
const TRY_WITHIN: Duration = Duration::from_secs(10);

/// How long until somebody is there.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How often a request is sent at most.
const TRIES: u32 = 3;

/// The pause before the second try lasts up to this, that before each further one up to twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// The longest pause that the platform can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The largest answer that is read, in bytes: a list of all services of an account takes some kilobytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// When a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Whatever became of it: twice is as good as once.
    Always,
    /// Only when it has not reached the platform: a login that is tried again may count as wrong once more.
    Unsent,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Lower case, without parameters.
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// A client that follows no redirection: what it sends is for the platform alone.
pub(crate) fn client() -> Result<Client, Error> {
    let client = Client::builder().timeout(TRY_WITHIN).connect_timeout(CONNECT_WITHIN).redirect(Policy::none());
    client.build().map_err(|error| unreachable(&error))
}

/// Sends a request until it is answered.
pub(crate) async fn send(again: Again, request: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
    let mut tried = 1;
    loop {
        let (trouble, pause, sent) = match request().send().await {
            Ok(response) if is_passing(response.status()) => {
                let why = format!("it answers {}", response.status());
                (Error::Unreachable(why), asked_pause(response.headers()), true)
            }
            Ok(response) => match read(response).await {
                Err(error @ Error::Unreachable(_)) => (error, None, true),
                read => return read,
            },
            Err(error) => (unreachable(&error), None, !error.is_connect()),
        };
        if tried == TRIES || (sent && again == Again::Unsent) {
            return Err(trouble);
        }
        tracing::info!(message = "The platform is asked again.", %trouble, tried);
        tokio::time::sleep(pause.unwrap_or_else(|| jittered(tried))).await;
        tried += 1;
    }
}

/// The platform, or what stands before it, has no time now.
fn is_passing(status: StatusCode) -> bool {
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
    let not_understood = |why| Error::NotUnderstood { status: status.as_u16(), why };
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err(not_understood("with more than its API would say"));
        }
        body.extend_from_slice(&piece);
    }
    let body = String::from_utf8(body).map_err(|_| not_understood("with what is no text"))?;
    Ok(Answer { status, content_type, body })
}

/// The pause that the platform asks for, in seconds.
fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// Anything up to a bound that doubles: callers that failed together do not come back together.
fn jittered(tried: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << (tried - 1).min(8)).mul_f64(fastrand::f64())
}

/// The innermost reason, and whom it is about. The path is left out: it names the account.
fn unreachable(error: &reqwest::Error) -> Error {
    let from = error.url().map(|url| format!(" from {}", url.origin().ascii_serialization())).unwrap_or_default();
    if error.is_timeout() {
        return Error::Unreachable(format!("no answer{from} within {} s", TRY_WITHIN.as_secs()));
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Error::Unreachable(format!("no answer{from}: {innermost}"))
}
