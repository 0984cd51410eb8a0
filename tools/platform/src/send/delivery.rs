//! The delivery of one message: its attempts, the delays between them, and the result.

use std::time::Duration;

use clap::ValueEnum;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::rubbish::Rubbish;
use super::template::{SlotValues, Template};
use crate::rules::Credentials;

/// An unanswered message is resent after this time, while the first attempt is still in flight (measured: about 4 s).
const RESEND_TIMEOUT: Duration = Duration::from_secs(4);

/// Timeout of an attempt. The real platform's is not known.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum number of bytes that are read from an answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// When to resend a message that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Resend {
    /// Once: 1.15 to 1.69 s after a refusal, or after 4 s without an answer
    Measured,
    /// Three times, five minutes apart
    Documented,
    /// Never
    Never,
}

/// How messages are delivered.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) client: reqwest::Client,
    pub(super) resend: Resend,
    pub(super) documented_interval: Duration,
    /// An `X-Forwarded-For`.
    pub(super) from: Option<String>,
}

/// The result of an attempt: the status, if there was an answer, and the time it took.
pub(super) type Attempt = (Option<u16>, Duration);

/// The result of a delivery.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) acknowledged: bool,
    pub(super) last_status: Option<u16>,
    pub(super) attempts: Vec<Attempt>,
}

/// A message and its destination.
pub(super) struct Addressed<'a> {
    pub(super) template: &'a Template,
    pub(super) url: &'a str,
    pub(super) credentials: &'a Credentials,
    pub(super) request_id: &'a str,
    pub(super) account: &'a str,
    pub(super) device: u64,
    pub(super) rubbish: Option<Rubbish>,
}

impl Delivery {
    /// The documented time between resends.
    pub(super) const DOCUMENTED_INTERVAL: Duration = Duration::from_secs(300);

    /// Delivers a message, with resends.
    pub(super) async fn deliver(&self, message: &Addressed<'_>, mut random: fastrand::Rng) -> Outcome {
        let most = match self.resend {
            Resend::Measured => 2,
            Resend::Documented => 4,
            Resend::Never => 1,
        };
        let mut outcome = Outcome::default();
        let mut under_way = FuturesUnordered::new();
        let (mut made, mut next) = (0, Some(Instant::now()));
        loop {
            tokio::select! {
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    under_way.push(self.attempt(message, made));
                    made += 1;
                    let wait = if self.resend == Resend::Documented { self.documented_interval } else { RESEND_TIMEOUT };
                    next = (made < most).then(|| Instant::now() + wait);
                }
                Some(attempt) = under_way.next() => {
                    let (status, _) = attempt;
                    outcome.attempts.push(attempt);
                    if status.is_some_and(|status| (200..300).contains(&status)) {
                        outcome.acknowledged = true;
                        next = None;
                    } else if !outcome.acknowledged {
                        outcome.last_status = status;
                        if self.resend == Resend::Measured && next.is_some() {
                            next = Some(Instant::now() + Duration::from_millis(random.u64(1150..=1690)));
                        }
                    }
                }
                else => return outcome,
            }
        }
    }

    async fn attempt(&self, message: &Addressed<'_>, resends: u64) -> Attempt {
        let Addressed { template, url, credentials, request_id, account, device, rubbish } = *message;
        let values = SlotValues { credentials, request_id, account, device, resends };
        let (body, content_type) = match rubbish {
            Some(rubbish) => rubbish.render(template, &values),
            None => (template.render(&values), template.content_type()),
        };
        let mut request =
            self.client.post(url).header("Content-Type", content_type).timeout(ATTEMPT_TIMEOUT).body(body);
        if let Some(from) = &self.from {
            request = request.header("X-Forwarded-For", from);
        }
        let started = Instant::now();
        let status = match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                drain(answer).await;
                Some(status)
            }
            Err(_) => None,
        };
        (status, started.elapsed())
    }
}

/// Reads the body of an answer up to a limit, so that the connection can be reused.
async fn drain(mut answer: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(piece)) = answer.chunk().await {
        read += piece.len();
        if read > MAX_ANSWER_BYTES {
            return;
        }
    }
}
