//! `callbacks local` in this process.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use listener::{AllowedAddresses, CallbackQueue};
use local_stack::{Local, Options, start};
use queued_callback::QueuedCallback;
use serde_json::Value;
use store::Store;

use crate::endpoint::aws_config;
use crate::messages::EXTERNAL;

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
    pub async fn rows(&self) -> Vec<HashMap<String, AttributeValue>> {
        let mut pages = self.local.table.scan().table_name("callbacks").into_paginator().items().send();
        let mut rows = Vec::new();
        while let Some(row) = pages.next().await {
            rows.push(row.unwrap());
        }
        rows
    }

    /// The first page of quarantined callbacks.
    pub async fn quarantined(&self) -> Vec<QueuedCallback> {
        self.queued("/quarantine/messages").await
    }

    /// The first page of parked callbacks.
    pub async fn parked(&self) -> Vec<QueuedCallback> {
        self.queued("/parked/messages").await
    }

    async fn queued(&self, path: &str) -> Vec<QueuedCallback> {
        serde_json::from_value(self.get(path).await.1).unwrap()
    }

    /// A queue of this stack, for a listener or redriver outside.
    #[must_use]
    pub fn queue(&self, name: &str) -> CallbackQueue {
        let config = aws_config(&format!("http://{}", self.local.address), RetryConfig::standard());
        CallbackQueue::new(aws_sdk_sqs::Client::new(&config), format!("http://local/{name}"))
    }

    /// Posts a message until it is answered 200, as the platform's resends would. An unoptimized build may need
    /// several attempts to record a large message: each one continues where the one before reached its deadline.
    pub async fn post_until_recorded(&self, service: &str, content_type: &str, body: &[u8], max_attempts: usize) {
        let mut statuses = Vec::new();
        while statuses.last() != Some(&200) && statuses.len() < max_attempts {
            statuses.push(self.post_to(service, Some(content_type), body.to_vec()).await.0);
        }
        assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    }

    /// Writes a version to a device's row that differs from the one in its document, so that every conditional write of
    /// the device fails.
    pub async fn corrupt_version(&self, device_id: impl Display) {
        let version = AttributeValue::N("7".to_owned());
        let update = self.local.table.update_item().table_name("callbacks").update_expression("SET version = :version");
        let update = update.key("pk", AttributeValue::S(format!("DEVICE#{device_id}")));
        let update = update.key("sk", AttributeValue::S("STATE".to_owned()));
        update.expression_attribute_values(":version", version).send().await.unwrap();
    }
}
