//! What the tests across crates share: a running `callbacks local`, a running simulator of the platform, scripted endpoints, and the
//! golden messages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod endpoint;
mod simulator;

use std::path::PathBuf;
use std::time::Duration;

use callback::Callback;
use device::{CallbackDelivery, CallbackService};
use jiff::Timestamp;
use listener::AllowedAddresses;
use local_stack::{Local, Options, start};
use serde_json::Value;
use store::{Recording, Store};
use tokio::time::Instant;

pub use self::endpoint::{aws_config, serve, silent_endpoint, unreachable_endpoint};
pub use self::simulator::{registrations, simulator, simulator_options};

/// The platform's five documented messages, in the order of its page.
pub const GOLDEN: [&str; 5] = [
    include_str!("../../../events/external-provisioning-changes/soap/1-activate.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/2-deactivate.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/3-suspend.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/4-restore.xml"),
    include_str!("../../../events/external-provisioning-changes/soap/5-change-mdn.xml"),
];

/// The service of the golden messages.
pub const EXTERNAL: &str = "ExternalProvisioningChanges";

/// The example request of the platform's page on RegisterCallback, without the first line, which the page prints twice.
pub const REGISTER_CALLBACK_REQUEST: &str = r#"<soapenv:Envelope
  xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:v2="http://nphase.com/unifiedwebservice/v2"
  xmlns:nph="http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.CallbackRegistrationService">
  <soapenv:Header>
    <v2:token>''current_session_token''</v2:token>
  </soapenv:Header>
  <soapenv:Body>
    <v2:RegisterCallback>
      <v2:Input>
        <nph:AccountName>account_name</nph:AccountName>
        <nph:ServiceName>DeviceUsage</nph:ServiceName>
        <nph:Url>http://10.120.102.183:50559/Callback/API/CallbackService.asmx</nph:Url>
        <nph:Username></nph:Username>
        <nph:Password></nph:Password>
      </v2:Input>
    </v2:RegisterCallback>
  </soapenv:Body>
</soapenv:Envelope>"#;

/// The example response of the same page.
pub const REGISTER_CALLBACK_RESPONSE: &str = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">
  <s:Body>
    <RegisterCallbackResponse xmlns="http://nphase.com/unifiedwebservice/v2">
      <Output xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:a="http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.CallbackRegistrationService">
        <a:AccountName>account_name</a:AccountName>
        <a:ServiceName>CarrierService</a:ServiceName>
      </Output>
    </RegisterCallbackResponse>
  </s:Body>
</s:Envelope>"#;

/// Records a message of a service as the listener does.
pub async fn record(
    store: &Store,
    service: &CallbackService,
    body: &str,
    received_at: Timestamp,
    within: Duration,
) -> Recording {
    let message = Callback::parse(body.as_bytes(), None).unwrap().message;
    let delivery = CallbackDelivery::new(service, &message, received_at);
    let observations = (service.interpret)(&service.name, message);
    store.record(&delivery, &observations, Instant::now() + within).await
}

/// A running stack and a client of it.
pub struct Stack {
    /// The stack.
    pub local: Local,
    client: reqwest::Client,
}

/// Options for a stack on any free port.
#[must_use]
pub fn options() -> Options {
    Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        dynamodb: "127.0.0.1:0".parse().unwrap(),
        data: None,
        reset: false,
        seed: false,
        username: None,
        password: None,
        allow: AllowedAddresses::Any,
        quiet: true,
    }
}

impl Stack {
    /// Starts with these options.
    pub async fn with(options: Options) -> Self {
        Self { local: start(options).await.unwrap(), client: reqwest::Client::new() }
    }

    /// Starts with a temporary table and requires no credentials.
    pub async fn new() -> Self {
        Self::with(options()).await
    }

    /// Starts with the table in this directory.
    pub async fn on(directory: PathBuf) -> Self {
        Self::with(Options { data: Some(directory), ..options() }).await
    }

    /// A store on the table of this stack.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(self.local.table.clone(), "callbacks", 0)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.local.address)
    }

    /// Posts a SOAP message of ExternalProvisioningChanges.
    pub async fn post(&self, body: &str) -> u16 {
        self.post_to(EXTERNAL, Some("text/xml; charset=utf-8"), body.as_bytes().to_vec()).await.0
    }

    /// Posts any body. Returns the status, content type and body of the response.
    pub async fn post_to(&self, service: &str, content_type: Option<&str>, body: Vec<u8>) -> (u16, String, String) {
        let mut request = self.client.post(self.url(&format!("/callbacks/{service}"))).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let response = request.send().await.unwrap();
        let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), content_type.unwrap_or_default(), response.text().await.unwrap())
    }

    /// Gets a JSON document.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A known device, by `kind/value`.
    pub async fn device(&self, identifier: &str) -> Value {
        let (status, device) = self.get(&format!("/devices/{identifier}")).await;
        assert_eq!(status, 200, "{device}");
        device
    }

    /// The events of a known device, by `kind/value`.
    pub async fn events(&self, identifier: &str) -> Vec<Value> {
        let (status, events) = self.get(&format!("/devices/{identifier}/events")).await;
        assert_eq!(status, 200, "{events}");
        events.as_array().unwrap().clone()
    }

    /// The messages published to SNS. Waits for this count, and fails if more follow.
    pub async fn topic_messages(&self, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            if self.all("/topics/messages").await.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let messages = self.all("/topics/messages").await;
        assert_eq!(messages.len(), count, "{messages:#?}");
        messages
    }

    /// All messages, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut messages, mut after) = (Vec::new(), 0);
        loop {
            let (status, page) = self.get(&format!("{path}?after={after}")).await;
            assert_eq!(status, 200, "{page}");
            let Some(last) = page.as_array().unwrap().last() else { return messages };
            after = last["number"].as_i64().unwrap();
            messages.extend(page.as_array().unwrap().iter().cloned());
        }
    }

    /// All rows of the table.
    pub async fn rows(&self) -> Vec<std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>> {
        let mut pages = self.local.table.scan().table_name("callbacks").into_paginator().items().send();
        let mut rows = Vec::new();
        while let Some(row) = pages.next().await {
            rows.push(row.unwrap());
        }
        rows
    }
}
