//! The path of a callback inside a function, from the request to the answer.

use std::time::Duration;

use aws::Metrics;
use callback::{Callback, ParseError};
use device::{CallbackService, Observation};
use http::{Method, Response};
use queued_callback::Verification;
use store::{Recording, Store, StoreError};
use tokio::time::{Instant, timeout, timeout_at};

use crate::addresses::AllowedAddresses;
use crate::answer::{Refusal, accept, refuse};
use crate::queue::{CallbackQueue, queued};
use crate::record::MessageToRecord;
use crate::request::CallbackRequest;
use crate::verify::{Verified, Verifier};

/// Callbacks are answered within this time. The platform resends one that is not answered within about 4 s (measured);
/// the rest is for the network.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(2900);

/// Part of the timeout that is reserved for a queue, if the callback cannot be recorded.
const QUEUE_RESERVE: Duration = Duration::from_millis(900);

/// Minimum time for an answer, however long the sender has waited for the function to start: enough to use a queue.
const MIN_ANSWER_TIMEOUT: Duration = Duration::from_millis(1200);

/// Limit of the warm-up. The first callback may be waiting for it, and must be answered or parked in time.
const WARM_UP_TIMEOUT: Duration = Duration::from_millis(900);

/// Maximum time to find out whether a refused address is a new one of the platform. Such a callback is never parked.
const ADDRESS_REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Records the callbacks of any service.
#[derive(Debug)]
pub struct Listener {
    /// Devices and events.
    pub store: Store,
    /// The allowlist of source addresses.
    pub allowed: AllowedAddresses,
    /// The required credentials.
    pub verifier: Verifier,
    /// Where callbacks wait that cannot be recorded now.
    pub parked: CallbackQueue,
    /// Where callbacks are kept that a person must decide about.
    pub quarantine: CallbackQueue,
    /// Counters.
    pub metrics: Metrics,
    /// [`ANSWER_TIMEOUT`], or longer for senders that do not resend.
    pub answer_timeout: Duration,
}

/// The result of a request, in more detail than the HTTP answer.
#[derive(Debug)]
pub struct Outcome {
    /// The observations in the request, empty if it could not be interpreted.
    pub observations: Vec<Observation>,
    /// What became of it, or why it was refused.
    pub result: Result<Accepted, Refusal>,
}

/// A callback that is answered with 200: everything in it is in the table or in a queue.
#[derive(Debug)]
pub struct Accepted {
    /// What is in the table.
    pub recording: Recording,
    /// Why the rest was parked; `None` if nothing was.
    pub parked: Option<Refusal>,
}

impl Listener {
    /// Opens the connections that the first callback needs. Failures are only logged: the first callback connects
    /// itself.
    pub async fn warm_up(&self) {
        let connected = async { tokio::join!(self.store.warm_up(), self.verifier.warm_up(), self.parked.warm_up()) };
        let Ok((store, verifier, queue)) = timeout(WARM_UP_TIMEOUT, connected).await else {
            tracing::warn!(message = "The warm-up has timed out.");
            return;
        };
        if let Err(error) = store {
            tracing::warn!(message = "Cannot read the table during warm-up.", %error);
        }
        if let Err(error) = verifier {
            tracing::warn!(message = "Cannot read the callback credentials during warm-up.", %error);
        }
        if let Err(error) = queue {
            tracing::warn!(message = "Cannot reach the queue of parked callbacks during warm-up.", %error);
        }
    }

    /// The answer to a request: 200 only after everything in it is in the table or in a queue.
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
        let remaining = self.answer_timeout.saturating_sub(request.waited).max(MIN_ANSWER_TIMEOUT);
        let deadline = started + remaining.min(self.answer_timeout);
        let Outcome { observations, result } = self.process(service, &request, deadline).await;
        match result {
            Ok(accepted) => {
                self.report(service, &accepted, started);
                (accept(&request), Outcome { observations, result: Ok(accepted) })
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

    fn report(&self, service: &CallbackService, Accepted { recording, parked }: &Accepted, started: Instant) {
        let service = service.counted_as;
        let milliseconds = started.elapsed().as_millis();
        let oversized = recording.oversized.len();
        match parked {
            Some(reason) => {
                let cause = std::error::Error::source(reason).map(ToString::to_string);
                self.metrics.count(service, "CallbacksParked", 1);
                tracing::warn!(message = "Callback parked.", service, recorded = recording.recorded, milliseconds, %reason, cause);
            }
            None => {
                let duplicate = recording.recorded == 0;
                let counter = if duplicate { "CallbacksDuplicate" } else { "CallbacksRecorded" };
                self.metrics.count(service, counter, 1);
                tracing::info!(message = "Callback recorded.", service, duplicate, oversized, milliseconds);
            }
        }
    }

    async fn process(&self, service: &CallbackService, request: &CallbackRequest, deadline: Instant) -> Outcome {
        let record_until = deadline.checked_sub(QUEUE_RESERVE).unwrap_or(deadline);
        let verified = timeout_at(record_until, self.read(service, request)).await;
        let verified = verified.unwrap_or(Err(Refusal::DeadlineExceeded));
        let message = match verified.and_then(|verified| MessageToRecord::new(service, verified, request.received_at)) {
            Ok(message) => message,
            Err(refusal) if refusal.is_temporary() => {
                let recording = Recording::default();
                let result = self.park(service, request, Verification::Unverified, refusal, recording, deadline).await;
                return Outcome { observations: Vec::new(), result };
            }
            Err(refusal) => return Outcome { observations: Vec::new(), result: Err(refusal) },
        };
        let result = self.record_or_park(service, request, &message, record_until, deadline).await;
        Outcome { observations: message.observations, result }
    }

    /// Parses and verifies a request.
    async fn read(&self, service: &CallbackService, request: &CallbackRequest) -> Result<Verified, Refusal> {
        if !self.allowed.contains(request.source) {
            return Err(self.refuse_address(service, request).await);
        }
        if request.method != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        let callback = Callback::parse(&request.body, request.content_type.as_deref())?;
        Ok(self.verifier.verify(callback).await?)
    }

    /// Refuses an address that is not allowed. If the callback carries the user name of the stack, the platform may have a
    /// new address: that is counted, and kept if the password is right too. Whoever guesses learns nothing.
    async fn refuse_address(&self, service: &CallbackService, request: &CallbackRequest) -> Refusal {
        let Ok(callback) = Callback::parse(&request.body, request.content_type.as_deref()) else {
            return Refusal::AddressNotAllowed;
        };
        match timeout(ADDRESS_REFUSAL_TIMEOUT, self.verifier.compare(&callback.credentials)).await {
            Ok(Ok(compared)) if compared.is_known_user => {
                self.metrics.count(service.counted_as, "CallbacksFromNewAddress", 1);
                let (service, address, genuine) = (service.counted_as, request.source, compared.account.is_some());
                tracing::warn!(
                    message = "A callback with the stack's user name comes from an address that is not allowed.",
                    service,
                    ?address,
                    genuine
                );
                if genuine { Refusal::NewAddress } else { Refusal::AddressNotAllowed }
            }
            _ => Refusal::AddressNotAllowed,
        }
    }

    /// Records every part that fits into a row, quarantines the others, so that one part does not fail a message for
    /// many devices, and parks what is not recorded in time.
    async fn record_or_park(
        &self,
        service: &CallbackService,
        request: &CallbackRequest,
        message: &MessageToRecord,
        record_until: Instant,
        deadline: Instant,
    ) -> Result<Accepted, Refusal> {
        self.count_unknown_members(service, message);
        if message.observations.is_empty() {
            return Err(ParseError::NotACallback.into());
        }
        let mut recording = self.store.record(&message.delivery, message.parts(None), record_until).await;
        if recording.oversized.len() == message.observations.len() {
            return Err(Refusal::TooLarge);
        }
        let quarantined =
            timeout_at(deadline, self.quarantine_parts(service, request, message, &recording.oversized)).await;
        if !matches!(quarantined, Ok(Ok(()))) {
            recording.pending.extend(recording.oversized.drain(..).map(|part| part.number));
        }
        if recording.pending.is_empty() {
            return Ok(Accepted { recording, parked: None });
        }
        let parts = message.verification(recording.pending.clone());
        let reason = recording.failure.take().unwrap_or(StoreError::DeadlineExceeded).into();
        self.park(service, request, parts, reason, recording, deadline).await
    }

    /// Parks a callback, or what is left to record of it. If the queue does not accept it, it is refused for the reason
    /// for which it was to be parked.
    async fn park(
        &self,
        service: &CallbackService,
        request: &CallbackRequest,
        verification: Verification,
        reason: Refusal,
        recording: Recording,
        deadline: Instant,
    ) -> Result<Accepted, Refusal> {
        let callback = queued(&service.name, request, verification, reason.to_string());
        match timeout_at(deadline, self.parked.park(&callback)).await {
            Ok(Ok(())) => return Ok(Accepted { recording, parked: Some(reason) }),
            Ok(Err(error)) => {
                tracing::error!(message = "Cannot park the callback.", service = service.counted_as, %error);
            }
            Err(_) => tracing::error!(message = "Cannot park the callback in time.", service = service.counted_as),
        }
        Err(reason)
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
        let callback = queued(&service.name, request, Verification::Unverified, refusal.to_string());
        match timeout_at(deadline, self.quarantine.quarantine(&callback)).await {
            Ok(Ok(())) => {
                self.metrics.count(service.counted_as, "CallbacksQuarantined", 1);
                refusal
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Refusal::DeadlineExceeded,
        }
    }
}
