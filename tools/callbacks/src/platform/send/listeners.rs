//! The registrations of the platform, followed while messages are sent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use tokio::task::JoinSet;

use crate::platform::rules::{Credentials, Registration};

/// Registrations are looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The registered listeners, as they were a second ago at most.
pub(super) struct Listeners {
    current: Arc<Mutex<Vec<Registration>>>,
    /// Ends when this is dropped.
    _following: JoinSet<()>,
}

impl Listeners {
    /// Asks the platform, and goes on asking.
    pub(super) async fn follow(client: reqwest::Client, platform: &str) -> anyhow::Result<Self> {
        let url = Url::parse(platform).and_then(|url| url.join("/_platform/registrations"));
        let url = url.context("the platform's address is no URL")?;
        let first = ask(&client, &url).await.context("the platform does not answer; is callbacks platform running?")?;
        let current = Arc::new(Mutex::new(first));
        let mut following = JoinSet::new();
        let kept = current.clone();
        following.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_AGAIN).await;
                if let Ok(now) = ask(&client, &url).await {
                    *kept.lock().unwrap_or_else(PoisonError::into_inner) = now;
                }
            }
        });
        Ok(Self { current, _following: following })
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

async fn ask(client: &reqwest::Client, url: &Url) -> reqwest::Result<Vec<Registration>> {
    client.get(url.clone()).timeout(Duration::from_secs(5)).send().await?.error_for_status()?.json().await
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
