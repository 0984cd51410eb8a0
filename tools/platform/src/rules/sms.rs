//! Text messages from devices (SMS) that could not be delivered. The platform queues them per account and sends them
//! only on request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fault, Registration, Rules};

/// The callback service of text messages from devices.
pub const SMS_SERVICE: &str = "EnhancedConnectivityService";

/// A queued text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedSms {
    /// Distinguishes the messages of the queue.
    pub id: String,
    /// The billing account.
    pub account: String,
    /// When its delivery failed.
    pub queued_at: Timestamp,
    /// The sample file.
    pub file: String,
    /// The callback, without credentials: it carries those that are registered when it is sent again.
    pub body: String,
    /// How it is sent.
    pub route: Route,
    /// Whether it is being sent again. It remains in the queue until it is acknowledged.
    #[serde(skip)]
    pub sending: bool,
}

/// The options of `send` that apply to a message when it is sent again, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The origin that replaces the registered one.
    pub origin: Option<String>,
    /// The claimed source address.
    pub from: Option<String>,
    /// For this time after a re-registration, in seconds, half of the messages carry the former credentials.
    pub password_lag: u32,
}

impl Rules {
    /// Queues messages that are not queued yet.
    pub fn queue_sms(&mut self, messages: Vec<QueuedSms>) {
        for sms in messages {
            if self.book.sms.iter().all(|queued| queued.id != sms.id) {
                self.book.sms.push(sms);
            }
        }
    }

    /// The listener of the account and its queued messages, which are then being sent. Without a listener they stay
    /// queued.
    ///
    /// # Errors
    ///
    /// There is no such session or account.
    pub fn start_sms(
        &mut self,
        session: &str,
        account: &str,
        now: Timestamp,
    ) -> Result<Option<(Registration, Vec<QueuedSms>)>, Fault> {
        self.admit(session, account, now)?;
        let Some(listener) = self.find(account, SMS_SERVICE).cloned() else { return Ok(None) };
        let waiting = self.book.sms.iter_mut().filter(|sms| sms.account == account && !sms.sending);
        let started = waiting.map(|sms| {
            sms.sending = true;
            sms.clone()
        });
        Ok(Some((listener, started.collect())))
    }

    /// Removes a message that was acknowledged; another one stays queued until the next request.
    pub fn finish_sms(&mut self, id: &str, acknowledged: bool) {
        self.book.sms.retain(|sms| !(acknowledged && sms.id == id));
        self.book.sms.iter_mut().filter(|sms| sms.id == id).for_each(|sms| sms.sending = false);
    }
}
