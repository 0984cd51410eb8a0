//! What was repaired, told: a metric for operators, a CloudEvent for subscribers.

use aws::Metrics;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use registration::{Comparison, Done, Standing};
use serde_json::{Value, json};

/// What may stand in a path of a URI as it is; the sources of other events are escaped alike.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The change that an announcement tells of.
const CHANGE: &str = "RegistrationRepaired";

/// The same in the vocabulary of all events.
const KIND: &str = "registration-repaired";

/// What is counted as a whole is counted under this name.
const ALL: &str = "ListenerRegistrar";

#[derive(Debug)]
pub(crate) struct Announcer {
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) topic: String,
    pub(crate) metrics: Metrics,
}

impl Announcer {
    /// Tells of each registration that was not as it should have been before. What SNS does not take is logged: the
    /// repair is done, and no other check would find it.
    pub(crate) async fn announce(&self, done: &[Done], request_id: &str, expected: impl Fn(&Comparison) -> bool) {
        let repaired = |one: &&Done| matches!(one.outcome, Some(Ok(()))) && one.comparison.standing.is_drift();
        for Done { comparison, .. } in done.iter().filter(repaired).filter(|one| expected(&one.comparison)) {
            self.metrics.count(comparison.wanted.service(), "RegistrationsRepaired", 1);
            self.publish(comparison, request_id).await;
        }
    }

    /// Counts that something could not be registered; the log says what.
    pub(crate) fn failed(&self) {
        self.metrics.count(ALL, "RegistrationsFailed", 1);
    }

    async fn publish(&self, comparison: &Comparison, request_id: &str) {
        let (account, service) = (comparison.wanted.account().to_string(), comparison.wanted.service());
        // The same when Lambda tries the same event again, so that subscribers can drop it.
        let id = format!("{request_id}-{account}-{service}");
        let event = cloud_event(comparison, &id, Timestamp::now());
        let message = self.sns.publish().topic_arn(&self.topic).message(event.to_string());
        let attributes = [("service", service), ("change", CHANGE), ("kind", KIND), ("account", &account)];
        let message = attributes.into_iter().fold(message, attribute);
        let fifo = self.topic.ends_with(".fifo");
        let group = fifo.then(|| utf8_percent_encode(&account, ESCAPED).to_string());
        let message = message.set_message_group_id(group);
        let deduplication = fifo.then(|| utf8_percent_encode(&id, ESCAPED).to_string());
        if let Err(error) = message.set_message_deduplication_id(deduplication).send().await {
            let error = aws::reason(&error);
            tracing::error!(message = "A repaired registration was not announced.", %account, service, %error);
        }
    }
}

fn attribute(message: PublishFluentBuilder, (name, value): (&str, &str)) -> PublishFluentBuilder {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    match attribute {
        Ok(attribute) => message.message_attributes(name, attribute),
        Err(_) => message,
    }
}

/// In the form of the stack's other events, which are of devices.
fn cloud_event(comparison: &Comparison, id: &str, now: Timestamp) -> Value {
    let account = comparison.wanted.account().to_string();
    let (found, found_url) = match &comparison.standing {
        Standing::Missing => ("missing", None),
        Standing::Elsewhere { url } => ("elsewhere", Some(without_query(url))),
        Standing::OtherCredentials => ("other-credentials", None),
        Standing::AsWanted | Standing::CredentialsUnseen => ("as-wanted", None),
    };
    json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/accounts/{}", utf8_percent_encode(&account, ESCAPED)),
        "type": "com.verizon.thingspace.registration.repaired.v1",
        "subject": account,
        "time": now,
        "datacontenttype": "application/json",
        "data": {
            "service": comparison.wanted.service(),
            "change": CHANGE,
            "kind": KIND,
            "account": account,
            "found": found,
            "foundUrl": found_url,
            "url": comparison.wanted.url(),
            "device": null,
        },
    })
}

/// Others' URLs may carry keys behind a question mark.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _)| path)
}
