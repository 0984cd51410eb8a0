//! `callbacks platform send`: sends callbacks to the registered listeners and resends them like the platform.
//!
//! The rate is an open loop: it does not wait for answers. How the real platform delivers is in `delivery`.

mod delivery;
mod golden;
mod ledger;
mod listeners;
mod plan;
mod report;
mod rubbish;
mod sms;
mod template;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::SignedDuration;
use reqwest::Url;
use reqwest::redirect::Policy;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::delivery::Resend;
use self::delivery::{Addressed, Delivery, Outcome};
pub use self::golden::{SampleMessage, sample_messages};
use self::ledger::Ledger;
pub use self::ledger::{LedgerEntry, LedgerMessages};
use self::listeners::Listeners;
use self::plan::{Plan, Planned, Sample};
pub use self::report::{AnswerTimes, Report, Sent, Unacknowledged};
pub use self::rubbish::Rubbish;
pub(crate) use self::sms::send_again;
use self::template::Template;
use super::rules::{Api, Credentials, Route};
use cli_support::variable;

/// Options of `send`.
#[derive(Debug, Clone, Args)]
pub struct SendOptions {
    /// The simulator at which the listeners are registered
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9100", conflicts_with = "url")]
    pub to: String,
    /// The account whose listeners receive messages
    #[arg(long, required_unless_present = "url", conflicts_with = "url")]
    pub account: Option<String>,
    /// Send to listeners below this URL without a registration, such as http://127.0.0.1:9001/callbacks
    #[arg(long)]
    pub url: Option<Url>,
    /// The user name that messages carry to --url [env: CALLBACKS_USERNAME]
    #[arg(long, requires = "url")]
    pub username: Option<String>,
    /// The password that messages carry to --url [env: CALLBACKS_PASSWORD]
    #[arg(long, requires = "url")]
    pub password: Option<String>,
    /// Send messages of this service; can be given several times
    #[arg(long, required_unless_present = "all", conflicts_with = "all")]
    pub service: Vec<String>,
    /// Send messages of every registered service
    #[arg(long)]
    pub all: bool,
    /// Send SOAP or REST messages, regardless of the API of the registration
    #[arg(long, conflicts_with = "message")]
    pub transport: Option<Api>,
    /// Send this file instead of the sample messages; can be given several times
    #[arg(long, value_name = "FILE")]
    pub message: Vec<PathBuf>,
    /// Also send the sample messages whose format is a guess
    #[arg(long, conflicts_with = "message")]
    pub guesses: bool,
    /// Number of messages. Without --count and --for, each message is sent once per device
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Send for this time
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub seconds: Option<u64>,
    /// Messages per second
    #[arg(long, value_name = "PER_SECOND", default_value_t = 20.0, value_parser = positive)]
    pub rate: f64,
    /// Number of devices, made by changing digits of the identifiers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub devices: u64,
    /// When to resend messages that are not acknowledged
    #[arg(long, value_enum, default_value_t = Resend::Measured)]
    pub resend: Resend,
    /// The time between the documented resends
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = positive)]
    pub documented_interval: f64,
    /// For this time after a re-registration, half of the messages carry the former credentials
    #[arg(long, value_name = "SECONDS", default_value_t = 840)]
    pub password_lag: u32,
    /// Fraction of messages, 0 to 1, that are sent twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub duplicates: f64,
    /// Reorder messages by up to this number of positions
    #[arg(long, value_name = "WINDOW", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub reorder: u16,
    /// Fraction of messages, 0 to 1, that are replaced by rubbish: malformed, of another content type, or with a wrong
    /// password
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub rubbish: f64,
    /// Maximum number of messages in flight. Further ones wait, so that the rate drops
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub in_flight: u16,
    /// Write a line of JSON about each message and its answers to this file
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Seed of all random decisions
    #[arg(long)]
    pub seed: Option<u64>,
    /// Send to this origin instead of the registered one. The registered path is appended
    #[arg(long, value_name = "URL")]
    pub origin: Option<Url>,
    /// Claim this source address (X-Forwarded-For), for emulators that use it
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Print no progress, and a report only with --json
    #[arg(long)]
    pub quiet: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.001..=10_000.0).contains(number));
    number.ok_or_else(|| "it must be a number from 0.001 to 10000".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "it must be a number from 0 to 1".to_owned())
}

/// The client that sends callbacks.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().user_agent("Verizon's callback service").redirect(Policy::none());
    client.build().context("cannot build an HTTP client")
}

/// Sends messages and waits for the last answer.
///
/// # Errors
///
/// The simulator does not answer, a service is not registered, or there is nothing to send.
pub async fn send(options: &SendOptions) -> anyhow::Result<Report> {
    let client = client()?;
    let listeners = match &options.url {
        Some(url) => unregistered(options, url),
        None => Listeners::follow(client.clone(), &options.to).await?,
    };
    let random = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
    let mut sender = Sender {
        plan: plan(options, &listeners, random.clone())?,
        listeners,
        delivery: Delivery {
            client,
            resend: options.resend,
            documented_interval: Duration::from_secs_f64(options.documented_interval),
            from: options.from.clone(),
        },
        random,
        report: Report::default(),
        ledger: options.ledger.as_deref().map(Ledger::create).transpose()?,
    };
    let hidden = if options.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(sender.plan.count, hidden);
    sender.run(options, &bar).await?;
    bar.finish_and_clear();
    sender.ledger.take().map_or(Ok(()), Ledger::finish)?;
    sender.listeners.report().await.context("the platform does not accept text messages that were not delivered")?;
    Ok(sender.report.finish())
}

impl SendOptions {
    fn route(&self) -> Route {
        let origin = self.origin.as_ref().map(Url::to_string);
        Route { origin, from: self.from.clone(), password_lag: self.password_lag }
    }
}

fn unregistered(options: &SendOptions, url: &Url) -> Listeners {
    let given = |option: &Option<String>, name| option.clone().or_else(|| variable(name)).unwrap_or_default();
    let username = given(&options.username, "CALLBACKS_USERNAME");
    let credentials = Credentials { username, password: given(&options.password, "CALLBACKS_PASSWORD") };
    let all = || Api::Rest.services().iter().map(|&service| service.to_owned()).collect();
    Listeners::at(url, &if options.all { all() } else { options.service.clone() }, &credentials)
}

/// The messages of every chosen service.
fn plan(options: &SendOptions, listeners: &Listeners, random: fastrand::Rng) -> anyhow::Result<Plan> {
    let account = options.account.as_deref().unwrap_or_default();
    let services = if options.all { listeners.services(account) } else { options.service.clone() };
    ensure!(!services.is_empty(), "no service of the account {account} is registered");
    let mut samples = Vec::new();
    for service in services {
        let registered = listeners.find(account, &service);
        let registered = registered.with_context(|| format!("{service} of the account {account} is not registered"))?;
        let golden = golden::of(&service, options.transport.unwrap_or(registered.api), options.guesses);
        let messages = if options.message.is_empty() { golden? } else { files(&options.message)? };
        samples.extend(
            messages
                .into_iter()
                .map(|golden::Golden { file, template }| Arc::new(Sample { service: service.clone(), file, template })),
        );
    }
    ensure!(!samples.is_empty(), "there is no sample message of this service; name a file with --message");
    let once = options.seconds.is_none().then_some(samples.len() as u64 * options.devices.max(1));
    let (devices, duplicates, reorder) = (options.devices, options.duplicates, usize::from(options.reorder));
    let count = options.count.or(once);
    let rubbish = options.rubbish;
    Ok(Plan { samples, devices, count, duplicates, rubbish, reorder, random, made: 0, waiting: Vec::new() })
}

fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<golden::Golden>> {
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let template = Template::read(&bytes).with_context(|| format!("cannot send {}", path.display()))?;
        Ok(golden::Golden { file: path.display().to_string(), template })
    };
    paths.iter().map(read).collect()
}

struct Sender {
    plan: Plan,
    listeners: Listeners,
    delivery: Delivery,
    random: fastrand::Rng,
    report: Report,
    ledger: Option<Ledger>,
}

impl Sender {
    async fn run(&mut self, options: &SendOptions, bar: &ProgressBar) -> anyhow::Result<()> {
        let ends = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        // Missed ticks are caught up, so that slow answers do not reduce the rate.
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / options.rate));
        let mut in_flight = JoinSet::new();
        let mut stopped = false;
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        'planned: while let Some(planned) = self.plan.next() {
            // Answers are processed while a message waits, since they free capacity.
            loop {
                tokio::select! {
                    Some(done) = in_flight.join_next() => self.finish(options, done?, bar)?,
                    _ = ticks.tick(), if in_flight.len() < usize::from(options.in_flight) => break,
                    // Messages in flight are awaited until a second interrupt. The report covers everything that was
                    // sent.
                    _ = &mut interrupted => {
                        stopped = true;
                        break 'planned;
                    }
                }
            }
            if ends.is_some_and(|ends| Instant::now() >= ends) {
                break;
            }
            match self.start(options, &planned)? {
                Some(delivered) => drop(in_flight.spawn(async move { (planned, delivered.await) })),
                None => {
                    self.report.not_registered += 1;
                    self.queue(options, &planned);
                }
            }
        }
        if stopped && !in_flight.is_empty() {
            bar.suspend(|| eprintln!("Waiting for {} in flight; press Ctrl-C again to stop.", in_flight.len()));
        }
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        while !in_flight.is_empty() {
            tokio::select! {
                Some(done) = in_flight.join_next() => self.finish(options, done?, bar)?,
                _ = &mut interrupted => {
                    self.report.interrupted = in_flight.len() as u64;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Starts a delivery, unless the service is no longer registered.
    fn start(
        &mut self,
        options: &SendOptions,
        planned: &Planned,
    ) -> anyhow::Result<Option<impl Future<Output = Outcome> + use<>>> {
        let Some(registered) =
            self.listeners.find(options.account.as_deref().unwrap_or_default(), &planned.sample.service)
        else {
            return Ok(None);
        };
        let url = registered.url_at(options.origin.as_ref())?;
        let lag = SignedDuration::from_secs(options.password_lag.into());
        let (credentials, former) = registered.next_credentials(lag, &mut self.random);
        self.report.former_credentials += u64::from(former);
        let (credentials, account) = (credentials.clone(), registered.account.clone());
        let (delivery, random, planned) = (self.delivery.clone(), self.random.fork(), planned.clone());
        Ok(Some(async move {
            let message = Addressed {
                template: &planned.sample.template,
                url: url.as_str(),
                credentials: &credentials,
                request_id: &planned.request_id,
                account: &account,
                device: planned.device,
                rubbish: planned.rubbish,
            };
            delivery.deliver(&message, random).await
        }))
    }

    fn finish(
        &mut self,
        options: &SendOptions,
        (planned, outcome): (Planned, Outcome),
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        if let Some(ledger) = &mut self.ledger {
            ledger.add(&planned, options.account.as_deref().unwrap_or_default(), &outcome)?;
        }
        if !outcome.acknowledged {
            self.queue(options, &planned);
        }
        self.listeners.note(|| Sent::new(&planned, &outcome));
        self.report.add(&planned, outcome);
        bar.inc(u64::from(!planned.duplicate));
        Ok(())
    }

    /// Queues a message that was not delivered, if it is a text message of a registered account.
    fn queue(&mut self, options: &SendOptions, planned: &Planned) {
        if let Some(account) = options.account.as_deref().filter(|_| sms::is_queued(planned)) {
            self.listeners.queue(sms::queued(planned, account, options.route()));
            self.report.queued += 1;
        }
    }
}
