//! The comparison of the platform's ledger with the table, the topics and the queues.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;

use callback::Callback;
use device::{CallbackDelivery, Device, Digest, RecordedEvent};
use jiff::Timestamp;
use local_stack::{DEAD_LETTERS, PARKED, QUARANTINE, TABLE};
use platform_simulator::rules::Credentials;
use platform_simulator::send::{LedgerEntry, LedgerMessages, Rubbish};
use queued_callback::QueuedCallback;
use serde_json::{Value, json};

use crate::stack::{PASSWORD, Stack, USERNAME};

/// Maximum number of differences that are printed.
const MAX_PRINTED: usize = 30;

/// What must be in the table of a part of a message.
#[derive(Default)]
struct Expected {
    /// The message, for a person to find it.
    message: String,
    /// What its event contains; the same for parts of equal messages without a unique request id.
    content: String,
    /// Whether a message with it was answered 2xx.
    acknowledged: bool,
    /// How often it may have been received.
    attempts: u64,
    /// Whether its request id is of one message alone.
    unique: bool,
    /// The partition and sequence of its event, by the receipt.
    receipt: Option<(String, u64)>,
}

/// An event of the table.
struct Recorded {
    id: String,
    content: String,
    moved: bool,
}

#[derive(Default)]
pub(crate) struct Books {
    counts: Vec<(&'static str, u64)>,
    /// Whatever does not agree.
    pub(crate) differences: Vec<String>,
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.counts {
            writeln!(f, "| {name} | {count} |")?;
        }
        for difference in self.differences.iter().take(MAX_PRINTED) {
            writeln!(f, "{difference}")?;
        }
        writeln!(f, "{} differences", self.differences.len())
    }
}

/// What an event is about, apart from its position in a history.
fn content(service: &str, request_id: Option<&str>, change: &str, devices: &impl serde::Serialize) -> String {
    Digest::of(&[service, request_id.unwrap_or_default(), change, &json!(devices).to_string()]).full()
}

impl Books {
    /// Compares them.
    pub(crate) async fn compare(stack: &Stack, ledgers: &[impl AsRef<Path>]) -> Self {
        let mut books = Self::default();
        let mut expected = books.read_ledgers(stack, ledgers);
        books.read_table(stack, &mut expected).await;
        books.count("parked callbacks left", stack.cloud.queues.length(PARKED).unwrap());
        if books.counts.last().unwrap().1 > 0 {
            books.differ("the queue of parked callbacks is not empty".to_owned());
        }
        books
    }

    fn count(&mut self, name: &'static str, count: impl TryInto<u64>) {
        self.counts.push((name, count.try_into().unwrap_or(u64::MAX)));
    }

    fn differ(&mut self, difference: String) {
        self.differences.push(difference);
    }

    /// The parts that must be recorded, by idempotency key. Compares rubbish with the quarantine.
    fn read_ledgers(&mut self, stack: &Stack, ledgers: &[impl AsRef<Path>]) -> HashMap<String, Expected> {
        let credentials = Credentials { username: USERNAME.to_owned(), password: PASSWORD.to_owned() };
        let mut messages = LedgerMessages::default();
        let mut expected: HashMap<String, Expected> = HashMap::new();
        let mut rubbish = Vec::new();
        let mut statuses: BTreeMap<Option<u16>, u64> = BTreeMap::new();
        let (mut sent, mut duplicates, mut acknowledged) = (0_u64, 0_u64, 0_u64);
        let lines = ledgers.iter().flat_map(|ledger| BufReader::new(std::fs::File::open(ledger).unwrap()).lines());
        for line in lines {
            let entry: LedgerEntry = serde_json::from_str(&line.unwrap()).unwrap();
            for status in &entry.statuses {
                *statuses.entry(*status).or_default() += 1;
            }
            if entry.rubbish.is_some() {
                rubbish.push(entry);
                continue;
            }
            sent += u64::from(!entry.duplicate);
            duplicates += u64::from(entry.duplicate);
            acknowledged += u64::from(entry.acknowledged);
            let service = registry::service(&entry.service).unwrap();
            let body = messages.body(&entry, &credentials, 0).unwrap();
            let message = Callback::parse(body.as_bytes(), None).unwrap().message;
            let delivery = CallbackDelivery::new(&service, &message, Timestamp::UNIX_EPOCH);
            for (number, observation) in (service.interpret)(&service.name, message).into_iter().enumerate() {
                let part = expected.entry(delivery.key(number).full()).or_default();
                let LedgerEntry { message, request_id, device, .. } = &entry;
                part.message = format!("{message} for device {device}, {request_id}");
                let request_id = delivery.request_id.as_deref();
                part.content = content(&service.name, request_id, &observation.change, &observation.devices);
                part.acknowledged |= entry.acknowledged;
                part.attempts += entry.statuses.len() as u64;
                part.unique = delivery.has_unique_request_id();
            }
        }
        self.count("messages sent", sent);
        self.count("duplicates sent", duplicates);
        self.count("rubbish sent", rubbish.len());
        self.count("messages and duplicates answered 2xx", acknowledged);
        self.count("messages and duplicates never answered 2xx", sent + duplicates - acknowledged);
        self.compare_answers(stack, &statuses);
        self.compare_quarantine(stack, &rubbish, &mut messages, &credentials);
        expected
    }

    /// Every answer that the platform received is one of the gateway's.
    fn compare_answers(&mut self, stack: &Stack, received: &BTreeMap<Option<u16>, u64>) {
        let answers = stack.functions.answers();
        self.count("requests of the platform", received.values().sum::<u64>());
        self.count("… without an answer", received.get(&None).copied().unwrap_or_default());
        for (status, name) in [
            (200, "… answered 200"),
            (400, "… answered 400"),
            (401, "… answered 401"),
            (415, "… answered 415"),
            (502, "… answered 502: the function was killed"),
            (503, "… answered 503"),
        ] {
            self.count(name, received.get(&Some(status)).copied().unwrap_or_default());
        }
        for (status, count) in received {
            let Some(status) = status else { continue };
            let answered = answers.get(status).copied().unwrap_or_default();
            if answered < *count || ![200, 400, 401, 415, 502, 503].contains(status) {
                self.differ(format!("the platform received {status} {count} times; it was answered {answered} times"));
            }
        }
    }

    /// Rubbish was refused and is quarantined, and nothing else is.
    fn compare_quarantine(
        &mut self,
        stack: &Stack,
        rubbish: &[LedgerEntry],
        messages: &mut LedgerMessages,
        credentials: &Credentials,
    ) {
        let mut quarantined: HashMap<Vec<u8>, u64> = HashMap::new();
        for message in all(stack, QUARANTINE) {
            let callback: QueuedCallback = serde_json::from_value(message).unwrap();
            *quarantined.entry(callback.body().to_vec()).or_default() += 1;
        }
        let mut refused: HashMap<Vec<u8>, u64> = HashMap::new();
        let (mut answered_attempts, mut parked) = (0, 0);
        for entry in rubbish {
            let kind = entry.rubbish.unwrap();
            let refusal = match kind {
                Rubbish::Truncated | Rubbish::Text | Rubbish::Empty => 400,
                Rubbish::ContentType => 415,
                Rubbish::Password => 401,
            };
            // While the credentials cannot be read, a callback is parked, and verified when it is redriven.
            let is_parked = |status: u16| kind == Rubbish::Password && status == 200;
            let mut in_queue = 0;
            for status in entry.statuses.iter().flatten() {
                let status = *status;
                if status == refusal || is_parked(status) {
                    in_queue += 1;
                    parked += u64::from(is_parked(status));
                } else if !matches!(status, 502 | 503) {
                    self.differ(format!("rubbish was answered {status}: {entry:?}"));
                }
            }
            if kind != Rubbish::Empty {
                answered_attempts += in_queue;
                // The attempts differ in their counter, if the message has one. Those without an answer may be there.
                for attempt in 0..entry.statuses.len() as u64 {
                    let body = messages.body(entry, credentials, attempt).unwrap().into_bytes();
                    let least = refused.entry(body).or_default();
                    *least += u64::from(attempt == 0) * in_queue;
                }
            }
        }
        let in_queue: u64 = quarantined.values().sum();
        for body in quarantined.keys() {
            if !refused.contains_key(body) {
                self.differ(format!("quarantined, but no rubbish: {}", String::from_utf8_lossy(body)));
            }
        }
        let unanswered: u64 = rubbish
            .iter()
            .filter(|entry| entry.rubbish != Some(Rubbish::Empty))
            .flat_map(|entry| &entry.statuses)
            .filter(|status| matches!(status, None | Some(502 | 503)))
            .count() as u64;
        self.compare_rubbish(rubbish, messages, credentials, &quarantined);
        let sent = stack.cloud.queued.lock().unwrap().get(QUARANTINE).copied().unwrap_or_default();
        if sent != in_queue {
            self.differ(format!("the quarantine took {sent} callbacks, but {in_queue} are in it"));
        }
        self.count("attempts of rubbish that must be quarantined", answered_attempts);
        self.count("… of which parked first, unverified", parked);
        self.count("attempts of rubbish that may be quarantined: no answer, 502 or 503", unanswered);
        self.count("quarantined callbacks", in_queue);
        let parked = stack.cloud.queued.lock().unwrap().get(PARKED).copied().unwrap_or_default();
        self.count("callbacks parked meanwhile", parked);
    }

    /// Every attempt of rubbish that was answered is in the quarantine.
    fn compare_rubbish(
        &mut self,
        rubbish: &[LedgerEntry],
        messages: &mut LedgerMessages,
        credentials: &Credentials,
        quarantined: &HashMap<Vec<u8>, u64>,
    ) {
        // Bodies of different attempts can be equal, and so can truncated ones of different devices.
        let mut groups: BTreeMap<Vec<Vec<u8>>, u64> = BTreeMap::new();
        for entry in rubbish.iter().filter(|entry| entry.rubbish != Some(Rubbish::Empty)) {
            let bodies: HashSet<_> =
                (0..2).map(|attempt| messages.body(entry, credentials, attempt).unwrap().into_bytes()).collect();
            let mut bodies: Vec<_> = bodies.into_iter().collect();
            bodies.sort_unstable();
            let answered = entry.statuses.iter().flatten().filter(|status| !matches!(status, 502 | 503)).count();
            *groups.entry(bodies).or_default() += answered as u64;
        }
        for (bodies, answered) in groups {
            let found: u64 = bodies.iter().filter_map(|body| quarantined.get(body)).sum();
            if found < answered {
                let body = String::from_utf8_lossy(&bodies[0]).into_owned();
                self.differ(format!("refused {answered} times, quarantined {found} times: {body}"));
            }
        }
    }

    async fn read_table(&mut self, stack: &Stack, expected: &mut HashMap<String, Expected>) {
        let mut events: HashMap<(String, u64), Recorded> = HashMap::new();
        let mut versions: HashMap<String, u64> = HashMap::new();
        let (mut owned, mut owners) = (HashMap::new(), HashMap::new());
        let mut receipts = 0_u64;
        // Without a limit, the engine reads the rest of the table for every page.
        let scan = stack.table().await.scan().table_name(TABLE).limit(500);
        let mut pages = scan.into_paginator().items().send();
        while let Some(row) = pages.next().await {
            let row = row.unwrap();
            let text = |name: &str| row[name].as_s().unwrap().as_str();
            let number = |name: &str| row[name].as_n().unwrap().parse::<u64>().unwrap();
            let (pk, sk) = (text("pk"), text("sk"));
            match pk.split_once('#').unwrap() {
                ("DEVICE" | "ACCOUNT", _) if sk == "STATE" => {
                    versions.insert(pk.to_owned(), number("version"));
                    if let Some(device) = row.get("device") {
                        let device: Device = serde_json::from_str(device.as_s().unwrap()).unwrap();
                        for identifier in device.identifiers {
                            let identifier = format!("{}#{}", identifier.kind.as_str(), identifier.value);
                            if owned.insert(identifier.clone(), pk.to_owned()).is_some() {
                                self.differ(format!("{identifier} belongs to two devices"));
                            }
                        }
                    }
                }
                ("DEVICE" | "ACCOUNT", _) => {
                    let RecordedEvent { event, .. } = serde_json::from_str(text("event")).unwrap();
                    let request_id = event.request_id.as_deref();
                    let recorded = Recorded {
                        content: content(&event.service, request_id, &event.change, &event.devices),
                        moved: event.change == device::IDENTIFIERS_MOVED,
                        id: event.id,
                    };
                    events.insert((pk.to_owned(), event.sequence), recorded);
                }
                ("IDENTIFIER", identifier) => {
                    owners.insert(identifier.to_owned(), format!("DEVICE#{}", text("device")));
                }
                ("RECEIPT", key) => {
                    receipts += 1;
                    let Some(part) = expected.get_mut(key) else {
                        self.differ(format!("a receipt of nothing that was sent: {}", text("subject")));
                        continue;
                    };
                    part.receipt = Some((text("subject").to_owned(), number("sequence")));
                }
                ("REQUEST", _) => {}
                _ => self.differ(format!("an unknown row: {pk}")),
            }
        }
        self.count("devices and accounts", versions.len());
        self.count("identifiers", owners.len());
        self.count("receipts", receipts);
        self.count("events", events.len());
        if owned != owners {
            self.differ("identifiers and devices disagree".to_owned());
        }
        self.compare_versions(&events, &versions);
        self.compare_events(expected, &events);
        self.compare_topics(stack, &events);
    }

    /// Versions have no gaps, and every version has its event.
    fn compare_versions(&mut self, events: &HashMap<(String, u64), Recorded>, versions: &HashMap<String, u64>) {
        let mut numbers: HashMap<&String, u64> = HashMap::new();
        for (partition, sequence) in events.keys() {
            *numbers.entry(partition).or_default() += 1;
            if *sequence == 0 || versions.get(partition).is_none_or(|version| sequence > version) {
                self.differ(format!("{partition} has the event {sequence} beyond its version"));
            }
        }
        for (partition, version) in versions {
            if numbers.get(partition) != Some(version) {
                self.differ(format!("{partition} has the version {version}, but {:?} events", numbers.get(partition)));
            }
        }
    }

    /// What was answered 2xx is recorded, once, and nothing else.
    fn compare_events(&mut self, expected: &HashMap<String, Expected>, events: &HashMap<(String, u64), Recorded>) {
        // How often each content may and must occur.
        let mut contents: HashMap<&str, (u64, u64)> = HashMap::new();
        let (mut missing, mut recorded_unanswered, mut parts) = (0_u64, 0_u64, 0_u64);
        for (key, part) in expected {
            parts += 1;
            let (least, most) = contents.entry(&part.content).or_default();
            let Some((subject, sequence)) = &part.receipt else {
                missing += 1;
                if part.acknowledged {
                    self.differ(format!("answered 2xx, but not recorded: {}", part.message));
                }
                continue;
            };
            recorded_unanswered += u64::from(!part.acknowledged);
            *least += 1;
            *most += if part.unique { 1 } else { part.attempts };
            let id = Digest::of(&["event", key, subject, &sequence.to_string()]).short();
            let partitions = [format!("DEVICE#{subject}"), format!("ACCOUNT#{subject}")];
            let event = partitions.into_iter().find_map(|partition| events.get(&(partition, *sequence)));
            if event.is_none_or(|event| event.id != id || event.moved || event.content != part.content) {
                self.differ(format!("the event of a receipt is missing: {}", part.message));
            }
        }
        let mut found: HashMap<&str, u64> = HashMap::new();
        for event in events.values().filter(|event| !event.moved) {
            *found.entry(&event.content).or_default() += 1;
        }
        for (content, found) in &found {
            let (least, most) = contents.get(content).copied().unwrap_or_default();
            if !(least..=most).contains(found) {
                let message = expected.values().find(|part| part.content == **content).map(|part| &part.message);
                self.differ(format!("recorded {found} times instead of {least} to {most} times: {message:?}"));
            }
        }
        let moved = events.values().filter(|event| event.moved).count();
        self.count("parts of messages", parts);
        self.count("… not recorded: never answered 2xx", missing);
        self.count("… recorded, although never answered 2xx", recorded_unanswered);
        self.count("events of messages", events.len() - moved);
        self.count("events of moved identifiers", moved);
        let repeated = (events.len() - moved) as u64 + missing - parts;
        self.count("events of repeated messages without a unique request id", repeated);
    }

    /// Every event is published in order or in the dead-letter queue, and nothing else.
    fn compare_topics(&mut self, stack: &Stack, events: &HashMap<(String, u64), Recorded>) {
        let topics = stack.cloud.topics.lock().unwrap();
        let ids: HashSet<&str> = events.values().map(|event| event.id.as_str()).collect();
        if ids.len() != events.len() {
            self.differ("two events have the same id".to_owned());
        }
        for id in &ids {
            if topics.published.contains_key(*id) == topics.poison.contains(*id) {
                self.differ(format!("neither published nor poison, or both: {id}"));
            }
        }
        for id in topics.published.keys().chain(&topics.poison).filter(|id| !ids.contains(id.as_str())) {
            self.differ(format!("published, but not in the table: {id}"));
        }
        for disorder in &topics.disorder {
            self.differ(format!("published out of order: {disorder}"));
        }
        let mut dead: HashSet<String> = HashSet::new();
        for letter in all(stack, DEAD_LETTERS) {
            let event: Value =
                serde_json::from_str(letter["record"]["dynamodb"]["NewImage"]["event"]["S"].as_str().unwrap()).unwrap();
            dead.insert(event["event"]["id"].as_str().unwrap().to_owned());
        }
        if dead != topics.poison {
            self.differ("the dead-letter queue does not hold exactly the poison events".to_owned());
        }
        self.count("events published", topics.published.len());
        self.count("… publications, with repetitions", topics.published.values().sum::<u64>());
        self.count("poison events in the dead-letter queue", dead.len());
    }
}

/// The messages of a queue.
fn all(stack: &Stack, queue: &str) -> Vec<Value> {
    let (mut messages, mut after) = (Vec::new(), Some(0));
    while let Some(start) = after {
        let (page, next) = stack.cloud.queues.page(queue, start, 1000).unwrap();
        messages.extend(page);
        after = next;
    }
    messages
}
