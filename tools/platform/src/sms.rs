//! The queue of text messages (SMS): `send` adds those that it cannot deliver, and a request of either API sends them
//! again.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;

use super::rules::{Api, Fault, QueuedSms, Registration};
use super::send::send_again;
use super::simulator::Simulator;

/// Maximum number of queued messages in flight.
const MAX_IN_FLIGHT: usize = 16;

/// The queue of all accounts, for tests and for `send`. The real platform has no such resource.
pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new().route("/_platform/sms", get(list).post(add)).layer(DefaultBodyLimit::disable())
}

async fn list(State(simulator): State<Arc<Simulator>>) -> Json<Vec<QueuedSms>> {
    Json(simulator.rules().book.sms.clone())
}

async fn add(State(simulator): State<Arc<Simulator>>, Json(messages): Json<Vec<QueuedSms>>) -> Result<(), Fault> {
    simulator.queue_sms(messages)
}

/// Starts to send the queued messages of an account, in any order. The request does not wait for them.
pub(super) fn start(simulator: &Arc<Simulator>, session: &str, api: Api, account: &str) -> Result<(), Fault> {
    let Some((listener, mut messages)) = simulator.start_sms(session, api, account)? else { return Ok(()) };
    fastrand::shuffle(&mut messages);
    let simulator = Arc::clone(simulator);
    tokio::spawn(async move {
        let (simulator, listener) = (&simulator, &listener);
        let each = |sms: QueuedSms| async move { deliver(simulator, listener, &sms).await };
        stream::iter(messages).for_each_concurrent(MAX_IN_FLIGHT, each).await;
    });
    Ok(())
}

async fn deliver(simulator: &Simulator, listener: &Registration, sms: &QueuedSms) {
    let (acknowledged, line) = match send_again(simulator.client.clone(), listener, sms).await {
        Ok((acknowledged, sent)) => (acknowledged, sent.to_string()),
        Err(error) => (false, format!("send again {} ▶ {error:#}", sms.file)),
    };
    simulator.finish_sms(&sms.id, acknowledged);
    simulator.print(Timestamp::now(), &line);
}
