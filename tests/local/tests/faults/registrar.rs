//! Faults at the AWS calls of the registrar.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::put;
use http::StatusCode;
use listener_registrar::{Event, Registrar, Settings};
use local_tests::{Call, Cloud, Connections, Injection, REGISTRAR_TABLE, serve, simulator};
use platform_simulator::{Options, Platform};
use serde_json::{Value, json};
use settings::Variables;
use tokio::time::sleep;

use super::run_scenarios;

/// Timeout of an AWS call of the registrar, retries included, and a longer time.
const AWS_TIMEOUT: Duration = Duration::from_secs(10);
const LATE: Duration = Duration::from_secs(25);

const ACCOUNT: &str = "0000123456-00001";
const SECRET: &str = "arn:callback-credentials";
const LOGIN: &str = "arn:login";
const BASE: &str = "https://example.com/v1/callbacks";
const ELSEWHERE: &str = "https://elsewhere.example.com";
const TOPIC: &str = "arn:aws:sns:local:000000000000:device-events";
const SERVICES: [&str; 3] = ["AlertService", "CarrierService", "DeviceUsage"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Creation,
    Deletion,
    Check,
    Rotation,
}

struct Scenario {
    name: &'static str,
    kind: Kind,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { name: "creation of the stack", kind: Kind::Creation },
    Scenario { name: "check after drift", kind: Kind::Check },
    Scenario { name: "rotation", kind: Kind::Rotation },
    Scenario { name: "deletion of the stack", kind: Kind::Deletion },
];

/// A stack, the platform, and the responses that CloudFormation received.
struct Site {
    cloud: Arc<Cloud>,
    platform: Platform,
    platform_url: String,
    response_url: String,
    responses: Arc<Mutex<Vec<Value>>>,
    client: reqwest::Client,
}

/// A process of the registrar.
struct Process {
    connections: Connections,
    registrar: Registrar,
}

impl Site {
    async fn new() -> Self {
        let cloud = Arc::new(Cloud::default());
        let options = Options::default();
        let login = json!({
            "username": options.username, "password": options.password, "key": options.key, "secret": options.secret,
        });
        let first = json!({ "username": "stack", "password": "the first" });
        cloud.state().add_version(LOGIN, "login", &login.to_string(), &["AWSCURRENT"], 0.0);
        cloud.state().add_version(SECRET, "first", &first.to_string(), &["AWSCURRENT"], 0.0);
        let responses = Arc::new(Mutex::new(Vec::new()));
        let received = responses.clone();
        let receive = async move |body: String| {
            received.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            StatusCode::OK
        };
        let response_url = serve(Router::new().fallback(put(receive))).await;
        let platform = simulator().await;
        let platform_url = format!("http://{}/api", platform.address);
        Self { cloud, platform, platform_url, response_url, responses, client: reqwest::Client::new() }
    }

    async fn start(&self) -> Process {
        let connections = Connections::new(&self.cloud, LATE);
        let services = SERVICES.join(",");
        let settings: BTreeMap<&str, &str> = [
            ("STACK_NAME", "cb"),
            ("CREDENTIALS_SECRET_ARN", SECRET),
            ("PLATFORM_CREDENTIALS_SECRET_ARN", LOGIN),
            ("ACCOUNT_NAMES", ACCOUNT),
            ("PLATFORM_API", "rest"),
            ("PLATFORM_URL", &self.platform_url),
            ("CALLBACK_SERVICES", &services),
            ("CALLBACK_BASE_URL", BASE),
            ("REGISTRAR_TABLE_NAME", REGISTRAR_TABLE),
            ("DEVICE_EVENTS_TOPIC_ARN", TOPIC),
        ]
        .into();
        let variable = |name: &str| settings.get(name).map(|&value| value.to_owned());
        let settings = Settings::read(&Variables::new(&variable)).unwrap();
        let registrar = Registrar::new(&connections.config(AWS_TIMEOUT).await, settings).unwrap();
        Process { connections, registrar: registrar.counting(aws::Metrics::Off) }
    }

    fn deployment(&self, request: &str) -> Value {
        json!({
            "RequestType": request,
            "ResponseURL": self.response_url,
            "StackId": "stack",
            "RequestId": "request",
            "ResourceType": "Custom::PlatformRegistrations",
            "LogicalResourceId": "PlatformRegistrations",
            "PhysicalResourceId": "registrations-of-stack",
            "ResourceProperties": {
                "ServiceToken": "arn:registrar", "OnDeploy": "attempted", "AccountNames": ACCOUNT, "Api": "rest",
                "Services": SERVICES.join(","), "CallbackBaseUrl": BASE, "PlatformUrl": self.platform_url,
            },
        })
    }

    fn other_client(&self) -> registration::Platform {
        let login = self.cloud.state().labelled(LOGIN)["AWSCURRENT"].to_string();
        let login = registration::Login::from_json(&login).unwrap();
        registration::Platform::new(registration::Api::Rest, &self.platform_url, login).unwrap()
    }

    /// Registers another listener for a service.
    async fn repoint(&self, service: &str) {
        let (account, credentials) = (ACCOUNT.parse().unwrap(), registration::Credentials::default());
        let other = registration::Registration::new(registration::Api::Rest, account, service, ELSEWHERE, credentials);
        self.other_client().register(&other.unwrap()).await.unwrap();
    }

    /// Service, URL and password of each registration.
    async fn registrations(&self) -> BTreeSet<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entry =
            |entry: Value| (text(&entry["service"]), text(&entry["url"]), text(&entry["credentials"]["password"]));
        let url = format!("http://{}/_platform/registrations", self.platform.address);
        let registered: Vec<Value> = self.client.get(url).send().await.unwrap().json().await.unwrap();
        registered.into_iter().map(entry).collect()
    }

    /// All services at the URLs of the stack with this password.
    fn registered_with(password: &str) -> BTreeSet<(String, String, String)> {
        SERVICES.map(|service| (service.to_owned(), format!("{BASE}/{service}"), password.to_owned())).into()
    }

    fn password(&self) -> String {
        self.cloud.state().labelled(SECRET)["AWSCURRENT"]["password"].as_str().unwrap().to_owned()
    }

    /// Invariant 12: the listeners accept every password that is registered for them.
    async fn assert_passwords_are_valid(&self) {
        let valid = self.cloud.state().labelled(SECRET);
        for (service, url, password) in self.registrations().await {
            let is_valid = valid.values().any(|version| version["password"] == password.as_str());
            assert!(url == ELSEWHERE || is_valid, "the password registered for {service} is refused");
        }
    }
}

impl Process {
    async fn handle(&self, event: &Value) -> Option<Result<Value, String>> {
        let event: Event = serde_json::from_value(event.clone()).unwrap();
        let result = self.connections.run(self.registrar.handle(event, "invocation")).await;
        result.map(|result| result.map_err(|error| error.to_string()))
    }
}

impl Scenario {
    /// A site before the invocations under test.
    async fn site(&self) -> Site {
        let site = Site::new().await;
        site.cloud.state().stack_status = "CREATE_IN_PROGRESS".to_owned();
        if self.kind != Kind::Creation {
            site.start().await.handle(&site.deployment("Create")).await.unwrap().unwrap();
            assert_eq!(site.registrations().await, Site::registered_with("the first"));
            site.responses.lock().unwrap().clear();
        }
        match self.kind {
            Kind::Check => {
                site.other_client().deregister(&ACCOUNT.parse().unwrap(), "AlertService").await.unwrap();
                site.repoint("DeviceUsage").await;
            }
            Kind::Deletion => {
                site.repoint("DeviceUsage").await;
                site.cloud.state().stack_status = "DELETE_IN_PROGRESS".to_owned();
            }
            Kind::Creation | Kind::Rotation => {}
        }
        site
    }

    fn events(&self, site: &Site) -> Vec<Value> {
        let step = |step: &str| json!({ "Step": step, "SecretId": SECRET, "ClientRequestToken": "second" });
        match self.kind {
            Kind::Creation => vec![site.deployment("Create")],
            Kind::Deletion => vec![site.deployment("Delete")],
            Kind::Check => vec![json!({ "check": "registrations" })],
            Kind::Rotation => ["createSecret", "setSecret", "testSecret", "finishSecret"].map(step).into(),
        }
    }

    async fn undisturbed(&self) -> (Vec<Call>, ()) {
        let site = self.site().await;
        let process = site.start().await;
        for event in self.events(&site) {
            process.handle(&event).await.unwrap().unwrap();
        }
        assert_eq!(self.reason(&site), "Done.");
        assert_eq!(self.announced(&site), self.expected_announcements());
        self.assert_goal(&site, true).await;
        (process.connections.calls(), ())
    }

    /// A run in which something goes wrong. Lambda, Secrets Manager or the schedule repeat an invocation that fails.
    async fn disturbed(&self, injection: &Injection) -> String {
        let site = self.site().await;
        let mut process = site.start().await;
        process.connections.inject(Some(injection.clone()));
        let (mut failed, mut killed, mut pending) = (false, false, true);
        for event in self.events(&site) {
            loop {
                let result = process.handle(&event).await;
                site.assert_passwords_are_valid().await;
                if process.connections.injected() {
                    pending = false;
                    process.connections.recover();
                }
                match result {
                    Some(Ok(_)) => break,
                    Some(Err(error)) => assert!(!std::mem::replace(&mut failed, true), "failed again: {error}"),
                    None => {
                        assert!(!std::mem::replace(&mut killed, true));
                        process = site.start().await;
                    }
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
        assert!(!pending, "the call is not made");
        // Requests that are applied late.
        sleep(LATE * 2).await;
        site.assert_passwords_are_valid().await;
        let reason = self.reason(&site);
        let reported = reason != "Done.";
        if self.kind != Kind::Deletion {
            // The next daily check.
            let checked = process.handle(&json!({ "check": "registrations" })).await.unwrap();
            assert_eq!(checked, Ok(Value::Null));
        }
        self.assert_goal(&site, !reported).await;
        let announced = self.announced(&site);
        assert!(announced.is_subset(&self.expected_announcements()) || reported, "{announced:?}");
        let outcome = match (killed, failed, reported) {
            (true, _, _) => "none, again",
            (_, true, _) => "again",
            (_, _, true) => "reported",
            _ => "done",
        };
        let silent = !announced.is_superset(&self.expected_announcements());
        if silent { format!("{outcome}, unpublished") } else { outcome.to_owned() }
    }

    /// The reason in the response to CloudFormation, if there must be one.
    fn reason(&self, site: &Site) -> String {
        let responses = site.responses.lock().unwrap();
        if matches!(self.kind, Kind::Creation | Kind::Deletion) {
            let response = responses.last().expect("CloudFormation waits for a response");
            assert_eq!(response["Status"], "SUCCESS", "neither fails");
            return response["Reason"].as_str().unwrap().to_owned();
        }
        assert!(responses.is_empty());
        "Done.".to_owned()
    }

    async fn assert_goal(&self, site: &Site, done: bool) {
        let registered = site.registrations().await;
        let elsewhere = ("DeviceUsage".to_owned(), ELSEWHERE.to_owned(), String::new());
        match self.kind {
            Kind::Deletion => {
                assert!(registered.contains(&elsewhere), "the registration of another listener is gone");
                assert!(!done || registered.len() == 1, "{registered:?}");
            }
            Kind::Rotation => {
                assert_ne!(site.password(), "the first");
                assert_eq!(registered, Site::registered_with(&site.password()));
                assert!(!site.cloud.state().labelled(SECRET).contains_key("AWSPENDING"), "the rotation has not ended");
            }
            Kind::Creation | Kind::Check => assert_eq!(registered, Site::registered_with("the first")),
        }
    }

    /// The services whose repair is published.
    fn announced(&self, site: &Site) -> BTreeSet<String> {
        let state = site.cloud.state();
        let messages = state.topics.get(TOPIC).into_iter().flatten();
        messages.map(|message| message["data"]["service"].as_str().unwrap().to_owned()).collect()
    }

    fn expected_announcements(&self) -> BTreeSet<String> {
        let services: &[&str] = if self.kind == Kind::Check { &["AlertService", "DeviceUsage"] } else { &[] };
        services.iter().map(|&service| service.to_owned()).collect()
    }
}

#[test]
fn no_fault_at_a_call_of_the_registrar_leaves_a_wrong_registration_or_a_refused_password() {
    run_scenarios(
        "registrar",
        &SCENARIOS,
        |scenario| scenario.name,
        async |scenario| scenario.undisturbed().await,
        async |scenario, injection, ()| scenario.disturbed(injection).await,
    );
}
