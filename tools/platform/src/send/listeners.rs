//! The registrations of the platform, followed while messages are sent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use tokio::task::JoinSet;

use super::report::Sent;
use crate::rules::{Api, Credentials, Registration};

/// Registrations are looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The platform answers within so long.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The registered listeners, as they were a second ago at most.
pub(super) struct Listeners {
    current: Arc<Mutex<Vec<Registration>>>,
    platform: Option<Platform>,
    /// Ends when this is dropped.
    _following: JoinSet<()>,
}

impl Listeners {
    /// Asks the platform, and goes on asking.
    pub(super) async fn follow(client: reqwest::Client, platform: &str) -> anyhow::Result<Self> {
        let url = Url::parse(platform).context("the platform's address is no URL")?;
        let platform = Platform { client, url, sent: Arc::default() };
        let first = platform.registrations().await;
        let first = first.context("the platform does not answer; is callbacks platform running?")?;
        let current = Arc::new(Mutex::new(first));
        let mut following = JoinSet::new();
        let (kept, followed) = (current.clone(), platform.clone());
        following.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_AGAIN).await;
                followed.tell().await;
                if let Ok(now) = followed.registrations().await {
                    *kept.lock().unwrap_or_else(PoisonError::into_inner) = now;
                }
            }
        });
        Ok(Self { current, platform: Some(platform), _following: following })
    }

    /// Listeners for these services below a URL, without a registration.
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

    /// Notes what was sent, for the platform to print.
    pub(super) fn note(&self, sent: impl FnOnce() -> Sent) {
        if let Some(platform) = &self.platform {
            platform.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent());
        }
    }

    /// Tells the platform what it was not told yet.
    pub(super) async fn tell(&self) {
        if let Some(platform) = &self.platform {
            platform.tell().await;
        }
    }

    /// The registration of a service, if there is one now.
    pub(super) fn find(&self, account: &str, service: &str) -> Option<Registration> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().find(|there| there.account == account && there.service == service).cloned()
    }

    /// The services that are registered now.
    pub(super) fn services(&self, account: &str) -> Vec<String> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().filter(|there| there.account == account).map(|there| there.service.clone()).collect()
    }
}

/// A running platform, and what it is to be told.
#[derive(Clone)]
struct Platform {
    client: reqwest::Client,
    url: Url,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Platform {
    async fn registrations(&self) -> anyhow::Result<Vec<Registration>> {
        let request = self.client.get(self.url.join("/_platform/registrations")?).timeout(ANSWERS_WITHIN);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// It only prints them, so what does not reach it is not sent again.
    async fn tell(&self) {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        if let (false, Ok(url)) = (sent.is_empty(), self.url.join("/_platform/sent")) {
            self.client.post(url).timeout(ANSWERS_WITHIN).json(&sent).send().await.ok();
        }
    }
}

impl Registration {
    /// What a message carries, and whether that is the former credentials: for a while after a re-registration, every
    /// other one does.
    pub(super) fn carried(&self, lag: SignedDuration, random: &mut fastrand::Rng) -> (&Credentials, bool) {
        let lately = |at: Timestamp| Timestamp::now().duration_since(at) < lag;
        match &self.former {
            Some(former) if lately(former.replaced_at) && random.bool() => (&former.credentials, true),
            _ => (&self.credentials, false),
        }
    }

    /// Its URL, from another origin if one is given. An origin may have a path, which then stands before the URL's.
    pub(super) fn url_at(&self, origin: Option<&Url>) -> anyhow::Result<Url> {
        let own = Url::parse(&self.url)?;
        let Some(origin) = origin else { return Ok(own) };
        let mut url = origin.clone();
        url.set_path(&format!("{}{}", origin.path().trim_end_matches('/'), own.path()));
        url.set_query(own.query());
        Ok(url)
    }
}
