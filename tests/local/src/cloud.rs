//! AWS in this process, without sockets and therefore without real time: the embedded DynamoDB, and the actions of
//! Secrets Manager, SQS, SNS and CloudFormation that the functions use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lambda_events::dynamodb::EventRecord;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::{Database, DynoxideError};
use serde_json::{Map, Value, from_value, json, to_value};

use crate::contents::Row;

/// The table of devices.
pub const TABLE: &str = "callbacks";

/// The registrar's table.
pub const REGISTRAR_TABLE: &str = "registrar";

/// A request to AWS.
#[derive(Debug, Clone)]
pub struct Request {
    /// `DynamoDB_20120810`, `secretsmanager` or `AmazonSQS`; empty for the APIs with form-encoded requests.
    pub service: String,
    /// The action.
    pub action: String,
    /// The members of the request; form fields are texts.
    pub members: Value,
    body: String,
}

/// Status and body of a response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON or XML.
    pub body: String,
}

/// A version of a secret.
#[derive(Debug, Clone)]
struct Version {
    id: String,
    text: String,
    labels: Vec<String>,
    /// Seconds since 1970.
    created: f64,
}

/// What AWS holds beside the tables.
#[derive(Debug, Default)]
pub struct State {
    /// The messages of each queue, by its URL.
    pub queues: BTreeMap<String, Vec<Value>>,
    /// The messages of each topic, by its ARN, in the order of publication.
    pub topics: BTreeMap<String, Vec<Value>>,
    /// The status of the stack.
    pub stack_status: String,
    secrets: BTreeMap<String, Vec<Version>>,
    passwords: usize,
}

impl State {
    /// Adds a version of a secret with these staging labels, created this many seconds ago.
    pub fn add_version(&mut self, secret: &str, id: &str, value: &str, labels: &[&str], age: f64) {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - age;
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        let version = Version { id: id.to_owned(), text: value.to_owned(), labels, created };
        self.secrets.entry(secret.to_owned()).or_default().push(version);
    }

    /// The contents of the versions of a secret that have a staging label, by label.
    #[must_use]
    pub fn labelled(&self, secret: &str) -> BTreeMap<String, Value> {
        let versions = self.secrets.get(secret).into_iter().flatten();
        let labelled = versions.flat_map(|version| version.labels.iter().map(|label| (label.clone(), &version.text)));
        labelled.map(|(label, text)| (label, serde_json::from_str(text).unwrap())).collect()
    }
}

/// AWS.
pub struct Cloud {
    database: Database,
    state: Mutex<State>,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloud")
    }
}

impl Request {
    /// Reads the action from a request of an SDK client.
    #[must_use]
    pub fn new(target: Option<&str>, body: &[u8]) -> Self {
        let body = String::from_utf8(body.to_vec()).unwrap();
        if let Some((service, action)) = target.and_then(|target| target.split_once('.')) {
            let members = serde_json::from_str(&body).unwrap();
            return Self { service: service.to_owned(), action: action.to_owned(), members, body };
        }
        let fields = form_urlencoded::parse(body.as_bytes()).into_owned();
        let members: Map<String, Value> = fields.map(|(name, value)| (name, Value::String(value))).collect();
        let action = members["Action"].as_str().unwrap().to_owned();
        Self { service: String::new(), action, members: Value::Object(members), body }
    }

    /// A member that is a text, or an empty one.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.members[member].as_str().unwrap_or_default()
    }

    /// The service's answer to a request that it does not permit.
    #[must_use]
    pub fn refused(&self) -> Answer {
        self.error("AccessDeniedException", "not permitted")
    }

    /// The service's answer to a request that exceeds a rate.
    #[must_use]
    pub fn throttled(&self) -> Answer {
        self.error("ThrottlingException", "rate exceeded")
    }

    /// Whether an action has parts that a service can throttle alone.
    #[must_use]
    pub fn can_be_partly_throttled(action: &str) -> bool {
        matches!(action, "BatchGetItem" | "TransactWriteItems" | "PublishBatch")
    }

    fn error(&self, code: &str, message: &str) -> Answer {
        let body = if self.service.is_empty() {
            let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
            format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>")
        } else {
            json!({ "__type": code, "message": message, "Message": message }).to_string()
        };
        Answer { status: 400, body }
    }
}

impl Default for Cloud {
    fn default() -> Self {
        let database = Database::memory().unwrap();
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name: &str, role: &str| json!({ "AttributeName": name, "KeyType": role });
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
        });
        let registrar_table = json!({
            "TableName": REGISTRAR_TABLE, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk")], "KeySchema": [key("pk", "HASH")],
        });
        for table in [table, registrar_table] {
            database.create_table(from_value(table).unwrap()).unwrap();
        }
        Self { database, state: Mutex::default() }
    }
}

impl Cloud {
    /// What it holds beside the tables.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The rows of a table.
    #[must_use]
    pub fn rows(&self, table: &str) -> Vec<Row> {
        let scan = from_value(json!({ "TableName": table, "ConsistentRead": true })).unwrap();
        let scanned = to_value(self.database.scan(scan).unwrap()).unwrap();
        assert!(scanned.get("LastEvaluatedKey").is_none_or(Value::is_null), "the table is larger than one page");
        let text = |value: &Value| value["S"].as_str().or(value["N"].as_str()).unwrap_or_default().to_owned();
        let rows = scanned["Items"].as_array().unwrap().iter().map(|row| row.as_object().unwrap());
        rows.map(|row| row.iter().map(|(name, value)| (name.clone(), text(value))).collect()).collect()
    }

    /// The new events in the stream of the table of devices, as the event source mapping selects them.
    #[must_use]
    pub fn stream(&self) -> Vec<EventRecord> {
        let streams = to_value(self.database.list_streams(from_value(json!({})).unwrap()).unwrap()).unwrap();
        let stream = &streams["Streams"][0]["StreamArn"];
        let described = from_value(json!({ "StreamArn": stream })).unwrap();
        let described = to_value(self.database.describe_stream(described).unwrap()).unwrap();
        let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
        let from = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let iterator = self.database.get_shard_iterator(from_value(from).unwrap()).unwrap().shard_iterator;
        let request = from_value::<GetRecordsRequest>(json!({ "ShardIterator": iterator })).unwrap();
        let records = self.database.get_records(request).unwrap().records;
        assert!(records.len() < 1000, "the stream is larger than one page");
        let records = records.iter().map(|record| to_value(record).unwrap());
        let new_events = records.filter(|record| {
            let sort_key = record["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap();
            record["eventName"] == "INSERT" && sort_key.starts_with("EVENT#")
        });
        new_events.map(|record| from_value(record).unwrap()).collect()
    }

    /// Applies a part of a request, and throttles the rest: of keys and messages the second half, of a transaction one
    /// item and thereby all.
    #[must_use]
    pub fn partly_throttle(&self, request: &Request) -> Answer {
        let mut part = request.clone();
        match request.action.as_str() {
            "BatchGetItem" => {
                let keys = part.members["RequestItems"][TABLE]["Keys"].as_array_mut().unwrap();
                let rest = keys.split_off(keys.len() / 2);
                let mut response = json!({ "Responses": {} });
                if !keys.is_empty() {
                    part.body = part.members.to_string();
                    response = parse(&self.apply(&part).body);
                }
                response["UnprocessedKeys"] = json!({ TABLE: { "Keys": rest, "ConsistentRead": true } });
                ok(&response)
            }
            "TransactWriteItems" => {
                let count = request.members["TransactItems"].as_array().unwrap().len();
                let reason = |number| json!({ "Code": if number == 0 { "ThrottlingError" } else { "None" } });
                let reasons: Vec<Value> = (0..count).map(reason).collect();
                let error = json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "Message": "Transaction cancelled", "CancellationReasons": reasons,
                });
                Answer { status: 400, body: error.to_string() }
            }
            "PublishBatch" => {
                let fields = part.members.as_object_mut().unwrap();
                let number = |name: &str| -> Option<usize> {
                    name.strip_prefix("PublishBatchRequestEntries.member.")?.split('.').next()?.parse().ok()
                };
                let count = fields.keys().filter_map(|name| number(name)).max().unwrap_or_default();
                let is_throttled = |name: &str| number(name).is_some_and(|number| number > count / 2);
                let ids = fields.iter().filter(|(name, _)| name.ends_with(".Id") && is_throttled(name));
                let failed: String = ids
                    .map(|(_, id)| format!("<Id>{}</Id><Code>Throttled</Code>", id.as_str().unwrap_or_default()))
                    .map(|entry| format!("<member>{entry}<SenderFault>false</SenderFault></member>"))
                    .collect();
                fields.retain(|name, _| !is_throttled(name));
                let Answer { status, body } = self.apply(&part);
                Answer { status, body: body.replace("<Failed/>", &format!("<Failed>{failed}</Failed>")) }
            }
            other => panic!("{other} has no parts"),
        }
    }

    /// Applies a request.
    #[must_use]
    pub fn apply(&self, request: &Request) -> Answer {
        match request.service.as_str() {
            "DynamoDB_20120810" => self.dynamodb(request),
            "secretsmanager" => self.secrets_manager(request),
            "AmazonSQS" => self.sqs(request),
            _ => self.form(request),
        }
    }

    fn dynamodb(&self, request: &Request) -> Answer {
        let (database, body) = (&self.database, request.body.as_str());
        let applied = match request.action.as_str() {
            "BatchGetItem" => database.batch_get_item(parse(body)).map(|response| to_value(response).unwrap()),
            "GetItem" => database.get_item(parse(body)).map(|response| to_value(response).unwrap()),
            "PutItem" => database.put_item(parse(body)).map(|response| to_value(response).unwrap()),
            "Query" => database.query(parse(body)).map(|response| to_value(response).unwrap()),
            "TransactWriteItems" => {
                database.transact_write_items(parse(body)).map(|response| to_value(response).unwrap())
            }
            other => panic!("DynamoDB: {other}"),
        };
        applied.map_or_else(
            |error: DynoxideError| Answer { status: error.status_code(), body: error.to_json() },
            |response| ok(&response),
        )
    }

    fn secrets_manager(&self, request: &Request) -> Answer {
        let mut state = self.state();
        if request.action == "GetRandomPassword" {
            state.passwords += 1;
            return ok(&json!({ "RandomPassword": format!("password {}", state.passwords) }));
        }
        let secret = request.text("SecretId").to_owned();
        let versions = state.secrets.entry(secret.clone()).or_default();
        match request.action.as_str() {
            "GetSecretValue" => {
                let id = request.members["VersionId"].as_str();
                let label = request.members["VersionStage"].as_str().or(id.is_none().then_some("AWSCURRENT"));
                let found = versions.iter().find(|version| {
                    id.is_none_or(|id| version.id == id)
                        && label.is_none_or(|label| version.labels.iter().any(|other| other == label))
                });
                let Some(Version { id, text, created, .. }) = found else {
                    return request.error("ResourceNotFoundException", "there is no such version");
                };
                ok(&json!({ "SecretString": text, "VersionId": id, "CreatedDate": created }))
            }
            "PutSecretValue" => {
                let (token, text) = (request.text("ClientRequestToken"), request.text("SecretString"));
                match versions.iter().find(|version| version.id == token) {
                    Some(known) if known.text != text => {
                        return request.error("ResourceExistsException", "the version exists with another value");
                    }
                    Some(_) => {}
                    None => {
                        let label = request.members["VersionStages"][0].as_str().unwrap().to_owned();
                        remove_label(versions, &label);
                        state.add_version(&secret, token, text, &[&label], 0.0);
                    }
                }
                ok(&json!({}))
            }
            "UpdateSecretVersionStage" => {
                let label = request.text("VersionStage");
                let holder = versions.iter().position(|version| version.labels.iter().any(|other| other == label));
                let holder_id = holder.map(|holder| versions[holder].id.clone());
                if holder_id.as_deref() != request.members["RemoveFromVersionId"].as_str() {
                    return request.error("InvalidParameterException", "the label is on another version");
                }
                remove_label(versions, label);
                if let Some(to) = request.members["MoveToVersionId"].as_str() {
                    let Some(to) = versions.iter().position(|version| version.id == to) else {
                        return request.error("ResourceNotFoundException", "there is no such version");
                    };
                    versions[to].labels.push(label.to_owned());
                    if let Some(holder) = holder.filter(|_| label == "AWSCURRENT") {
                        remove_label(versions, "AWSPREVIOUS");
                        versions[holder].labels.push("AWSPREVIOUS".to_owned());
                    }
                }
                ok(&json!({}))
            }
            other => panic!("Secrets Manager: {other}"),
        }
    }

    fn sqs(&self, request: &Request) -> Answer {
        match request.action.as_str() {
            "GetQueueAttributes" => ok(&json!({ "Attributes": { "QueueArn": "arn:queue" } })),
            "ChangeMessageVisibility" => ok(&json!({})),
            "SendMessage" => {
                let message = serde_json::from_str(request.text("MessageBody")).unwrap();
                self.state().queues.entry(request.text("QueueUrl").to_owned()).or_default().push(message);
                ok(&json!({ "MessageId": "1" }))
            }
            other => panic!("SQS: {other}"),
        }
    }

    /// SNS and CloudFormation.
    fn form(&self, request: &Request) -> Answer {
        let action = request.action.as_str();
        let mut state = self.state();
        let (xmlns, result) = match action {
            "Publish" | "PublishBatch" => {
                let topic = state.topics.entry(request.text("TopicArn").to_owned()).or_default();
                let mut taken = String::new();
                if action == "Publish" {
                    topic.push(serde_json::from_str(request.text("Message")).unwrap());
                    taken.push_str("<MessageId>1</MessageId>");
                } else {
                    let entries =
                        (1..).map(|number| format!("PublishBatchRequestEntries.member.{number}")).map_while(|entry| {
                            let id = request.members.get(format!("{entry}.Id"))?.as_str()?;
                            Some((id, request.text(&format!("{entry}.Message"))))
                        });
                    for (id, message) in entries {
                        topic.push(serde_json::from_str(message).unwrap());
                        taken.push_str(&format!("<member><Id>{id}</Id><MessageId>1</MessageId></member>"));
                    }
                    taken = format!("<Successful>{taken}</Successful><Failed/>");
                }
                ("http://sns.amazonaws.com/doc/2010-03-31/", taken)
            }
            "DescribeStacks" => {
                let created = "<CreationTime>2026-01-01T00:00:00Z</CreationTime>";
                let status = format!("<StackStatus>{}</StackStatus>", state.stack_status);
                let stack = format!("<member><StackName>cb</StackName>{created}{status}</member>");
                ("http://cloudformation.amazonaws.com/doc/2010-05-15/", format!("<Stacks>{stack}</Stacks>"))
            }
            other => panic!("{other}"),
        };
        let result = format!("<{action}Result>{result}</{action}Result>");
        Answer { status: 200, body: format!("<{action}Response xmlns=\"{xmlns}\">{result}</{action}Response>") }
    }
}

fn remove_label(versions: &mut [Version], label: &str) {
    for version in versions {
        version.labels.retain(|other| other != label);
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &str) -> T {
    serde_json::from_str(body).unwrap()
}

fn ok(response: &Value) -> Answer {
    Answer { status: 200, body: response.to_string() }
}
