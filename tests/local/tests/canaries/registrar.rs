//! The registrar: its login, its tokens and the callback password, with a platform that works, and with ones that refuse
//! and quote what they receive.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use listener::Metrics;
use listener_registrar::{Registrar, Settings};
use local_tests::{aws_config, serve, unreachable_endpoint};
use serde_json::{Value, json};
use settings::Variables;

use super::evidence::Evidence;
use super::functions::add_metrics;
use super::{
    APPLICATION_KEY, APPLICATION_SECRET, LOGIN_PASSWORD, OAUTH_TOKEN, PASSWORD, PENDING_PASSWORD, Place,
    RESPONSE_SIGNATURE, SESSION_TOKEN, USERNAME,
};
use crate::registrar::{Aws, LISTENER, PLATFORM, aws};

const ACCOUNT: &str = "0000123456-00001";

/// What a platform does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Works,
    /// Refuses the application's key.
    RefusesKey,
    /// Refuses the login.
    RefusesLogin,
    /// Refuses whatever needs a session.
    RefusesCalls,
    /// Refuses to register.
    RefusesRegistrations,
    /// Answers 200 with a web page.
    AnswersPages,
    /// Answers with JSON that is cut off.
    AnswersHalf,
}

impl Behaviour {
    const ALL: [Self; 7] = [
        Self::Works,
        Self::RefusesKey,
        Self::RefusesLogin,
        Self::RefusesCalls,
        Self::RefusesRegistrations,
        Self::AnswersPages,
        Self::AnswersHalf,
    ];

    /// The answer to a request. What is not a success quotes the tokens and the body.
    fn answer(self, path: &str, headers: &HeaderMap, body: &str) -> Response {
        let bearer = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let bearer = bearer.filter(|value| value.starts_with("Bearer")).unwrap_or_default();
        let session = headers.get("vz-m2m-token").map(|value| value.to_str().unwrap()).unwrap_or_default();
        let (is_soap, is_token) = (path.ends_with(".svc"), path.ends_with("/token"));
        let is_login = path.ends_with("/login") || body.contains("LogIn>");
        let quote: String = body.split_once("Body>").map_or(body, |(_, body)| body).chars().take(200).collect();
        let quote = format!("{bearer} {session} {quote}");
        let refuses = match self {
            Self::Works => false,
            Self::RefusesKey => is_token,
            Self::RefusesLogin => is_login,
            Self::RefusesCalls => !is_token && !is_login,
            Self::RefusesRegistrations => body.contains(PASSWORD) || body.contains(PENDING_PASSWORD),
            Self::AnswersPages if is_token || is_login => false,
            Self::AnswersPages => return ([("content-type", "text/html")], quote).into_response(),
            Self::AnswersHalf if is_token || is_login => false,
            Self::AnswersHalf => return format!("{{\"serviceName\": \"{body}").into_response(),
        };
        match (is_soap, refuses) {
            (false, true) => {
                let key = format!("{APPLICATION_KEY}:{APPLICATION_SECRET}");
                let quote = if is_token { key } else { quote };
                (StatusCode::BAD_REQUEST, axum::Json(json!({ "errorCode": "A.B", "errorMessage": quote })))
                    .into_response()
            }
            (true, true) => {
                let quote = escaped(&quote);
                let fault = format!("<Fault><faultcode>s:A.B</faultcode><faultstring>{quote}</faultstring></Fault>");
                (StatusCode::INTERNAL_SERVER_ERROR, format!("<Envelope>{fault}</Envelope>")).into_response()
            }
            (false, false) => axum::Json(rest_success(path, body)).into_response(),
            (true, false) => soap_success(body).into_response(),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn rest_success(path: &str, body: &str) -> Value {
    match path.rsplit('/').next().unwrap() {
        "token" => json!({ "access_token": OAUTH_TOKEN, "expires_in": 3600 }),
        "login" | "logout" => json!({ "sessionToken": SESSION_TOKEN }),
        "startCallbacks" => json!({ "success": true }),
        // A list in which everything is registered elsewhere, with the credentials of callbacks.
        _ if body.is_empty() => json!([{
            "serviceName": "DeviceUsage", "url": "https://elsewhere.example.com", "username": USERNAME, "password": PASSWORD,
        }]),
        _ => json!({ "serviceName": serde_json::from_str::<Value>(body).unwrap()["name"] }),
    }
}

fn soap_success(body: &str) -> String {
    let service = body.split_once("ServiceName>").and_then(|(_, rest)| rest.split_once('<')).map(|(name, _)| name);
    let service = service.unwrap_or_default();
    format!(
        "<Envelope><LogInResponse><SessionToken>{SESSION_TOKEN}</SessionToken></LogInResponse>\
         <GetCallbackRegistrationsResponse/><StartSmsCallbackResponse/><UnregisterCallbackResponse/>\
         <RegisterCallbackResponse><ServiceName>{service}</ServiceName></RegisterCallbackResponse></Envelope>"
    )
}

/// A platform that collects what it receives. Returns its URL.
async fn platform(behaviour: Behaviour, evidence: &Evidence) -> String {
    let received = Arc::new(Mutex::new(evidence.clone()));
    let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: String| async move {
        received.lock().unwrap().add(Place::PlatformRequest, format!("{uri} {headers:?} {body}"));
        behaviour.answer(uri.path(), &headers, &body)
    });
    serve(app).await
}

/// A registrar for this platform, and its AWS with the URL of that.
async fn registrar(api: &str, platform_url: &str) -> (Registrar, Arc<Aws>, String) {
    let scripted = Arc::new(Aws::default());
    let version = |id: &str, password: &str, stage: &str, created: f64| {
        let value = json!({ "username": USERNAME, "password": password });
        scripted.versions.lock().unwrap().insert(id.to_owned(), (value, vec![stage.to_owned()], created));
    };
    version("first", PASSWORD, "AWSCURRENT", 0.0);
    version("second", PENDING_PASSWORD, "AWSPENDING", 1.0);
    *scripted.login.lock().unwrap() = json!({
        "username": "login", "password": LOGIN_PASSWORD, "key": APPLICATION_KEY, "secret": APPLICATION_SECRET,
    });
    *scripted.stack_status.lock().unwrap() = "DELETE_IN_PROGRESS".to_owned();
    let aws_url = serve(Router::new().fallback(aws).with_state(scripted.clone())).await;
    let settings: BTreeMap<&str, &str> = [
        ("STACK_NAME", "cb"),
        ("CREDENTIALS_SECRET_ARN", LISTENER),
        ("PLATFORM_CREDENTIALS_SECRET_ARN", PLATFORM),
        ("ACCOUNT_NAMES", ACCOUNT),
        ("PLATFORM_API", api),
        ("PLATFORM_URL", platform_url),
        ("CALLBACK_SERVICES", "DeviceUsage,EnhancedConnectivityService"),
        ("CALLBACK_BASE_URL", "https://example.com/v1/callbacks"),
        ("REGISTRAR_TABLE_NAME", "registrar"),
        ("DEVICE_EVENTS_TOPIC_ARN", "arn:aws:sns:local:000000000000:events"),
    ]
    .into();
    let settings = Settings::read(&Variables::new(&|name| settings.get(name).map(|&value| value.to_owned()))).unwrap();
    (Registrar::new(&aws_config(&aws_url, RetryConfig::disabled()), settings).unwrap(), scripted, aws_url)
}

pub(super) async fn run(evidence: &Evidence) {
    let (lines, metrics) = channel();
    for api in ["rest", "soap"] {
        let mut platforms = vec![unreachable_endpoint().await];
        for behaviour in Behaviour::ALL {
            platforms.push(platform(behaviour, evidence).await);
        }
        for platform_url in &platforms {
            let (registrar, aws, aws_url) = registrar(api, platform_url).await;
            let registrar = registrar.counting(Metrics::Channel(lines.clone()));
            for event in events(api, platform_url, &aws_url) {
                // A rotation waits for the listeners.
                tokio::time::pause();
                let result = registrar.handle(serde_json::from_value(event).unwrap(), "invocation").await;
                tokio::time::resume();
                let error = result.as_ref().err().map(ToString::to_string);
                evidence.add(Place::FunctionResult, format!("{result:?} {error:?}"));
            }
            add(evidence, &aws);
        }
    }
    // A login that is malformed, and a secret that is.
    let (registrar, aws, _) = registrar("rest", &platform(Behaviour::Works, evidence).await).await;
    let registrar = registrar.counting(Metrics::Channel(lines));
    for malformed in [json!(LOGIN_PASSWORD), json!({ "username": LOGIN_PASSWORD, "password": [LOGIN_PASSWORD] })] {
        *aws.login.lock().unwrap() = malformed;
        let error = registrar.handle(serde_json::from_value(json!({ "check": "registrations" })).unwrap(), "i").await;
        evidence.add(Place::FunctionResult, format!("{error:?} {}", error.as_ref().unwrap_err()));
    }
    add(evidence, &aws);
    add_metrics(evidence, &metrics);
}

/// Everything that invokes the function.
fn events(api: &str, platform_url: &str, aws_url: &str) -> Vec<Value> {
    let deployment = |request: &str| {
        json!({
            "RequestType": request,
            "ResponseURL": format!("{aws_url}/cloudformation?X-Amz-Signature={RESPONSE_SIGNATURE}"),
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "PlatformRegistrations",
            "PhysicalResourceId": "registrations-of-stack",
            "ResourceProperties": {
                "OnDeploy": "attempted", "AccountNames": ACCOUNT, "Api": api, "PlatformUrl": platform_url,
                "Services": "DeviceUsage,EnhancedConnectivityService",
                "CallbackBaseUrl": "https://example.com/v1/callbacks",
            },
        })
    };
    let mut unanswered = deployment("Update");
    unanswered["ResponseURL"] = json!(format!("http://127.0.0.1:1/?X-Amz-Signature={RESPONSE_SIGNATURE}"));
    let step = |step: &str| json!({ "Step": step, "SecretId": LISTENER, "ClientRequestToken": "second" });
    vec![
        json!({ "check": "registrations" }),
        json!({ "resume": "sms" }),
        step("createSecret"),
        step("setSecret"),
        step("testSecret"),
        step("finishSecret"),
        deployment("Create"),
        unanswered,
        deployment("Delete"),
    ]
}

/// What the registrar has left in AWS.
fn add(evidence: &Evidence, aws: &Aws) {
    let texts = |values: &Mutex<Vec<Value>>| values.lock().unwrap().iter().map(Value::to_string).collect::<Vec<_>>();
    texts(&aws.published).into_iter().for_each(|message| evidence.add(Place::Topic, message));
    texts(&aws.answers).into_iter().for_each(|answer| evidence.add(Place::FunctionResult, answer));
    aws.rows.lock().unwrap().values().for_each(|row| evidence.add(Place::RegistrarTable, row.to_string()));
}
