//! What recording a callback and redriving a parked one have in common.

use callback::Callback;
use device::{CallbackDelivery, CallbackService, Observation};
use jiff::Timestamp;
use queued_callback::{QueuedCallback, Verification};
use store::{Oversized, Recording, StoreError};
use tokio::time::{Instant, timeout_at};

use crate::answer::Refusal;
use crate::listener::Listener;
use crate::queue::{QueueError, queued};
use crate::request::CallbackRequest;
use crate::verify::Verified;

/// A verified message as it is recorded.
pub(crate) struct MessageToRecord {
    pub(crate) delivery: CallbackDelivery,
    pub(crate) observations: Vec<Observation>,
    /// The account whose credentials the callback carries.
    account: Option<String>,
}

impl MessageToRecord {
    pub(crate) fn new(service: &CallbackService, verified: Verified, received_at: Timestamp) -> Result<Self, Refusal> {
        let delivery = CallbackDelivery::new(service, verified.message(), received_at);
        let account = verified.account().map(str::to_owned);
        Ok(Self { delivery, observations: verified.interpret(service)?, account })
    }

    /// What a queued callback states, of which these parts are not recorded.
    pub(crate) fn verification(&self, parts: Vec<usize>) -> Verification {
        Verification::Verified { parts: Some(parts), account: self.account.clone() }
    }

    /// The parts at these positions, or all.
    pub(crate) fn parts<'a>(
        &'a self,
        positions: Option<&'a [usize]>,
    ) -> impl Iterator<Item = (usize, &'a Observation)> {
        let selected = move |number: &usize| positions.is_none_or(|positions| positions.contains(number));
        self.observations.iter().enumerate().filter(move |(number, _)| selected(number))
    }
}

impl Listener {
    /// Records a parked callback, at its own time of receipt. The deadline should leave time to use a queue.
    ///
    /// # Errors
    ///
    /// Why it is not recorded, or not completely. If the refusal is temporary, a later attempt continues where this one
    /// ended.
    pub async fn redrive(
        &self,
        service: &CallbackService,
        queued: &QueuedCallback,
        deadline: Instant,
    ) -> Result<Recording, Refusal> {
        let callback = Callback::parse(queued.body(), queued.content_type.as_deref())?;
        let (verified, positions) = match &queued.verification {
            Verification::Verified { parts, account } => {
                (Verified::at_receipt(callback, account.clone()), parts.as_deref())
            }
            Verification::Unverified => {
                let verified = timeout_at(deadline, self.verifier.verify(callback)).await;
                (verified.map_err(|_| Refusal::DeadlineExceeded)??, None)
            }
        };
        let message = MessageToRecord::new(service, verified, queued.received_at)?;
        if message.observations.is_empty() {
            return Err(callback::ParseError::NotACallback.into());
        }
        let mut recording = self.store.record(&message.delivery, message.parts(positions), deadline).await;
        if !recording.pending.is_empty() {
            return Err(recording.failure.take().unwrap_or(StoreError::DeadlineExceeded).into());
        }
        // Only now, so that attempts that end early do not quarantine them too.
        let request = CallbackRequest::of_queued(queued);
        self.quarantine_parts(service, &request, &message, &recording.oversized).await?;
        Ok(recording)
    }

    pub(crate) fn count_unknown_members(&self, service: &CallbackService, message: &MessageToRecord) {
        let unknown: usize = message.observations.iter().map(|observation| observation.unknown.len()).sum();
        if unknown > 0 {
            self.metrics.count(service.counted_as, "UnknownMembers", unknown);
        }
    }

    /// Quarantines the message with the positions of those of its parts that are too large for the table.
    pub(crate) async fn quarantine_parts(
        &self,
        service: &CallbackService,
        request: &CallbackRequest,
        message: &MessageToRecord,
        oversized: &[Oversized],
    ) -> Result<(), QueueError> {
        let Some(largest) = oversized.iter().map(|part| part.bytes).max() else { return Ok(()) };
        let parts = oversized.iter().map(|part| part.number).collect();
        let reason = format!(
            "{} parts of up to {largest} bytes do not fit into the table; the rest of the message is recorded or parked.",
            oversized.len()
        );
        let callback = queued(&service.name, request, message.verification(parts), reason);
        self.quarantine.quarantine(&callback).await?;
        self.metrics.count(service.counted_as, "CallbacksQuarantined", 1);
        Ok(())
    }
}
