//! The delivery of one message: its attempts, when there is another one, and what came of them.

use std::time::Duration;

use clap::ValueEnum;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::template::{Fill, Template};
use crate::rules::Credentials;

/// Unanswered for so long, a message is sent again while the first is still under way. Measured: about 4 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// An attempt that nobody answers ends at last. How long the real platform waits is not known.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// So many bytes of an answer are read. An acknowledgement has hardly any.
const MOST_READ: usize = 64 * 1024;

/// When a message that was not acknowledged is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Resend {
    /// Once: 1.15 to 1.69 s after a refusal, or when there was no answer for 4 s
    Measured,
    /// Three times, five minutes apart
    Documented,
    /// Not at all
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

/// What came of one attempt: its status, if there was an answer, and how long it took.
pub(super) type Attempt = (Option<u16>, Duration);

/// What came of a message.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) acknowledged: bool,
    pub(super) last_status: Option<u16>,
    pub(super) attempts: Vec<Attempt>,
}

/// A message on its way.
pub(super) struct Addressed<'a> {
    pub(super) template: &'a Template,
    pub(super) url: &'a str,
    pub(super) credentials: &'a Credentials,
    pub(super) request_id: &'a str,
    pub(super) device: u64,
}

impl Delivery {
    /// Delivers a message, or gives it up.
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
                    let wait = if self.resend == Resend::Documented { self.documented_interval } else { PATIENCE };
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
        let Addressed { template, url, credentials, request_id, device } = *message;
        let body = template.render(&Fill { credentials, request_id, device, resends });
        let content_type = template.content_type();
        let mut request = self.client.post(url).header("Content-Type", content_type).timeout(GIVEN_UP).body(body);
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

/// Reads an answer's body, as far as it is of a reasonable length: the connection can then carry another message.
async fn drain(mut answer: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(piece)) = answer.chunk().await {
        read += piece.len();
        if read > MOST_READ {
            return;
        }
    }
}
