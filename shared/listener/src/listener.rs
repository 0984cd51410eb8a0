//! The path of a callback inside a function, from the request to the answer.

use std::time::Duration;

use aws::Metrics;
use callback::{Callback, ParseError};
use device::{CallbackDelivery, CallbackService, Observation};
use http::{Method, Response};
use store::{Oversized, Recording, Store};
use tokio::time::{Instant, timeout_at};

use crate::addresses::AllowedAddresses;
use crate::answer::{Refusal, accept, refuse};
use crate::quarantine::Quarantine;
use crate::request::CallbackRequest;
use crate::verify::Verifier;

/// Callbacks are answered within this time. The platform resends one that is not answered within about 4 s (measured);
/// the rest is for the network.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(2900);

/// Part of the timeout that is reserved for sending to the quarantine.
const QUARANTINE_RESERVE: Duration = Duration::from_millis(300);

/// Part of the timeout in which nothing is retried, reserved for quarantining oversized parts.
const FINAL_ATTEMPT_RESERVE: Duration = Duration::from_millis(300);

/// Records the callbacks of any service.
#[derive(Debug)]
pub struct Listener {
    /// Devices and events.
    pub store: Store,
    /// The allowlist of source addresses.
    pub allowed: AllowedAddresses,
    /// The required credentials.
    pub verifier: Verifier,
    /// Where rejected callbacks are kept.
    pub quarantine: Quarantine,
    /// Counters.
    pub metrics: Metrics,
    /// [`ANSWER_TIMEOUT`], or longer for senders that do not resend.
    pub answer_timeout: Duration,
}

/// The result of a request, in more detail than the HTTP answer.
#[derive(Debug)]
pub struct Outcome {
    /// The observations in the request, empty if it was refused before it could be interpreted.
    pub observations: Vec<Observation>,
    /// What was recorded, or why not everything was.
    pub result: Result<Recording, Refusal>,
}

impl Listener {
    /// Opens the connections that the first callback needs. Failures are only logged: the first callback connects
    /// itself.
    pub async fn warm_up(&self) {
        let (store, verifier) = tokio::join!(self.store.warm_up(), self.verifier.warm_up());
        if let Err(error) = store {
            tracing::warn!(message = "Cannot read the table during warm-up.", %error);
        }
        if let Err(error) = verifier {
            tracing::warn!(message = "Cannot read the callback credentials during warm-up.", %error);
        }
    }

    /// The answer to a request: 200 only after everything in it was committed to the table.
    pub async fn answer(&self, service: &CallbackService, request: CallbackRequest) -> Response<String> {
        self.answer_with_outcome(service, request).await.0
    }

    /// Like [`Listener::answer`], with details for a person to read.
    pub async fn answer_with_outcome(
        &self,
        service: &CallbackService,
        request: CallbackRequest,
    ) -> (Response<String>, Outcome) {
        let started = Instant::now();
        let deadline = started + self.answer_timeout;
        let Outcome { observations, result } = self.process(service, &request, deadline).await;
        match result {
            Ok(recording) => {
                let duplicate = recording.recorded == 0;
                let counter = if duplicate { "CallbacksDuplicate" } else { "CallbacksRecorded" };
                self.metrics.count(service.counted_as, counter, 1);
                tracing::info!(
                    message = "Callback recorded.",
                    service = service.counted_as,
                    duplicate,
                    oversized = recording.oversized.len(),
                    milliseconds = started.elapsed().as_millis()
                );
                (accept(&request), Outcome { observations, result: Ok(recording) })
            }
            Err(refusal) => {
                let refusal = self.quarantine_if_genuine(service, &request, refusal, deadline).await;
                self.metrics.count(service.counted_as, refusal.metric(), 1);
                let status = refusal.status().as_u16();
                let cause = std::error::Error::source(&refusal).map(ToString::to_string);
                tracing::warn!(message = "Callback refused.", service = service.counted_as, status, %refusal, cause);
                (refuse(&request, &refusal), Outcome { observations, result: Err(refusal) })
            }
        }
    }

    async fn process(&self, service: &CallbackService, request: &CallbackRequest, deadline: Instant) -> Outcome {
        let deadline = deadline.checked_sub(QUARANTINE_RESERVE).unwrap_or(deadline);
        let read = timeout_at(deadline, self.read(service, request)).await.unwrap_or(Err(Refusal::DeadlineExceeded));
        let (delivery, observations) = match read {
            Ok(read) => read,
            Err(refusal) => return Outcome { observations: Vec::new(), result: Err(refusal) },
        };
        let recorded = timeout_at(deadline, self.record(service, &delivery, &observations, deadline)).await;
        Outcome { observations, result: recorded.unwrap_or(Err(Refusal::DeadlineExceeded)) }
    }

    /// Parses, verifies and interprets a request.
    async fn read(
        &self,
        service: &CallbackService,
        request: &CallbackRequest,
    ) -> Result<(CallbackDelivery, Vec<Observation>), Refusal> {
        if !self.allowed.contains(request.source) {
            return Err(Refusal::AddressNotAllowed);
        }
        if request.method != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        let callback = Callback::parse(&request.body, request.content_type.as_deref())?;
        let verified = self.verifier.verify(callback).await?;
        let delivery = CallbackDelivery::new(service, verified.message(), request.received_at);
        Ok((delivery, verified.interpret(service)?))
    }

    /// Records every observation that fits into a row and quarantines the others one by one, so that one part does not
    /// fail a message for many devices.
    async fn record(
        &self,
        service: &CallbackService,
        delivery: &CallbackDelivery,
        observations: &[Observation],
        deadline: Instant,
    ) -> Result<Recording, Refusal> {
        let unknown: usize = observations.iter().map(|observation| observation.unknown.len()).sum();
        if unknown > 0 {
            self.metrics.count(service.counted_as, "UnknownMembers", unknown);
        }
        if observations.is_empty() {
            return Err(ParseError::NotACallback.into());
        }
        let retry_until = deadline.checked_sub(FINAL_ATTEMPT_RESERVE).unwrap_or(deadline);
        let recording = self.store.record(delivery, observations, retry_until).await;
        if recording.oversized.len() == observations.len() {
            return Err(Refusal::TooLarge);
        }
        self.quarantine_parts(service, delivery, observations, &recording.oversized).await?;
        match recording.failure {
            Some(error) => Err(error.into()),
            None => Ok(recording),
        }
    }

    async fn quarantine_parts(
        &self,
        service: &CallbackService,
        delivery: &CallbackDelivery,
        observations: &[Observation],
        oversized: &[Oversized],
    ) -> Result<(), Refusal> {
        for Oversized { number, bytes } in oversized {
            if let Some(observation) = observations.get(*number) {
                self.quarantine.add_part(delivery, observation, *bytes).await?;
                self.metrics.count(service.counted_as, "CallbacksQuarantined", 1);
            }
        }
        Ok(())
    }

    /// Quarantines a refused callback that may be genuine. If that fails, the answer is 503, so that the sender resends
    /// it.
    async fn quarantine_if_genuine(
        &self,
        service: &CallbackService,
        request: &CallbackRequest,
        refusal: Refusal,
        deadline: Instant,
    ) -> Refusal {
        if !refusal.may_be_genuine() {
            return refusal;
        }
        match timeout_at(deadline, self.quarantine.add(&service.name, request, &refusal.to_string())).await {
            Ok(Ok(())) => {
                self.metrics.count(service.counted_as, "CallbacksQuarantined", 1);
                refusal
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Refusal::DeadlineExceeded,
        }
    }
}
