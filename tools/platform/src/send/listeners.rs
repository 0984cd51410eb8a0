//! The registrations at the simulator, polled while messages are sent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::Serialize;
use tokio::task::JoinSet;

use super::report::Sent;
use crate::rules::{Api, Credentials, QueuedSms, Registration};

/// Polling interval.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Timeout of a request to the simulator.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The registered listeners, at most a second old.
pub(super) struct Listeners {
    current: Arc<Mutex<Vec<Registration>>>,
    platform: Option<Platform>,
    /// The polling task. Dropping it stops it.
    _following: JoinSet<()>,
}

impl Listeners {
    /// Reads the registrations and starts polling.
    pub(super) async fn follow(client: reqwest::Client, platform: &str) -> anyhow::Result<Self> {
        let url = Url::parse(platform).context("the platform's address is not a URL")?;
        let platform =
            Platform { client, url, sent: Arc::default(), queued: Arc::default(), reporting: Arc::default() };
        let first = platform.registrations().await;
        let first = first.context("the platform does not answer; is callbacks platform running?")?;
        let current = Arc::new(Mutex::new(first));
        let mut following = JoinSet::new();
        let (kept, followed) = (current.clone(), platform.clone());
        following.spawn(async move {
            loop {
                tokio::time::sleep(POLL_INTERVAL).await;
                // What is not accepted is reported again.
                followed.report().await.ok();
                if let Ok(now) = followed.registrations().await {
                    *kept.lock().unwrap_or_else(PoisonError::into_inner) = now;
                }
            }
        });
        Ok(Self { current, platform: Some(platform), _following: following })
    }

    /// Unregistered listeners for these services below a URL.
    pub(super) fn at(url: &Url, services: &[String], credentials: &Credentials) -> Self {
        let registration = |service: &String| Registration {
            account: String::new(),
            service: service.clone(),
            api: Api::Rest,
            url: format!("{}/{service}", url.as_str().trim_end_matches('/')),
            credentials: credentials.clone(),
            former: None,
        };
        let current = Arc::new(Mutex::new(services.iter().map(registration).collect()));
        Self { current, platform: None, _following: JoinSet::new() }
    }

    /// Records a sent message, which the simulator prints.
    pub(super) fn note(&self, sent: impl FnOnce() -> Sent) {
        if let Some(platform) = &self.platform {
            platform.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent());
        }
    }

    /// Queues a text message that was not delivered at the simulator.
    pub(super) fn queue(&self, sms: QueuedSms) {
        if let Some(platform) = &self.platform {
            platform.queued.lock().unwrap_or_else(PoisonError::into_inner).push(sms);
        }
    }

    /// Reports recorded and queued messages to the simulator.
    pub(super) async fn report(&self) -> anyhow::Result<()> {
        match &self.platform {
            Some(platform) => platform.report().await,
            None => Ok(()),
        }
    }

    /// The current registration of a service.
    pub(super) fn find(&self, account: &str, service: &str) -> Option<Registration> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().find(|there| there.account == account && there.service == service).cloned()
    }

    /// The currently registered services.
    pub(super) fn services(&self, account: &str) -> Vec<String> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().filter(|there| there.account == account).map(|there| there.service.clone()).collect()
    }
}

/// A running simulator, and the messages to report to it.
#[derive(Clone)]
struct Platform {
    client: reqwest::Client,
    url: Url,
    sent: Arc<Mutex<Vec<Sent>>>,
    queued: Arc<Mutex<Vec<QueuedSms>>>,
    /// Held while a report is sent: the last one waits for the one before.
    reporting: Arc<tokio::sync::Mutex<()>>,
}

impl Platform {
    async fn registrations(&self) -> anyhow::Result<Vec<Registration>> {
        let request = self.client.get(self.url.join("/_platform/registrations")?).timeout(REQUEST_TIMEOUT);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// What was sent is only printed, so a failed report of it is not retried. Queued messages are kept until the
    /// simulator has them.
    async fn report(&self) -> anyhow::Result<()> {
        let _one_at_a_time = self.reporting.lock().await;
        self.post("/_platform/sent", &take(&self.sent)).await.ok();
        let queued = take(&self.queued);
        let result = self.post("/_platform/sms", &queued).await;
        if result.is_err() {
            self.queued.lock().unwrap_or_else(PoisonError::into_inner).extend(queued);
        }
        result
    }

    async fn post(&self, path: &str, items: &[impl Serialize]) -> anyhow::Result<()> {
        if !items.is_empty() {
            let request = self.client.post(self.url.join(path)?).timeout(REQUEST_TIMEOUT).json(items);
            request.send().await?.error_for_status()?;
        }
        Ok(())
    }
}

fn take<T>(items: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *items.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Registration {
    /// The credentials of the next message, and whether they are the former ones: for a while after a re-registration,
    /// half of the messages carry those.
    pub(super) fn next_credentials(&self, lag: SignedDuration, random: &mut fastrand::Rng) -> (&Credentials, bool) {
        let lately = |at: Timestamp| Timestamp::now().duration_since(at) < lag;
        match &self.former {
            Some(former) if lately(former.replaced_at) && random.bool() => (&former.credentials, true),
            _ => (&self.credentials, false),
        }
    }

    /// The URL, at another origin if one is given. If the origin has a path, the URL's path is appended to it.
    pub(super) fn url_at(&self, origin: Option<&Url>) -> anyhow::Result<Url> {
        let own = Url::parse(&self.url)?;
        let Some(origin) = origin else { return Ok(own) };
        let mut url = origin.clone();
        url.set_path(&format!("{}{}", origin.path().trim_end_matches('/'), own.path()));
        url.set_query(own.query());
        Ok(url)
    }
}
