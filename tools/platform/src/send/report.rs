//! What came of all messages, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::Outcome;
use super::plan::Planned;
use crate::rules::Api;

/// So many messages are named at the most; the rest is counted. Somebody who listens to none of an hour's messages need
/// not read all of their names.
const MOST_NAMED: usize = 1000;

/// What came of all messages.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Messages that were sent.
    pub messages: u64,
    /// How many of them were sent once more as a duplicate.
    pub duplicates: u64,
    /// Messages that were not sent, since their service was no longer registered.
    pub not_registered: u64,
    /// Messages and duplicates that carried the credentials from before the last re-registration.
    pub former_credentials: u64,
    /// Messages whose outcome nobody waited for.
    pub interrupted: u64,
    /// Requests, with all resends.
    pub attempts: u64,
    /// Messages and duplicates that were acknowledged.
    pub acknowledged: u64,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that got no answer.
    pub unanswered: u64,
    /// How long answers took, if there were any.
    pub answer_times: Option<AnswerTimes>,
    /// Messages and duplicates that were given up.
    pub given_up: u64,
    /// The first thousand of them.
    pub unacknowledged: Vec<Unacknowledged>,
    #[serde(skip)]
    times: Vec<Duration>,
}

/// How long answers took, in milliseconds.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct AnswerTimes {
    /// Half of them were faster.
    pub p50: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// A message that was given up.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unacknowledged {
    /// The callback service.
    pub service: String,
    /// How it was sent.
    pub transport: Api,
    /// The file that it is made from.
    pub message: String,
    /// The request id, where the message has one.
    pub request_id: Option<String>,
    /// What was answered at last, if anything.
    pub last_status: Option<u16>,
}

/// A message that was sent, as the platform prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// When its last answer came.
    pub at: Timestamp,
    service: String,
    transport: Api,
    message: String,
    statuses: Vec<Option<u16>>,
    acknowledged: bool,
}

impl Sent {
    pub(super) fn new(planned: &Planned, outcome: &Outcome) -> Self {
        let letter = &planned.letter;
        Self {
            at: Timestamp::now(),
            service: letter.service.clone(),
            transport: letter.template.transport,
            message: letter.file.clone(),
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
        let became = if *acknowledged { "acknowledged" } else { "given up" };
        write!(formatter, "{transport} send {service} ({message}) ▶ {} {became}", statuses.join(", "))
    }
}

impl Report {
    pub(super) fn add(&mut self, planned: &Planned, outcome: Outcome) {
        if planned.duplicate {
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
        if outcome.acknowledged {
            self.acknowledged += 1;
            return;
        }
        self.given_up += 1;
        if self.unacknowledged.len() >= MOST_NAMED {
            return;
        }
        let letter = &planned.letter;
        self.unacknowledged.push(Unacknowledged {
            service: letter.service.clone(),
            transport: letter.template.transport,
            message: letter.file.clone(),
            request_id: letter.template.has_request_id().then(|| planned.request_id.clone()),
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
            attempts,
            acknowledged,
            unanswered,
            not_registered,
            interrupted,
            given_up,
            former_credentials,
            ..
        } = self;
        writeln!(formatter, "{messages} messages and {duplicates} duplicates, {attempts} attempts")?;
        writeln!(formatter, "{acknowledged} acknowledged, {given_up} not")?;
        if *not_registered > 0 {
            writeln!(formatter, "{not_registered} not sent: the service was no longer registered")?;
        }
        if *former_credentials > 0 {
            writeln!(formatter, "{former_credentials} carried the former credentials (--password-lag)")?;
        }
        if *interrupted > 0 {
            writeln!(formatter, "{interrupted} were still under way")?;
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
