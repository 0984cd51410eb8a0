//! The event of a repaired registration.

use device::Digest;
use jiff::Timestamp;
use serde::Serialize;

use crate::envelope::{CloudEvent, Context, Message};

const CHANGE: &str = "RegistrationRepaired";
const KIND: &str = "registration-repaired";

/// The state in which a registration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nothing was registered.
    Missing,
    /// Another URL was registered.
    Elsewhere,
    /// Other credentials were registered.
    OtherCredentials,
    /// Nothing was wrong.
    AsExpected,
}

/// A registration at the platform that was not as expected and has been repaired.
#[derive(Debug, Clone)]
pub struct RegistrationRepaired<'a> {
    /// The id of the run that repaired it. A retry of the run has the same id.
    pub request_id: &'a str,
    /// The account name.
    pub account: &'a str,
    /// The callback service.
    pub service: &'a str,
    /// The URL that is registered now.
    pub url: &'a str,
    /// What was found.
    pub found: Found,
    /// The URL that was registered instead, without its query, which may contain a key.
    pub found_url: Option<&'a str>,
    /// When it was repaired.
    pub time: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    service: &'a str,
    change: &'static str,
    kind: &'static str,
    account: &'a str,
    found: Found,
    found_url: Option<&'a str>,
    url: &'a str,
    device: (),
}

impl RegistrationRepaired<'_> {
    /// The message to publish.
    ///
    /// # Errors
    ///
    /// It cannot be serialized.
    pub fn message(&self) -> serde_json::Result<Message> {
        let Self { account, service, .. } = *self;
        let context = Context {
            // A digest, since names of accounts can be long and contain characters that SNS rejects.
            id: format!("{}-{}", self.request_id, Digest::of(&[account, service]).full()),
            account: Some(account),
            r#type: "registration.repaired".to_owned(),
            subject: account.to_owned(),
            time: self.time,
            replay: None,
        };
        let data = Data {
            service,
            change: CHANGE,
            kind: KIND,
            account,
            found: self.found,
            found_url: self.found_url,
            url: self.url,
            device: (),
        };
        let event = CloudEvent::new(context, data);
        let body = event.to_json()?;
        let attributes =
            [("service", Some(service)), ("change", Some(CHANGE)), ("kind", Some(KIND)), ("account", Some(account))];
        Ok(event.into_message(body, &attributes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired<'a>(account: &'a str, service: &'a str) -> RegistrationRepaired<'a> {
        RegistrationRepaired {
            request_id: "00000000-0000-4000-8000-000000000001",
            account,
            service,
            url: "https://example.com/v1/callbacks/DeviceUsage",
            found: Found::Elsewhere,
            found_url: Some("https://old.example.com"),
            time: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_repaired_registration_has_the_envelope_of_all_events() {
        let message = repaired("0000123456-00001", "DeviceUsage").message().unwrap();
        insta::assert_snapshot!(message.body, @r#"{"specversion":"1.0","id":"00000000-0000-4000-8000-000000000001-7198ffb0a4b88fa6dd75acbfc6a7a039c1dc1ae1ad24c245127bfd395b234447","source":"/accounts/0000123456-00001","type":"com.verizon.thingspace.registration.repaired.v1","subject":"0000123456-00001","time":"1970-01-01T00:00:00Z","datacontenttype":"application/json","data":{"service":"DeviceUsage","change":"RegistrationRepaired","kind":"registration-repaired","account":"0000123456-00001","found":"elsewhere","foundUrl":"https://old.example.com","url":"https://example.com/v1/callbacks/DeviceUsage","device":null}}"#);
    }

    #[test]
    fn the_keys_of_fifo_topics_have_at_most_128_characters_that_sns_accepts_and_stay_distinct() {
        let account = "é ".repeat(60);
        let messages = ["DeviceUsage", "CarrierService"].map(|service| repaired(&account, service).message().unwrap());
        for message in &messages {
            for key in [&message.group_id, &message.deduplication_id] {
                assert!((1..=128).contains(&key.len()), "{key}");
                assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
            }
        }
        assert_eq!(messages[0].group_id, messages[1].group_id);
        assert_ne!(messages[0].deduplication_id, messages[1].deduplication_id);
    }
}
