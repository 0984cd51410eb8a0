//! The ledger of a run: a line of JSON for each message, from which its requests can be made again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::delivery::Outcome;
use super::golden;
use super::plan::Planned;
use super::rubbish::Rubbish;
use super::template::{SlotValues, Template};
use crate::rules::{Api, Credentials};

/// A message, duplicate or rubbish that was sent, and the result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The callback service.
    pub service: String,
    /// The account whose listener receives it. Empty if the listener is not registered.
    pub account: String,
    /// The transport.
    pub transport: Api,
    /// The sample file.
    pub message: String,
    /// The request id. That of a message without one only tells it from others.
    pub request_id: String,
    /// The number of the device.
    pub device: u64,
    /// Whether it is the second of two equal messages.
    pub duplicate: bool,
    /// What is wrong with it, if it is rubbish.
    pub rubbish: Option<Rubbish>,
    /// The status of each attempt in the order in which they ended; null if there was no answer.
    pub statuses: Vec<Option<u16>>,
    /// Whether one of them was 2xx.
    pub acknowledged: bool,
}

/// A ledger that is written.
pub(super) struct Ledger(BufWriter<File>);

impl Ledger {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(BufWriter::new(file)))
    }

    pub(super) fn add(&mut self, planned: &Planned, account: &str, outcome: &Outcome) -> anyhow::Result<()> {
        let sample = &planned.sample;
        let entry = LedgerEntry {
            service: sample.service.clone(),
            account: account.to_owned(),
            transport: sample.template.transport,
            message: sample.file.clone(),
            request_id: planned.request_id.clone(),
            device: planned.device,
            duplicate: planned.duplicate,
            rubbish: planned.rubbish,
            statuses: outcome.attempts.iter().map(|(status, _)| *status).collect(),
            acknowledged: outcome.acknowledged,
        };
        serde_json::to_writer(&mut self.0, &entry).map_err(std::io::Error::from)?;
        self.0.write_all(b"\n").context("cannot write the ledger")
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.0.flush().context("cannot write the ledger")
    }
}

/// Makes the requests of a ledger's entries again.
#[derive(Debug, Default)]
pub struct LedgerMessages(BTreeMap<String, Template>);

impl LedgerMessages {
    /// The body of an attempt, the first of which has the number 0.
    ///
    /// # Errors
    ///
    /// The message's file cannot be read.
    pub fn body(&mut self, entry: &LedgerEntry, credentials: &Credentials, attempt: u64) -> anyhow::Result<String> {
        let template = match self.0.entry(entry.message.clone()) {
            std::collections::btree_map::Entry::Occupied(template) => template.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => place.insert(golden::file(&entry.message)?),
        };
        let LedgerEntry { request_id, account, device, .. } = entry;
        let values = SlotValues { credentials, request_id, account, device: *device, resends: attempt };
        Ok(match entry.rubbish {
            Some(rubbish) => rubbish.render(template, &values).0,
            None => template.render(&values),
        })
    }
}
