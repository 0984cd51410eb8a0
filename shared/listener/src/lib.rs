//! What all callback functions share: a request → verified → recorded → answered in the sender's protocol.
//!
//! What a message means is the callback service's own; this crate only carries it to the table. [`serve`] is the whole
//! of a function's main; [`Listener`] is the same without Lambda, for `callbacks local`.

mod addresses;
mod answer;
mod lambda;
mod quarantine;
mod settings;
mod verify;

use std::time::Duration;

use bytes::Bytes;
use callback::{Callback, ParseError};
use device::{CallbackDelivery, CallbackService, Observation};
use http::{Method, Response};
use jiff::Timestamp;
use store::{Recording, Store, Unfit};
use tokio::time::{Instant, timeout_at};

pub use addresses::AllowedAddresses;
pub use answer::{Refusal, refuse};
pub use aws::Metrics;
pub use lambda::{serve, serve_named};
pub use quarantine::Quarantine;
pub use settings::{SettingError, Settings};
pub use verify::{CredentialsSource, Expected, FETCH_AGAIN_AFTER, Verified};

/// The platform sends again when it is not answered within about 4 s, measured; the way there and back needs some.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(2900);

/// What is left of it for the quarantine, when all else took as long as it could.
const QUARANTINE_WITHIN: Duration = Duration::from_millis(300);

/// What is left of the time for recording when nothing is tried again: parts that do not fit are kept after it.
const LAST_TRY_WITHIN: Duration = Duration::from_millis(300);

/// A request as it reached the edge.
#[derive(Debug, Clone)]
pub struct Received {
    /// Only POST is a callback.
    pub method: Method,
    /// Who sent it, where that is known.
    pub source: Option<std::net::IpAddr>,
    /// The header as sent.
    pub content_type: Option<String>,
    /// The body, decoded from the gateway's base64 where it was encoded.
    pub body: Bytes,
    /// When it came in.
    pub received_at: Timestamp,
}

/// Takes callbacks of any service into the table.
#[derive(Debug)]
pub struct Listener {
    /// Where devices and events are kept.
    pub store: Store,
    /// Who may send.
    pub allowed: AllowedAddresses,
    /// What they must know.
    pub credentials: CredentialsSource,
    /// Where bodies go that cannot be taken.
    pub quarantine: Quarantine,
    /// Where counters go.
    pub metrics: Metrics,
    /// How long an answer may take: [`ANSWER_WITHIN`], unless nothing sends again.
    pub answer_within: Duration,
}

/// What became of a request. The answer says less of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the request says, as far as it could be read.
    pub observations: Vec<Observation>,
    /// What was recorded, or why not all of it was.
    pub result: Result<Recording, Refusal>,
}

impl Listener {
    /// Opens the connections that the first callback needs, as far as they can be had.
    pub async fn warm_up(&self) {
        let (store, credentials) = tokio::join!(self.store.warm_up(), self.credentials.warm_up());
        if let Err(error) = store {
            tracing::warn!(message = "The table cannot be read yet.", %error);
        }
        if let Err(error) = credentials {
            tracing::warn!(message = "The credentials cannot be read yet.", %error);
        }
    }

    /// The answer to one request: 200 only when what it says is in the table.
    pub async fn answer(&self, service: &CallbackService, received: Received) -> Response<String> {
        self.answer_and_tell(service, received).await.0
    }

    /// The same, and what became of the request.
    pub async fn answer_and_tell(&self, service: &CallbackService, received: Received) -> (Response<String>, Outcome) {
        let started = Instant::now();
        let deadline = started + self.answer_within;
        let Outcome { observations, result } = self.take(service, &received, deadline).await;
        match result {
            Ok(recording) => {
                let duplicate = recording.recorded == 0;
                let counter = if duplicate { "CallbacksDuplicate" } else { "CallbacksRecorded" };
                self.metrics.count(service.counted_as, counter, 1);
                tracing::info!(
                    message = "Recorded.",
                    service = service.counted_as,
                    duplicate,
                    unfit = recording.unfit.len(),
                    milliseconds = started.elapsed().as_millis()
                );
                (answer::accepted(&received), Outcome { observations, result: Ok(recording) })
            }
            Err(refusal) => {
                let refusal = self.keep(service, &received, refusal, deadline).await;
                self.metrics.count(service.counted_as, refusal.metric(), 1);
                let status = refusal.status().as_u16();
                let cause = std::error::Error::source(&refusal).map(ToString::to_string);
                tracing::warn!(message = "Refused.", service = service.counted_as, status, %refusal, cause);
                (answer::refuse(&received, &refusal), Outcome { observations, result: Err(refusal) })
            }
        }
    }

    async fn take(&self, service: &CallbackService, received: &Received, deadline: Instant) -> Outcome {
        let deadline = deadline.checked_sub(QUARANTINE_WITHIN).unwrap_or(deadline);
        let read = timeout_at(deadline, self.read(service, received)).await.unwrap_or(Err(Refusal::TooSlow));
        let (occasion, observations) = match read {
            Ok(read) => read,
            Err(refusal) => return Outcome { observations: Vec::new(), result: Err(refusal) },
        };
        let recorded = timeout_at(deadline, self.record(service, &occasion, &observations, deadline)).await;
        Outcome { observations, result: recorded.unwrap_or(Err(Refusal::TooSlow)) }
    }

    /// What a request says, once it is verified: only that is recorded.
    async fn read(
        &self,
        service: &CallbackService,
        received: &Received,
    ) -> Result<(CallbackDelivery, Vec<Observation>), Refusal> {
        if !self.allowed.contains(received.source) {
            return Err(Refusal::AddressNotAllowed);
        }
        if received.method != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        let callback = Callback::parse(&received.body, received.content_type.as_deref())?;
        let message = self.credentials.verify(callback).await?.into_message();
        let occasion = CallbackDelivery::new(service, &message, received.received_at);
        Ok((occasion, (service.interpret)(&service.name, message)))
    }

    /// Records all that can be recorded. What no row can hold is kept in the quarantine, by itself: the rest of a message for
    /// many devices does not wait for it.
    async fn record(
        &self,
        service: &CallbackService,
        occasion: &CallbackDelivery,
        observations: &[Observation],
        deadline: Instant,
    ) -> Result<Recording, Refusal> {
        let unknown: usize = observations.iter().map(|observation| observation.unknown.len()).sum();
        if unknown > 0 {
            self.metrics.count(service.counted_as, "UnknownMembers", unknown);
        }
        if observations.is_empty() {
            return Err(Refusal::Unreadable(ParseError::NotACallback));
        }
        let last_try = deadline.checked_sub(LAST_TRY_WITHIN).unwrap_or(deadline);
        let recording = self.store.record(occasion, observations, last_try).await;
        if recording.unfit.len() == observations.len() {
            return Err(Refusal::DoesNotFit);
        }
        self.keep_unfit(service, occasion, observations, &recording.unfit).await?;
        match recording.failure {
            Some(error) => Err(Refusal::StoreUnavailable(error)),
            None => Ok(recording),
        }
    }

    async fn keep_unfit(
        &self,
        service: &CallbackService,
        occasion: &CallbackDelivery,
        observations: &[Observation],
        unfit: &[Unfit],
    ) -> Result<(), Refusal> {
        for (observation, unfit) in unfit.iter().filter_map(|unfit| Some((observations.get(unfit.number)?, unfit))) {
            let kept = self.quarantine.keep_part(occasion, observation, unfit.bytes).await;
            kept.map_err(Refusal::QuarantineUnavailable)?;
            self.metrics.count(service.counted_as, "CallbacksQuarantined", 1);
        }
        Ok(())
    }

    /// Keeps for a person what came from an allowed address and was refused for what it is. Where that cannot be done,
    /// the sender is asked to send again.
    async fn keep(
        &self,
        service: &CallbackService,
        received: &Received,
        refusal: Refusal,
        deadline: Instant,
    ) -> Refusal {
        if !refusal.is_kept() {
            return refusal;
        }
        match timeout_at(deadline, self.quarantine.keep(&service.name, received, &refusal)).await {
            Ok(Ok(())) => {
                self.metrics.count(service.counted_as, "CallbacksQuarantined", 1);
                refusal
            }
            Ok(Err(error)) => Refusal::QuarantineUnavailable(error),
            Err(_) => Refusal::TooSlow,
        }
    }
}
