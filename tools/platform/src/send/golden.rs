//! The golden messages of the project, in this program: what is sent unless files are named.

use anyhow::Context;
use rust_embed::RustEmbed;

use super::template::{SlotValues, Template};
use crate::random::uuid;
use crate::rules::{Api, Credentials};

/// The folder `events`, which has a folder for every service and in it one for every transport.
#[derive(RustEmbed)]
#[folder = "../../events/"]
struct Events;

/// A sample message as the platform would send it.
#[derive(Debug, Clone)]
pub struct SampleMessage {
    /// The callback service.
    pub service: &'static str,
    /// The file in `events/`.
    pub file: String,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The body, with credentials and a new request id.
    pub body: String,
}

/// One message of every sample file of the thirteen services, in both transports. Files of unknown evidence are left
/// out.
///
/// # Errors
///
/// A sample is neither XML nor JSON.
pub fn sample_messages(credentials: &Credentials) -> anyhow::Result<Vec<SampleMessage>> {
    let mut random = fastrand::Rng::new();
    let mut messages = Vec::new();
    for &service in Api::Rest.services() {
        for transport in [Api::Soap, Api::Rest] {
            for Golden { file, template } in of(service, transport, false)? {
                let request_id = uuid(&mut random);
                let values = SlotValues { credentials, request_id: &request_id, account: "", device: 0, resends: 0 };
                let (body, content_type) = (template.render(&values), template.content_type());
                messages.push(SampleMessage { service, file, content_type, body });
            }
        }
    }
    Ok(messages)
}

/// A message and the name of the file that it is from.
pub(crate) struct Golden {
    pub(crate) file: String,
    pub(crate) template: Template,
}

/// The messages of a service and transport, in the order of their numbers, and with the guesses last if they are asked
/// for.
pub(crate) fn of(service: &str, transport: Api, guesses: bool) -> anyhow::Result<Vec<Golden>> {
    let transport = match transport {
        Api::Soap => "soap",
        Api::Rest => "rest",
    };
    let mut files: Vec<_> = Events::iter()
        .filter(|path| {
            let mut parts = path.split('/');
            let folder = parts.next().unwrap_or_default().replace('-', "");
            folder.eq_ignore_ascii_case(service) && parts.next() == Some(transport)
        })
        .filter(|path| guesses || number(path).is_some())
        .collect();
    files.sort_by_key(|path| (number(path).unwrap_or(u32::MAX), path.clone()));
    let golden = files.into_iter().filter_map(|file| Some((Events::get(&file)?, file)));
    golden.map(|(bytes, file)| Ok(Golden { template: Template::read(&bytes.data)?, file: file.into_owned() })).collect()
}

/// The message in this file: one of the project's, or any other file.
pub(super) fn file(file: &str) -> anyhow::Result<Template> {
    let bytes = match Events::get(file) {
        Some(golden) => golden.data,
        None => std::fs::read(file).with_context(|| format!("cannot read {file}"))?.into(),
    };
    Template::read(&bytes).with_context(|| format!("cannot send {file}"))
}

/// A golden message's file starts with its number, a guess's with `other`.
fn number(path: &str) -> Option<u32> {
    path.rsplit('/').next()?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_messages_in_both_transports_that_carry_credentials() {
        for service in Api::Rest.services() {
            for transport in [Api::Soap, Api::Rest] {
                let golden = of(service, transport, false).unwrap();
                assert!(!golden.is_empty(), "{service} {transport:?}");
                for Golden { file, template } in golden {
                    let credentials = Credentials::new("the user", "the word");
                    let values =
                        SlotValues { credentials: &credentials, request_id: "", account: "", device: 0, resends: 0 };
                    let message = template.render(&values);
                    assert!(message.contains("the user") && message.contains("the word"), "{file}");
                    assert_eq!(template.transport, transport, "{file}");
                }
            }
        }
    }

    #[test]
    fn they_come_in_the_order_of_their_numbers_and_guesses_only_when_asked_for() {
        let files = |guesses| of("CarrierService", Api::Rest, guesses).unwrap().into_iter().map(|golden| golden.file);
        let numbers: Vec<_> = files(false).map(|file| number(&file).unwrap()).collect();
        assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
        let guesses =
            of("DeviceUsage", Api::Soap, true).unwrap().len() - of("DeviceUsage", Api::Soap, false).unwrap().len();
        assert_eq!(guesses, 3);
    }
}
