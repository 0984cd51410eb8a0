//! The registrar with a scripted AWS and the simulator of the platform: deployments, rotations and the daily check.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::retry::RetryConfig;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use callback::Callback;
use credentials::{Cache, CallbackSecret};
use http::{HeaderMap, Method, StatusCode, Uri};
use listener::Verifier;
use listener_registrar::{Event, Registrar, Settings};
use local_tests::{aws_config, registrations, serve, simulator};
use platform_simulator as platform;
use serde_json::{Value, json};
use settings::Variables;

const ACCOUNT: &str = "0000123456-00001";
pub(crate) const LISTENER: &str = "arn:listener";
pub(crate) const PLATFORM: &str = "arn:platform";
const BASE: &str = "https://example.com/v1/callbacks";

/// The scripted AWS: two secrets, a table, a topic and CloudFormation.
#[derive(Default)]
pub(crate) struct Aws {
    pub(crate) login: Mutex<Value>,
    /// The versions of the listener's secret, by id.
    pub(crate) versions: Mutex<BTreeMap<String, Version>>,
    /// The rows of the registrar's table, by key.
    pub(crate) rows: Mutex<BTreeMap<String, Value>>,
    /// The status of the stack. If empty, `DescribeStacks` is denied.
    pub(crate) stack_status: Mutex<String>,
    pub(crate) published: Mutex<Vec<Value>>,
    pub(crate) answers: Mutex<Vec<Value>>,
    /// The number of requests for versions of the listener's secret.
    reads: Mutex<usize>,
    /// The number of further requests for a secret that are denied.
    denied_reads: Mutex<usize>,
    /// The number of further responses that CloudFormation fails to receive.
    failing_answers: Mutex<usize>,
}

/// Value, stages and seconds since 1970.
pub(crate) type Version = (Value, Vec<String>, f64);

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

impl Aws {
    fn version(&self, id: &str, password: &str, stages: &[&str], age: f64) {
        let value = json!({ "username": "stack", "password": password });
        let stages = stages.iter().map(|&stage| stage.to_owned()).collect();
        self.versions.lock().unwrap().insert(id.to_owned(), (value, stages, seconds() - age));
    }

    fn version_with_stage(&self, stage: &str) -> Option<String> {
        let versions = self.versions.lock().unwrap();
        versions.iter().find(|(_, (_, stages, _))| stages.iter().any(|other| other == stage)).map(|(id, _)| id.clone())
    }
}

pub(crate) async fn aws(
    State(aws): State<Arc<Aws>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    if method == Method::PUT && uri.path() == "/cloudformation" {
        let mut failing_answers = aws.failing_answers.lock().unwrap();
        if *failing_answers > 0 {
            *failing_answers -= 1;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        assert!(!headers.contains_key("content-type"), "the URL is signed for a request without one");
        aws.answers.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        return StatusCode::OK.into_response();
    }
    let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned()).unwrap_or_default();
    let Some((service, action)) = target.split_once('.') else {
        return form(&aws, &form_urlencoded::parse(body.as_bytes()).into_owned().collect());
    };
    let request: Value = serde_json::from_str(&body).unwrap();
    if service.starts_with("DynamoDB") {
        assert_eq!(request["TableName"], "registrar");
        let mut rows = aws.rows.lock().unwrap();
        return match action {
            "GetItem" => {
                let row = rows.get(request["Key"]["pk"]["S"].as_str().unwrap());
                axum::Json(row.map_or(json!({}), |row| json!({ "Item": row }))).into_response()
            }
            "PutItem" => {
                rows.insert(request["Item"]["pk"]["S"].as_str().unwrap().to_owned(), request["Item"].clone());
                axum::Json(json!({})).into_response()
            }
            other => panic!("{other}"),
        };
    }
    let absent = || {
        let error = json!({ "__type": "ResourceNotFoundException", "Message": "no such version" });
        (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
    };
    let mut denied_reads = aws.denied_reads.lock().unwrap();
    if *denied_reads > 0 {
        *denied_reads -= 1;
        let error = json!({ "__type": "AccessDeniedException", "Message": "not propagated yet" });
        return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
    }
    match action {
        "GetSecretValue" if request["SecretId"] == PLATFORM => {
            // A changed login is a new version.
            let login = aws.login.lock().unwrap().to_string();
            let version = BuildHasherDefault::<DefaultHasher>::default().hash_one(&login);
            axum::Json(json!({ "SecretString": login, "VersionId": version.to_string() })).into_response()
        }
        "GetSecretValue" => {
            *aws.reads.lock().unwrap() += 1;
            let versions = aws.versions.lock().unwrap();
            let version = versions.iter().find(|(id, (_, stages, _))| {
                request.get("VersionId").is_none_or(|requested| requested == *id)
                    && request.get("VersionStage").is_none_or(|requested| stages.iter().any(|stage| requested == stage))
            });
            let Some((id, (value, _, created))) = version else { return absent() };
            let value = json!({ "SecretString": value.to_string(), "VersionId": id, "CreatedDate": created });
            axum::Json(value).into_response()
        }
        "GetRandomPassword" => axum::Json(json!({ "RandomPassword": "a new one" })).into_response(),
        "PutSecretValue" => {
            let value: Value = serde_json::from_str(request["SecretString"].as_str().unwrap()).unwrap();
            let id = request["ClientRequestToken"].as_str().unwrap();
            aws.version(id, value["password"].as_str().unwrap(), &["AWSPENDING"], 0.0);
            axum::Json(json!({})).into_response()
        }
        "UpdateSecretVersionStage" => {
            let (to, from) = (request["MoveToVersionId"].as_str(), request["RemoveFromVersionId"].as_str());
            let label = request["VersionStage"].as_str().unwrap();
            let mut versions = aws.versions.lock().unwrap();
            let (_, stages, _) = versions.get_mut(from.unwrap()).unwrap();
            assert!(stages.iter().any(|stage| stage == label), "AWS refuses to remove a label that is not there");
            stages.retain(|stage| stage != label);
            if label == "AWSCURRENT" {
                versions.values_mut().for_each(|(_, stages, _)| stages.retain(|stage| stage != "AWSPREVIOUS"));
                versions.get_mut(from.unwrap()).unwrap().1.push("AWSPREVIOUS".to_owned());
            }
            if let Some(to) = to {
                versions.get_mut(to).unwrap().1.push(label.to_owned());
            }
            axum::Json(json!({})).into_response()
        }
        other => panic!("{other}"),
    }
}

/// The APIs with form-encoded requests: SNS and CloudFormation.
fn form(aws: &Aws, fields: &BTreeMap<String, String>) -> Response {
    match fields["Action"].as_str() {
        "Publish" => {
            aws.published.lock().unwrap().push(serde_json::from_str(&fields["Message"]).unwrap());
            let result = "<PublishResult><MessageId>1</MessageId></PublishResult>";
            format!("<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{result}</PublishResponse>")
        }
        "DescribeStacks" if aws.stack_status.lock().unwrap().is_empty() => {
            let error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not permitted</Message></Error>";
            let body = format!("<ErrorResponse>{error}</ErrorResponse>");
            return (StatusCode::FORBIDDEN, body).into_response();
        }
        "DescribeStacks" => {
            let status = aws.stack_status.lock().unwrap().clone();
            let stack = format!(
                "<StackName>cb</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>{status}</StackStatus>"
            );
            let result = format!("<DescribeStacksResult><Stacks><member>{stack}</member></Stacks></DescribeStacksResult>");
            let xmlns = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
            format!("<DescribeStacksResponse xmlns=\"{xmlns}\">{result}</DescribeStacksResponse>")
        }
        other => panic!("{other}"),
    }
    .into_response()
}

pub(crate) struct Deployment {
    aws: Arc<Aws>,
    aws_url: String,
    pub(crate) simulator: platform::Platform,
    registrar: Registrar,
    config: aws_config::SdkConfig,
    api: &'static str,
}

impl Deployment {
    pub(crate) async fn with(api: &'static str, accounts: &str) -> Self {
        let simulator = simulator().await;
        let platform_url = address(api, &simulator);
        Self::of(api, accounts, simulator, platform_url).await
    }

    async fn of(api: &'static str, accounts: &str, simulator: platform::Platform, platform_url: String) -> Self {
        let scripted = Arc::new(Aws::default());
        scripted.version("first", "the first", &["AWSCURRENT"], 0.0);
        let app = Router::new().fallback(aws).with_state(scripted.clone());
        let aws_url = serve(app).await;

        let usual = platform::Options::default();
        *scripted.login.lock().unwrap() = json!({
            "username": usual.username, "password": usual.password, "key": usual.key, "secret": usual.secret,
        });
        let config = aws_config(&aws_url, RetryConfig::standard());
        let settings: BTreeMap<&str, String> = [
            ("STACK_NAME", "cb".to_owned()),
            ("CREDENTIALS_SECRET_ARN", LISTENER.to_owned()),
            ("PLATFORM_CREDENTIALS_SECRET_ARN", PLATFORM.to_owned()),
            ("ACCOUNT_NAMES", accounts.to_owned()),
            ("PLATFORM_API", api.to_owned()),
            ("PLATFORM_URL", platform_url),
            ("CALLBACK_SERVICES", "all".to_owned()),
            ("CALLBACK_BASE_URL", BASE.to_owned()),
            ("REGISTRAR_TABLE_NAME", "registrar".to_owned()),
            ("DEVICE_EVENTS_TOPIC_ARN", "arn:aws:sns:local:000000000000:events".to_owned()),
        ]
        .into();
        let settings = Settings::read(&Variables::new(&|name| settings.get(name).cloned())).unwrap();
        let registrar = Registrar::new(&config, settings).unwrap();
        Self { aws: scripted, aws_url, simulator, registrar, config, api }
    }

    async fn new() -> Self {
        Self::with("rest", ACCOUNT).await
    }

    pub(crate) async fn handle(&self, event: Value) -> Result<Value, String> {
        let event: Event = serde_json::from_value(event).unwrap();
        self.registrar.handle(event, "invocation").await.map_err(|error| error.to_string())
    }

    pub(crate) fn properties(&self, services: &str) -> Value {
        json!({
            "ServiceToken": "arn:registrar",
            "OnDeploy": "attempted",
            "AccountNames": ACCOUNT,
            "Api": self.api,
            "Services": services,
            "CallbackBaseUrl": BASE,
            "PlatformUrl": address(self.api, &self.simulator),
        })
    }

    /// Sends a request like CloudFormation. Returns the status and reason of the response.
    pub(crate) async fn request(&self, request: &str, properties: Value, old: Option<Value>) -> (String, String) {
        let status = format!("{}_IN_PROGRESS", request.to_ascii_uppercase());
        self.request_while(&status, request, properties, old).await
    }

    /// The same with this status of the stack; if empty, it cannot be described.
    async fn request_while(
        &self,
        stack_status: &str,
        request: &str,
        properties: Value,
        old: Option<Value>,
    ) -> (String, String) {
        stack_status.clone_into(&mut self.aws.stack_status.lock().unwrap());
        let mut event = json!({
            "RequestType": request,
            "ResponseURL": format!("{}/cloudformation", self.aws_url),
            "StackId": "stack",
            "RequestId": "request",
            "ResourceType": "Custom::PlatformRegistrations",
            "LogicalResourceId": "PlatformRegistrations",
            "ResourceProperties": properties,
        });
        if request != "Create" {
            event["PhysicalResourceId"] = json!("registrations-of-stack");
        }
        if let Some(old) = old {
            event["OldResourceProperties"] = old;
        }
        self.handle(event).await.unwrap();
        let answer = self.aws.answers.lock().unwrap().pop().unwrap();
        assert_eq!(answer["PhysicalResourceId"], "registrations-of-stack");
        assert_eq!((&answer["StackId"], &answer["RequestId"]), (&json!("stack"), &json!("request")));
        (answer["Status"].as_str().unwrap().to_owned(), answer["Reason"].as_str().unwrap().to_owned())
    }

    async fn rotate(&self, step: &str) -> Result<Value, String> {
        self.handle(json!({ "Step": step, "SecretId": LISTENER, "ClientRequestToken": "second" })).await
    }

    pub(crate) async fn check(&self) -> Result<Value, String> {
        self.handle(json!({ "check": "registrations" })).await
    }

    /// The registrations at the platform: service, URL and password.
    async fn registrations(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let entry =
            |entry: Value| (text(&entry["service"]), text(&entry["url"]), text(&entry["credentials"]["password"]));
        registrations(&self.simulator).await.into_iter().map(entry).collect()
    }

    /// Whether all services are registered at the URLs of the stack with this password.
    async fn all_registered_with(&self, password: &str) -> bool {
        let right =
            |(service, url, given): &(String, String, String)| *url == format!("{BASE}/{service}") && given == password;
        let registered = self.registrations().await;
        registered.len() == 13 && registered.iter().all(right)
    }

    /// A client of the registration API that is not the registrar.
    fn other_client(&self) -> registration::Platform {
        let login = registration::Login::from_json(&self.aws.login.lock().unwrap().to_string()).unwrap();
        registration::Platform::new(self.api.parse().unwrap(), &address(self.api, &self.simulator), login).unwrap()
    }

    pub(crate) async fn repoint(&self, service: &str, url: &str) {
        let (api, account) = (self.api.parse().unwrap(), ACCOUNT.parse().unwrap());
        let other = registration::Registration::new(api, account, service, url, registration::Credentials::default());
        self.other_client().register(&other.unwrap()).await.unwrap();
    }
}

pub(crate) fn address(api: &str, simulator: &platform::Platform) -> String {
    let path = if api == "rest" { "api" } else { "api/v2" };
    format!("http://{}/{path}", simulator.address)
}

pub(crate) fn done() -> (String, String) {
    ("SUCCESS".to_owned(), "Done.".to_owned())
}

#[tokio::test]
async fn a_deployment_registers_and_a_deletion_deregisters_only_what_points_at_the_stack() {
    for (api, count) in [("rest", 13), ("soap", 10)] {
        let deployment = Deployment::with(api, ACCOUNT).await;
        assert_eq!(deployment.request("Create", deployment.properties("all"), None).await, done());
        let registered = deployment.registrations().await;
        assert_eq!(registered.len(), count);
        for (service, url, password) in registered {
            assert_eq!((url, password), (format!("{BASE}/{service}"), "the first".to_owned()));
        }
        deployment.repoint("DeviceUsage", "https://elsewhere.example.com").await;
        assert_eq!(deployment.request("Delete", deployment.properties("all"), None).await, done());
        let remaining = deployment.registrations().await;
        assert_eq!(remaining.len(), 1);
        assert_eq!(remaining[0].1, "https://elsewhere.example.com");
    }
}

#[tokio::test]
async fn a_missing_parameter_deregisters_nothing() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    // Without PlatformCredentialsSecretArn the stack does not contain the resource, so the cleanup of an update deletes
    // it.
    for stack_status in [
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "",
    ] {
        let (status, reason) =
            deployment.request_while(stack_status, "Delete", deployment.properties("all"), None).await;
        assert_eq!(status, "SUCCESS", "{stack_status}");
        assert!(reason.contains("its registrations remain"), "{stack_status}: {reason}");
        assert!(deployment.all_registered_with("the first").await, "{stack_status}");
    }
    let mut empty = deployment.properties("all");
    empty["AccountNames"] = json!("");
    let (status, reason) = deployment.request("Update", empty, Some(deployment.properties("all"))).await;
    assert!(status == "FAILED" && reason.contains("use none to deregister"), "{status}: {reason}");
    assert!(deployment.all_registered_with("the first").await);
}

#[tokio::test]
async fn a_creation_that_is_rolled_back_deregisters_what_it_registered() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    let rolled_back =
        deployment.request_while("ROLLBACK_IN_PROGRESS", "Delete", deployment.properties("all"), None).await;
    assert_eq!(rolled_back, done());
    assert_eq!(deployment.registrations().await, []);
}

#[tokio::test]
async fn account_names_of_none_deregister_what_points_at_the_stack() {
    let deployment = Deployment::with("rest", "none").await;
    deployment.request("Create", deployment.properties("all"), None).await;
    deployment.repoint("DeviceUsage", "https://elsewhere.example.com").await;
    let mut none = deployment.properties("all");
    none["AccountNames"] = json!("none");
    assert_eq!(deployment.request("Update", none.clone(), Some(deployment.properties("all"))).await, done());
    let remaining: Vec<_> = deployment.registrations().await.into_iter().map(|(service, _, _)| service).collect();
    assert_eq!(remaining, ["DeviceUsage"]);
    deployment.check().await.unwrap();
    assert_eq!(deployment.registrations().await.len(), 1, "a check registers nothing");
    assert_eq!(deployment.request("Update", deployment.properties("all"), Some(none)).await, done());
    assert_eq!(deployment.registrations().await.len(), 13);
}

#[tokio::test]
async fn an_update_deregisters_what_is_no_longer_expected() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    let new = deployment.properties("DeviceUsage,CarrierService");
    assert_eq!(deployment.request("Update", new, Some(deployment.properties("all"))).await, done());
    let services: Vec<_> = deployment.registrations().await.into_iter().map(|(service, _, _)| service).collect();
    assert_eq!(services, ["CarrierService", "DeviceUsage"]);
}

#[tokio::test]
async fn an_update_to_the_other_api_moves_all_registrations() {
    for (from, to, count) in [("rest", "soap", 10), ("soap", "rest", 13)] {
        let deployment = Deployment::with(from, ACCOUNT).await;
        let old = deployment.properties("all");
        deployment.request("Create", old.clone(), None).await;
        let mut new = old.clone();
        new["Api"] = json!(to);
        new["PlatformUrl"] = json!(address(to, &deployment.simulator));
        new["OnDeploy"] = json!("required");
        assert_eq!(deployment.request("Update", new, Some(old)).await, done());
        assert_eq!(deployment.registrations().await.len(), count);
        assert!(deployment.aws.published.lock().unwrap().is_empty(), "there was no drift");
    }
}

#[tokio::test]
async fn a_failing_part_of_an_update_does_not_affect_the_others() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    let mut old = deployment.properties("all");
    old["AccountNames"] = json!(format!("0000123456-00009,{ACCOUNT}"));
    let mut new = old.clone();
    new["Api"] = json!("soap");
    new["PlatformUrl"] = json!(address("soap", &deployment.simulator));
    let (status, reason) = deployment.request("Update", new, Some(old)).await;
    assert!(status == "SUCCESS" && reason.contains("0000123456-00009"), "{status}: {reason}");
    assert_eq!(deployment.registrations().await.len(), 10);
}

#[tokio::test]
async fn an_update_repairs_and_reports_a_missing_registration() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("DeviceUsage,CarrierService"), None).await;
    deployment.other_client().deregister(&ACCOUNT.parse().unwrap(), "DeviceUsage").await.unwrap();
    let old = deployment.properties("DeviceUsage,CarrierService");
    assert_eq!(deployment.request("Update", deployment.properties("all"), Some(old)).await, done());
    let published = deployment.aws.published.lock().unwrap();
    let announced: Vec<_> = published.iter().map(|event| &event["data"]["service"]).collect();
    assert_eq!(announced, ["DeviceUsage"], "the others are new, not gone");
}

#[tokio::test]
async fn an_unknown_account_does_not_affect_the_others() {
    let accounts = format!("0000123456-00009,{ACCOUNT}");
    let deployment = Deployment::with("rest", &accounts).await;
    let mut properties = deployment.properties("all");
    properties["AccountNames"] = json!(accounts);
    let (status, reason) = deployment.request("Create", properties, None).await;
    assert_eq!(status, "SUCCESS");
    assert!(reason.starts_with("1 of 14 failed: 0000123456-00009: the platform refuses: "), "{reason}");
    assert!(deployment.all_registered_with("the first").await);
    deployment.other_client().deregister(&ACCOUNT.parse().unwrap(), "DeviceUsage").await.unwrap();
    assert!(deployment.check().await.unwrap_err().contains("0000123456-00009"));
    assert!(deployment.all_registered_with("the first").await);
}

#[tokio::test]
async fn a_rollback_never_fails() {
    let deployment = Deployment::new().await;
    let mut properties = deployment.properties("all");
    properties["OnDeploy"] = json!("required");
    properties["PlatformUrl"] = json!("http://127.0.0.1:1/api");
    for (stack_status, status) in [("UPDATE_IN_PROGRESS", "FAILED"), ("UPDATE_ROLLBACK_IN_PROGRESS", "SUCCESS")] {
        let old = Some(deployment.properties("all"));
        let answer = deployment.request_while(stack_status, "Update", properties.clone(), old).await;
        assert_eq!(answer.0, status, "{stack_status}");
    }
}

#[tokio::test]
async fn a_refused_login_is_suspended_before_it_locks() {
    let deployment = Deployment::new().await;
    let right = deployment.aws.login.lock().unwrap().clone();
    deployment.aws.login.lock().unwrap()["password"] = json!("hunter3");
    for _ in 0..3 {
        assert!(deployment.check().await.unwrap_err().contains("refuses the user name and password"));
    }
    for _ in 0..5 {
        assert!(deployment.check().await.unwrap_err().contains("is not used until its secret changes"));
    }
    *deployment.aws.login.lock().unwrap() = right;
    deployment.check().await.expect("not locked");
    assert!(deployment.all_registered_with("the first").await);
}

#[tokio::test]
async fn an_unreachable_platform_fails_a_deployment_only_if_required_and_never_a_deletion() {
    let deployment = Deployment::new().await;
    let mut properties = deployment.properties("all");
    properties["PlatformUrl"] = json!("http://127.0.0.1:1/api");
    let (status, reason) = deployment.request("Create", properties.clone(), None).await;
    assert_eq!(status, "SUCCESS");
    assert!(reason.starts_with("The platform cannot be reached: "), "{reason}");
    let (status, _) = deployment.request("Delete", properties.clone(), None).await;
    assert_eq!(status, "SUCCESS");
    properties["OnDeploy"] = json!("required");
    let (status, reason) = deployment.request("Create", properties, None).await;
    assert_eq!(status, "FAILED");
    assert!(reason.starts_with("The platform cannot be reached: "), "{reason}");
}

#[tokio::test]
async fn an_invalid_parameter_fails_a_deployment_with_a_reason_and_does_not_delay_a_deletion() {
    let deployment = Deployment::new().await;
    for (name, value, expected) in [
        ("Services", "DeviceUse", "\"DeviceUse\" is not a callback service"),
        ("AccountNames", "", "No account is given"),
        ("CallbackBaseUrl", "https://example.com:8443/v1", "the platform calls only the ports 80, 443"),
        ("PlatformUrl", "http://example.com", "is not an address of a platform"),
    ] {
        let mut properties = deployment.properties("all");
        properties[name] = json!(value);
        let (status, reason) = deployment.request("Create", properties.clone(), None).await;
        assert!(status == "FAILED" && reason.contains(expected), "{status}: {reason}");
        assert_eq!(deployment.request("Delete", properties, None).await.0, "SUCCESS", "{name}");
    }
    assert_eq!(deployment.registrations().await, []);
}

#[tokio::test]
async fn a_refused_service_is_named_and_does_not_affect_the_others() {
    let deployment = Deployment::new().await;
    let soap = registration::Api::Soap;
    let login = registration::Login::from_json(&deployment.aws.login.lock().unwrap().to_string()).unwrap();
    let other = registration::Platform::new(soap, &address("soap", &deployment.simulator), login).unwrap();
    let url = "https://elsewhere.example.com";
    let credentials = registration::Credentials::default();
    let account = ACCOUNT.parse().unwrap();
    let taken = registration::Registration::new(soap, account, "DeviceUsage", url, credentials).unwrap();
    other.register(&taken).await.unwrap();
    let (status, reason) = deployment.request("Create", deployment.properties("all"), None).await;
    assert_eq!(status, "SUCCESS");
    assert!(reason.starts_with("1 of 13 failed: DeviceUsage: the platform refuses: "), "{reason}");
    assert_eq!(deployment.registrations().await.len(), 13);
    assert!(
        deployment.check().await.unwrap_err().contains("DeviceUsage"),
        "a check that fails is an error of the function"
    );
}

#[tokio::test(start_paused = true)]
async fn permissions_that_have_not_propagated_yet_are_waited_for() {
    let deployment = Deployment::new().await;
    *deployment.aws.denied_reads.lock().unwrap() = 2;
    assert_eq!(deployment.request("Create", deployment.properties("all"), None).await, done());
    assert_eq!(deployment.registrations().await.len(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cloudformation_does_not_receive_is_retried() {
    let deployment = Deployment::new().await;
    *deployment.aws.failing_answers.lock().unwrap() = 3;
    assert_eq!(deployment.request("Delete", deployment.properties("all"), None).await, done());
}

#[tokio::test]
async fn drift_is_repaired_and_reported_and_correct_registrations_are_unchanged() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    deployment.check().await.unwrap();
    assert!(deployment.aws.published.lock().unwrap().is_empty());

    deployment.other_client().deregister(&ACCOUNT.parse().unwrap(), "AlertService").await.unwrap();
    deployment.repoint("DeviceUsage", "https://elsewhere.example.com").await;
    deployment.repoint("StateService", &format!("{BASE}/StateService")).await;
    deployment.check().await.unwrap();
    for (service, url, password) in deployment.registrations().await {
        assert_eq!((url, password), (format!("{BASE}/{service}"), "the first".to_owned()));
    }
    let published = deployment.aws.published.lock().unwrap().clone();
    let announced: Vec<_> =
        published.iter().map(|event| (&event["data"]["service"], &event["data"]["found"])).collect();
    let expected = [
        (&json!("AlertService"), &json!("missing")),
        (&json!("DeviceUsage"), &json!("elsewhere")),
        (&json!("StateService"), &json!("other-credentials")),
    ];
    assert_eq!(announced, expected);
    let mut event = published[1].clone();
    event["time"] = json!("[time]");
    insta::assert_json_snapshot!(event, @r##"
    {
      "data": {
        "account": "0000123456-00001",
        "change": "RegistrationRepaired",
        "device": null,
        "found": "elsewhere",
        "foundUrl": "https://elsewhere.example.com",
        "kind": "registration-repaired",
        "service": "DeviceUsage",
        "url": "https://example.com/v1/callbacks/DeviceUsage"
      },
      "datacontenttype": "application/json",
      "id": "invocation-7198ffb0a4b88fa6dd75acbfc6a7a039c1dc1ae1ad24c245127bfd395b234447",
      "source": "/accounts/0000123456-00001",
      "specversion": "1.0",
      "subject": "0000123456-00001",
      "time": "[time]",
      "type": "com.verizon.thingspace.registration.repaired.v1"
    }
    "##);
}

#[tokio::test]
async fn a_check_that_cannot_log_in_fails_the_function_without_revealing_a_secret() {
    let deployment = Deployment::new().await;
    *deployment.aws.login.lock().unwrap() =
        json!({ "username": "u", "password": "hunter3", "key": "k", "secret": "hunter4" });
    let error = deployment.check().await.unwrap_err();
    assert!(error.contains("application's key and secret") && !error.contains("hunter"), "{error}");
    *deployment.aws.login.lock().unwrap() = json!("hunter3");
    let error = deployment.check().await.unwrap_err();
    assert!(error.contains("login is not {\"username\", \"password\"}") && !error.contains("hunter"), "{error}");
}

#[tokio::test]
async fn a_malformed_login_fails_a_deployment_only_if_required() {
    let deployment = Deployment::new().await;
    *deployment.aws.login.lock().unwrap() = json!("hunter3");
    let mut properties = deployment.properties("all");
    for (on_deploy, expected) in [("attempted", "SUCCESS"), ("required", "FAILED")] {
        properties["OnDeploy"] = json!(on_deploy);
        let (status, reason) = deployment.request("Create", properties.clone(), None).await;
        assert!(
            status == expected && reason.contains("login is not {\"username\", \"password\"}"),
            "{status}: {reason}"
        );
        assert!(!reason.contains("hunter"), "{reason}");
    }
}

#[tokio::test]
async fn a_malformed_current_version_does_not_prevent_the_end_of_a_rotation() {
    let deployment = Deployment::new().await;
    let malformed = (json!("malformed"), vec!["AWSCURRENT".to_owned()], seconds());
    deployment.aws.versions.lock().unwrap().insert("first".to_owned(), malformed);
    deployment.aws.version("second", "a new one", &["AWSPENDING"], 0.0);
    deployment.rotate("finishSecret").await.unwrap();
    assert_eq!(deployment.aws.version_with_stage("AWSCURRENT").as_deref(), Some("second"));
}

#[tokio::test]
async fn an_empty_parameter_fails_the_deployment() {
    let deployment = Deployment::with("rest", "").await;
    assert!(deployment.check().await.unwrap_err().contains("no account is given"));
    let mut properties = deployment.properties("all");
    properties["AccountNames"] = json!("");
    assert_eq!(deployment.request("Create", properties, None).await.0, "FAILED");
}

#[tokio::test]
async fn a_new_rotation_schedule_is_tested_without_the_platform() {
    let deployment = Deployment::new().await;
    deployment.aws.version("second", "the first", &["AWSPENDING"], 0.0);
    deployment.rotate("testSecret").await.expect("Secrets Manager runs only this step, with the current value");
}

/// A listener with the same secret.
struct Listening(Verifier);

impl Listening {
    async fn accepts(&self, password: &str) -> bool {
        let body = json!({ "username": "stack", "password": password, "requestId": "r" }).to_string();
        self.0.verify(Callback::parse(body.as_bytes(), None).unwrap()).await.is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_waits_for_the_listeners_then_registers_the_password_then_makes_it_current() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    let secrets = aws_sdk_secretsmanager::Client::new(&deployment.config);
    let listening = Listening(Verifier::Secret(Box::new(Cache::new(CallbackSecret::new(secrets, LISTENER)))));
    // The worst case: the listener cached the secret just before.
    assert!(listening.accepts("the first").await);

    deployment.rotate("createSecret").await.unwrap();
    deployment.rotate("createSecret").await.unwrap();
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING").as_deref(), Some("second"));
    assert_eq!(deployment.aws.version_with_stage("AWSCURRENT").as_deref(), Some("first"));
    assert!(deployment.rotate("testSecret").await.unwrap_err().contains("DeviceUsage: with other credentials"));
    assert!(!listening.accepts("a new one").await, "the cached secret does not have it yet");

    let waiting = tokio::time::timeout(Duration::from_secs(60), deployment.rotate("setSecret")).await;
    assert!(waiting.is_err() && deployment.all_registered_with("the first").await);
    deployment.rotate("setSecret").await.unwrap();
    assert!(deployment.all_registered_with("a new one").await);
    assert!(listening.accepts("a new one").await && listening.accepts("the first").await);

    deployment.check().await.unwrap();
    assert!(deployment.all_registered_with("a new one").await, "a check during a rotation changes nothing");
    deployment.rotate("testSecret").await.unwrap();
    deployment.rotate("finishSecret").await.unwrap();
    deployment.rotate("finishSecret").await.unwrap();
    assert_eq!(deployment.aws.version_with_stage("AWSCURRENT").as_deref(), Some("second"));
    assert_eq!(deployment.aws.version_with_stage("AWSPREVIOUS").as_deref(), Some("first"));
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING"), None, "it would block the next rotation");
    tokio::time::advance(Duration::from_secs(11 * 60)).await;
    assert!(listening.accepts("a new one").await && listening.accepts("the first").await);
    deployment.check().await.unwrap();
    assert!(deployment.aws.published.lock().unwrap().is_empty(), "there was no drift");
}

#[tokio::test]
async fn no_rotation_starts_while_the_platform_may_use_the_previous_password() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    deployment.aws.version("zeroth", "the zeroth", &["AWSPREVIOUS"], 9000.0);
    deployment.aws.version("first", "the first", &["AWSCURRENT"], 15.0 * 60.0);
    assert!(deployment.rotate("createSecret").await.unwrap_err().contains("too new to be replaced"));
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING"), None);

    // Changed by hand long ago, but not at the platform: the credentials are registered first, and the rotation is
    // refused.
    deployment.aws.version("first", "by hand", &["AWSCURRENT"], 9000.0);
    for _ in 0..2 {
        assert!(deployment.rotate("createSecret").await.unwrap_err().contains("rotate later"));
        assert!(deployment.all_registered_with("by hand").await);
    }
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING"), None);
    deployment.aws.rows.lock().unwrap().get_mut("CREDENTIALS_CHANGE").unwrap()["at"] = json!({ "N": "1700000000" });
    deployment.rotate("createSecret").await.unwrap();
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING").as_deref(), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_the_platform_refuses_can_be_retried() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    deployment.aws.version("first", "the first", &["AWSCURRENT"], 9000.0);
    deployment.aws.version("second", "a new one", &["AWSPENDING"], 120.0);
    let right = deployment.aws.login.lock().unwrap().clone();
    *deployment.aws.login.lock().unwrap() = json!({ "username": "u", "password": "p", "key": "k", "secret": "s" });
    assert!(deployment.rotate("setSecret").await.is_err());
    assert!(deployment.all_registered_with("the first").await);
    assert_eq!(deployment.aws.version_with_stage("AWSCURRENT").as_deref(), Some("first"));
    *deployment.aws.login.lock().unwrap() = right;
    deployment.rotate("setSecret").await.unwrap();
    assert!(deployment.all_registered_with("a new one").await);

    let other = json!({ "Step": "setSecret", "SecretId": "arn:other", "ClientRequestToken": "second" });
    assert!(deployment.handle(other).await.unwrap_err().contains("not the secret of the callback credentials"));
    let unmade = json!({ "Step": "setSecret", "SecretId": LISTENER, "ClientRequestToken": "third" });
    assert!(deployment.handle(unmade).await.unwrap_err().contains("does not exist"));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_a_newer_current_version_superseded_has_ended() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    deployment.aws.version("second", "a new one", &["AWSPENDING"], 600.0);
    deployment.aws.version("third", "by hand", &["AWSCURRENT"], 300.0);
    deployment.aws.version("first", "the first", &["AWSPREVIOUS"], 9000.0);
    let error = deployment.rotate("setSecret").await.unwrap_err();
    assert!(error.contains("this rotation has ended"), "{error}");
    assert!(deployment.all_registered_with("the first").await);
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING"), None, "it would block the next rotation");

    deployment.aws.version("second", "a new one", &["AWSPENDING"], 600.0);
    deployment.check().await.unwrap();
    assert!(deployment.all_registered_with("by hand").await);
    assert_eq!(deployment.aws.version_with_stage("AWSPENDING"), None);
}

#[tokio::test]
async fn a_change_of_credentials_is_remembered_although_the_platform_fails_for_the_next_account() {
    /// Forwards to the simulator, except requests about the second account.
    async fn forward(
        State(proxy): State<Arc<Proxy>>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: String,
    ) -> Response {
        if uri.path().contains("TestAccount-2") {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        *proxy.logouts.lock().unwrap() += usize::from(uri.path().ends_with("/logout"));
        let request = reqwest::Client::new().request(method, format!("http://{}{uri}", proxy.simulator));
        let answer = request.headers(headers).body(body).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.bytes().await.unwrap()).into_response()
    }
    struct Proxy {
        simulator: std::net::SocketAddr,
        logouts: Mutex<usize>,
    }
    let simulator = simulator().await;
    let proxy = Arc::new(Proxy { simulator: simulator.address, logouts: Mutex::default() });
    let url = serve(Router::new().fallback(forward).with_state(proxy.clone())).await;
    let accounts = format!("{ACCOUNT},TestAccount-2");
    let deployment = Deployment::of("rest", &accounts, simulator, format!("{url}/api")).await;
    deployment.repoint("DeviceUsage", &format!("{BASE}/DeviceUsage")).await;
    let error = deployment.check().await.unwrap_err();
    assert!(error.contains("the platform cannot be reached"), "{error}");
    assert!(deployment.all_registered_with("the first").await);
    assert!(deployment.aws.rows.lock().unwrap().contains_key("CREDENTIALS_CHANGE"));
    assert_eq!(*proxy.logouts.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_deployment_does_not_wait_for_a_secret_that_is_missing_or_malformed() {
    for value in [None, Some(json!("malformed"))] {
        let deployment = Deployment::new().await;
        deployment.aws.versions.lock().unwrap().clear();
        if let Some(value) = value {
            let version = (value, vec!["AWSCURRENT".to_owned()], seconds());
            deployment.aws.versions.lock().unwrap().insert("first".to_owned(), version);
        }
        let (status, reason) = deployment.request("Create", deployment.properties("all"), None).await;
        assert!(status == "SUCCESS" && reason.contains("secret with the callback credentials"), "{status}: {reason}");
        assert!(*deployment.aws.reads.lock().unwrap() <= 2, "it is read once");
    }
}

#[tokio::test]
async fn credentials_changed_by_hand_are_registered_when_every_listener_accepts_them() {
    let deployment = Deployment::new().await;
    deployment.request("Create", deployment.properties("all"), None).await;
    deployment.aws.version("first", "the first", &["AWSPREVIOUS"], 600.0);
    deployment.aws.version("second", "by hand", &["AWSCURRENT"], 0.0);
    let waiting = tokio::time::timeout(Duration::from_secs(1), deployment.check()).await;
    assert!(waiting.is_err(), "a listener may still have cached the old version");
    deployment.aws.version("second", "by hand", &["AWSCURRENT"], 120.0);
    deployment.check().await.unwrap();
    assert!(deployment.registrations().await.iter().all(|(_, _, password)| password == "by hand"));
    assert_eq!(deployment.aws.published.lock().unwrap().len(), 13);
}
