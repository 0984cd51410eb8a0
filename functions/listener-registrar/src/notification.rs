//! Reports repaired registrations: a metric for operators, an event for subscribers.

use aws::Metrics;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use cloud_event::{Found, Message, RegistrationRepaired};
use jiff::Timestamp;
use registration::{Action, Comparison, RegistrationStatus};

/// The `service` dimension of metrics about the registrar itself.
const REGISTRAR: &str = "ListenerRegistrar";

#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) topic: String,
    pub(crate) metrics: Metrics,
}

/// Why an event is not published.
#[derive(Debug, thiserror::Error)]
enum NotifyError {
    #[error("cannot serialize the message: {0}")]
    Message(#[from] serde_json::Error),
    #[error("cannot build the request to SNS: {0}")]
    Request(#[from] BuildError),
    #[error("SNS failed: {0}")]
    Unavailable(String),
}

impl Notifier {
    /// Publishes each repaired registration that had drifted. A failure is only logged, since the repair is done and no
    /// later check would find it.
    pub(crate) async fn publish_repairs(
        &self,
        actions: &[Action],
        request_id: &str,
        drifted: impl Fn(&Comparison) -> bool,
    ) {
        let repaired = |action: &&Action| {
            matches!(action.result, Some(Ok(()))) && action.comparison.status.is_drift() && drifted(&action.comparison)
        };
        for Action { comparison, .. } in actions.iter().filter(repaired) {
            let (account, service) = (comparison.expected.account(), comparison.expected.service());
            self.metrics.count(service, "RegistrationsRepaired", 1);
            if let Err(error) = self.publish(comparison, request_id).await {
                tracing::error!(message = "Cannot publish a repaired registration.", %account, service, %error);
            }
        }
    }

    /// Counts a run that failed.
    pub(crate) fn count_failure(&self) {
        self.metrics.count(REGISTRAR, "RegistrationsFailed", 1);
    }

    async fn publish(&self, comparison: &Comparison, request_id: &str) -> Result<(), NotifyError> {
        let (found, found_url) = match &comparison.status {
            RegistrationStatus::Missing => (Found::Missing, None),
            RegistrationStatus::Elsewhere { url } => (Found::Elsewhere, Some(without_query(url))),
            RegistrationStatus::OtherCredentials => (Found::OtherCredentials, None),
            RegistrationStatus::AsExpected | RegistrationStatus::CredentialsHidden => (Found::AsExpected, None),
        };
        let event = RegistrationRepaired {
            request_id,
            account: comparison.expected.account().as_ref(),
            service: comparison.expected.service(),
            url: comparison.expected.url(),
            found,
            found_url,
            time: Timestamp::now(),
        };
        let request = self.request(event.message()?)?;
        request.send().await.map(drop).map_err(|error| NotifyError::Unavailable(aws::reason(&error)))
    }

    fn request(&self, message: Message) -> Result<PublishFluentBuilder, BuildError> {
        let fifo = self.topic.ends_with(".fifo");
        let mut request = self.sns.publish().topic_arn(&self.topic).message(message.body);
        for (name, value) in message.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
            request = request.message_attributes(name, value);
        }
        let request = request.set_message_group_id(fifo.then_some(message.group_id));
        Ok(request.set_message_deduplication_id(fifo.then_some(message.deduplication_id)))
    }
}

/// The query of another listener's URL may contain a key.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _)| path)
}
