//! The result of a run, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::Outcome;
use super::plan::Planned;
use crate::rules::Api;

/// Maximum number of unacknowledged messages that are listed. Further ones are only counted.
const MAX_LISTED: usize = 1000;

/// The result of a run.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Messages that were sent.
    pub messages: u64,
    /// How many of them were sent a second time as a duplicate.
    pub duplicates: u64,
    /// Messages that were replaced by rubbish.
    pub rubbish: u64,
    /// How many of them were not acknowledged.
    pub rubbish_refused: u64,
    /// Messages that were not sent because their service was no longer registered.
    pub not_registered: u64,
    /// Messages and duplicates that carried the credentials from before the last re-registration.
    pub former_credentials: u64,
    /// Messages that were still in flight when the run was interrupted.
    pub interrupted: u64,
    /// Requests, with all resends.
    pub attempts: u64,
    /// Messages and duplicates that were acknowledged.
    pub acknowledged: u64,
    /// The number of answers with each status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub unanswered: u64,
    /// The latency of answers, if there were any.
    pub answer_times: Option<AnswerTimes>,
    /// Messages and duplicates that were never acknowledged.
    pub given_up: u64,
    /// How many text messages from devices the platform has queued, until it is requested to send them.
    pub queued: u64,
    /// The first thousand of the unacknowledged messages.
    pub unacknowledged: Vec<Unacknowledged>,
    #[serde(skip)]
    times: Vec<Duration>,
}

/// The latency of answers, in milliseconds.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct AnswerTimes {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The maximum.
    pub max: f64,
}

/// A message that was never acknowledged.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unacknowledged {
    /// The callback service.
    pub service: String,
    /// The transport.
    pub transport: Api,
    /// The sample file.
    pub message: String,
    /// The request id, if the message has one.
    pub request_id: Option<String>,
    /// The last answer, if there was one.
    pub last_status: Option<u16>,
}

/// A sent message, as the simulator prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// When the last answer was received.
    pub at: Timestamp,
    service: String,
    transport: Api,
    message: String,
    statuses: Vec<Option<u16>>,
    acknowledged: bool,
}

impl Sent {
    pub(super) fn new(planned: &Planned, outcome: &Outcome) -> Self {
        let sample = &planned.sample;
        Self {
            at: Timestamp::now(),
            service: sample.service.clone(),
            transport: sample.template.transport,
            message: sample.file.clone(),
            statuses: outcome.attempts.iter().map(|(status, _)| *status).collect(),
            acknowledged: outcome.acknowledged,
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, transport, message, statuses, acknowledged, .. } = self;
        let status = |status: &Option<u16>| status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let statuses: Vec<_> = statuses.iter().map(status).collect();
        let result = if *acknowledged { "acknowledged" } else { "given up" };
        write!(formatter, "{transport} send {service} ({message}) ▶ {} {result}", statuses.join(", "))
    }
}

impl Report {
    pub(super) fn add(&mut self, planned: &Planned, outcome: Outcome) {
        if planned.rubbish.is_some() {
            self.rubbish += 1;
        } else if planned.duplicate {
            self.duplicates += 1;
        } else {
            self.messages += 1;
        }
        self.attempts += outcome.attempts.len() as u64;
        for (status, took) in outcome.attempts {
            match status {
                Some(status) => {
                    *self.statuses.entry(status).or_default() += 1;
                    self.times.push(took);
                }
                None => self.unanswered += 1,
            }
        }
        if planned.rubbish.is_some() {
            self.rubbish_refused += u64::from(!outcome.acknowledged);
            return;
        }
        if outcome.acknowledged {
            self.acknowledged += 1;
            return;
        }
        self.given_up += 1;
        if self.unacknowledged.len() >= MAX_LISTED {
            return;
        }
        let sample = &planned.sample;
        self.unacknowledged.push(Unacknowledged {
            service: sample.service.clone(),
            transport: sample.template.transport,
            message: sample.file.clone(),
            request_id: sample.template.has_request_id().then(|| planned.request_id.clone()),
            last_status: outcome.last_status,
        });
    }

    pub(super) fn finish(mut self) -> Self {
        self.times.sort_unstable();
        let times = &self.times;
        let at = |share: usize| {
            let place = (times.len() * share).div_ceil(100).saturating_sub(1);
            times.get(place).map(|time| (time.as_secs_f64() * 10_000.0).round() / 10.0)
        };
        self.answer_times = at(50).zip(at(99)).zip(at(100)).map(|((p50, p99), max)| AnswerTimes { p50, p99, max });
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            messages,
            duplicates,
            rubbish,
            rubbish_refused,
            attempts,
            acknowledged,
            unanswered,
            not_registered,
            interrupted,
            given_up,
            former_credentials,
            queued,
            ..
        } = self;
        writeln!(formatter, "{messages} messages and {duplicates} duplicates, {attempts} attempts")?;
        writeln!(formatter, "{acknowledged} acknowledged, {given_up} not")?;
        if *rubbish > 0 {
            writeln!(formatter, "{rubbish} requests of rubbish, {rubbish_refused} not acknowledged (--rubbish)")?;
        }
        if *not_registered > 0 {
            writeln!(formatter, "{not_registered} not sent: the service was no longer registered")?;
        }
        if *queued > 0 {
            writeln!(
                formatter,
                "{queued} text messages are queued: callbacks sms resume makes the platform send them"
            )?;
        }
        if *former_credentials > 0 {
            writeln!(formatter, "{former_credentials} carried the former credentials (--password-lag)")?;
        }
        if *interrupted > 0 {
            writeln!(formatter, "{interrupted} were still in flight")?;
        }
        for (status, times) in &self.statuses {
            writeln!(formatter, "  {status}: {times}")?;
        }
        if *unanswered > 0 {
            writeln!(formatter, "  no answer: {unanswered}")?;
        }
        if let Some(AnswerTimes { p50, p99, max }) = self.answer_times {
            writeln!(formatter, "Answers took {p50} ms (p50), {p99} ms (p99), {max} ms (max)")?;
        }
        for Unacknowledged { service, transport, message, request_id, last_status } in &self.unacknowledged {
            let request_id = request_id.as_deref().unwrap_or("no request id");
            let last = last_status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            writeln!(formatter, "Not acknowledged: {service}, {transport}, {request_id}, {last} ({message})")?;
        }
        let unnamed = given_up - self.unacknowledged.len() as u64;
        if unnamed > 0 {
            writeln!(formatter, "… and {unnamed} more")?;
        }
        Ok(())
    }
}
