//! The registration client, with the simulator and with platforms that are unreachable, slow or send malformed
//! responses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use local_tests::{
    REGISTER_CALLBACK_REQUEST, REGISTER_CALLBACK_RESPONSE, registrations, serve, silent_endpoint, simulator,
    simulator_options, unreachable_endpoint,
};
use platform_simulator as platform;
use registration::{
    AccountName, Api, Credentials, Error, Login, Platform, Registered, Registration, RegistrationStatus, Scope, compare,
};
use serde_json::json;

const ACCOUNT: &str = "0000123456-00001";

fn account() -> AccountName {
    ACCOUNT.parse().unwrap()
}

fn login() -> Login {
    let usual = platform::Options::default();
    Login { username: usual.username, password: usual.password, key: Some(usual.key), secret: Some(usual.secret) }
}

fn credentials() -> Credentials {
    Credentials { username: "stack".to_owned(), password: "hunter2 & <more>".to_owned() }
}

fn expected(api: Api) -> Vec<Registration> {
    let url = |service: &str| format!("https://example.com/v1/callbacks/{service}");
    let registration =
        |service: &&str| Registration::new(api, account(), service, &url(service), credentials()).unwrap();
    api.services().iter().map(registration).collect()
}

/// A client of the simulator.
fn client(api: Api, simulator: &platform::Platform, login: Login) -> Platform {
    let path = match api {
        Api::Rest => "api",
        Api::Soap => "api/v2",
    };
    Platform::new(api, &format!("http://{}/{path}", simulator.address), login).unwrap()
}

async fn statuses(client: &Platform, api: Api) -> Vec<RegistrationStatus> {
    let listed = client.list(&account()).await.unwrap();
    compare(expected(api), &[], &listed).into_iter().map(|one| one.status).collect()
}

/// Registers all services of an API and deregisters them.
async fn registers_and_deregisters(api: Api, count: usize, there: RegistrationStatus) {
    let simulator = simulator().await;
    let client = client(api, &simulator, login());
    assert_eq!(statuses(&client, api).await, vec![RegistrationStatus::Missing; count]);

    let done = client.repair(&account(), expected(api), &[]).await.unwrap();
    assert!(done.iter().all(|one| matches!(one.result, Some(Ok(())))), "{done:?}");
    assert_eq!(statuses(&client, api).await, vec![there; count]);

    let done = client.deregister_all(&account(), expected(api), Scope::ExpectedUrl).await.unwrap();
    assert!(done.iter().all(|one| matches!(one.result, Some(Ok(())))), "{done:?}");
    assert_eq!(client.list(&account()).await.unwrap(), []);
    client.log_out().await;
}

#[tokio::test]
async fn all_thirteen_services_are_registered_and_deregistered_through_rest() {
    registers_and_deregisters(Api::Rest, 13, RegistrationStatus::AsExpected).await;
}

#[tokio::test]
async fn ten_services_are_registered_and_deregistered_through_soap() {
    registers_and_deregisters(Api::Soap, 10, RegistrationStatus::CredentialsHidden).await;
}

#[tokio::test]
async fn expected_registrations_are_unchanged_and_others_are_repaired() {
    let simulator = simulator().await;
    let client = client(Api::Rest, &simulator, login());
    let registrations = expected(Api::Rest);
    client.repair(&account(), registrations.clone(), &[]).await.unwrap();
    let moved =
        |service, url: &str, credentials| Registration::new(Api::Rest, account(), service, url, credentials).unwrap();
    client.register(&moved("DeviceUsage", "http://old.example.com:9001/x", credentials())).await.unwrap();
    client.register(&moved("StateService", registrations[12].url(), Credentials::default())).await.unwrap();
    client.deregister(&account(), "AlertService").await.unwrap();

    let done = client.repair(&account(), registrations, &[]).await.unwrap();
    let repaired: Vec<_> = done
        .iter()
        .filter(|one| one.result.is_some())
        .map(|one| (one.comparison.expected.service(), one.comparison.status.clone()))
        .collect();
    let elsewhere = RegistrationStatus::Elsewhere { url: "http://old.example.com:9001/x".to_owned() };
    let expected = [
        ("AlertService", RegistrationStatus::Missing),
        ("DeviceUsage", elsewhere),
        ("StateService", RegistrationStatus::OtherCredentials),
    ];
    assert_eq!(repaired, expected);
    assert_eq!(statuses(&client, Api::Rest).await, vec![RegistrationStatus::AsExpected; 13]);
}

#[tokio::test]
async fn only_what_points_at_the_stack_is_deregistered() {
    let simulator = simulator().await;
    let client = client(Api::Soap, &simulator, login());
    client.repair(&account(), expected(Api::Soap), &[]).await.unwrap();
    let elsewhere = "http://old.example.com/x";
    let other = Registration::new(Api::Soap, account(), "DeviceUsage", elsewhere, credentials()).unwrap();
    client.register(&other).await.unwrap();
    client.deregister_all(&account(), expected(Api::Soap), Scope::ExpectedUrl).await.unwrap();
    let remaining = client.list(&account()).await.unwrap();
    assert_eq!(
        remaining,
        [Registered { service: "DeviceUsage".to_owned(), url: elsewhere.to_owned(), credentials: None }]
    );
}

#[tokio::test]
async fn a_service_registered_through_one_api_is_refused_through_the_other_without_affecting_others() {
    for (first, second) in [(Api::Rest, Api::Soap), (Api::Soap, Api::Rest)] {
        let simulator = simulator().await;
        let (one, other) = (client(first, &simulator, login()), client(second, &simulator, login()));
        let taken = expected(first).into_iter().find(|one| one.service() == "DeviceUsage").unwrap();
        one.register(&taken).await.unwrap();
        let done = other.repair(&account(), expected(second), &[]).await.unwrap();
        for one in done {
            match (one.comparison.expected.service(), one.result.unwrap()) {
                ("DeviceUsage", Err(Error::Refused(fault))) => {
                    assert!(fault.code.contains("RegisteredByOtherApi"), "{fault}");
                }
                (service, outcome) => assert!(outcome.is_ok(), "{service}: {outcome:?}"),
            }
        }
        assert_eq!(one.list(&account()).await.unwrap().len(), 1, "neither lists what the other registered");
    }
}

#[tokio::test]
async fn expired_tokens_and_sessions_are_renewed_transparently() {
    for api in [Api::Rest, Api::Soap] {
        let simulator = simulator().await;
        let client = client(api, &simulator, login());
        let registration = &expected(api)[0];
        client.register(registration).await.unwrap();
        simulator.expire_sessions();
        client.register(registration).await.unwrap();
        simulator.expire_tokens();
        assert_eq!(client.list(&account()).await.unwrap().len(), 1);
        simulator.expire_sessions();
        client.start_sms_callbacks(&account()).await.unwrap();
        simulator.expire_sessions();
        simulator.expire_tokens();
        client.deregister(&account(), registration.service()).await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_five_lock_the_login() {
    for api in [Api::Rest, Api::Soap] {
        let simulator = simulator().await;
        let wrong = client(api, &simulator, Login { password: "hunter3".to_owned(), ..login() });
        for _ in 0..5 {
            let error = wrong.list(&account()).await.unwrap_err();
            assert!(matches!(&error, Error::LoginRefused { what: "user name and password", .. }), "{error}");
            assert!(error.affects_all_requests() && !error.to_string().contains("hunter3"), "{error}");
        }
        for locked in [wrong, client(api, &simulator, login())] {
            let error = locked.list(&account()).await.unwrap_err();
            assert!(matches!(error, Error::Locked(_)), "{error}");
        }
        simulator.unlock();
        assert!(client(api, &simulator, login()).list(&account()).await.is_ok());
    }
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_account_are_reported() {
    let simulator = simulator().await;
    let wrong = client(Api::Rest, &simulator, Login { secret: Some("hunter3".to_owned()), ..login() });
    let error = wrong.list(&account()).await.unwrap_err();
    assert!(matches!(&error, Error::LoginRefused { what: "application's key and secret", .. }), "{error}");
    for api in [Api::Rest, Api::Soap] {
        let error = client(api, &simulator, login()).list(&"0000123456-00002".parse().unwrap()).await.unwrap_err();
        let Error::Refused(fault) = error else { panic!("{error}") };
        assert!(fault.code.ends_with("REQUEST_FAILED.AccountNotFound"), "{fault}");
    }
}

#[tokio::test]
async fn the_login_of_the_platform_is_never_registered() {
    let simulator = simulator().await;
    let client = client(Api::Rest, &simulator, login());
    let own = Credentials { username: "stack".to_owned(), password: login().password };
    let registration = Registration::new(Api::Rest, account(), "DeviceUsage", "https://example.com", own).unwrap();
    assert!(matches!(client.register(&registration).await, Err(Error::Invalid(_))));
}

/// The requests that a scripted platform received: path, headers and body.
type Requests = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

/// A platform with scripted responses. Returns its URL and the requests it receives.
async fn scripted(answer: impl Fn(&str, &str) -> Response + Clone + Send + Sync + 'static) -> (String, Requests) {
    let requests = Requests::default();
    let seen = requests.clone();
    let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let body = String::from_utf8_lossy(&body).into_owned();
        seen.lock().unwrap().push((uri.path().to_owned(), headers, body.clone()));
        let answer = answer(uri.path(), &body);
        async move { answer }
    });
    (serve(app).await, requests)
}

fn paths(requests: &Requests) -> Vec<String> {
    requests.lock().unwrap().iter().map(|(path, _, _)| path.rsplit('/').next().unwrap().to_owned()).collect()
}

/// The responses to the token and login requests of both APIs.
fn admitted(path: &str, body: &str) -> Option<Response> {
    if path.ends_with("/token") {
        return Some(
            axum::Json(json!({ "access_token": "token-1", "token_type": "Bearer", "expires_in": 3600 }))
                .into_response(),
        );
    }
    if path.ends_with("/login") {
        return Some(axum::Json(json!({ "sessionToken": "session-1" })).into_response());
    }
    body.contains("LogIn")
        .then(|| soap("<LogInResponse><Output><SessionToken>session-1</SessionToken></Output></LogInResponse>"))
}

fn soap(body: &str) -> Response {
    let envelope = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>";
    ([("content-type", "text/xml; charset=utf-8")], format!("{envelope}{body}</s:Body></s:Envelope>")).into_response()
}

/// The client's error if the platform accepts the login and responds like this to everything else.
async fn error_of(api: Api, answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Error {
    let (address, _) = scripted(move |path, body| admitted(path, body).unwrap_or_else(&answer)).await;
    let client = Platform::new(api, &address, login()).unwrap();
    let registered = client.register(&expected(api)[0]).await.unwrap_err();
    let listed = client.list(&account()).await;
    assert!(listed.is_err(), "{listed:?}");
    registered
}

#[tokio::test]
async fn an_unexpected_answer_of_the_platform_is_reported_without_its_body() {
    let huge = "x".repeat(2 * 1024 * 1024);
    let deep = "<a>".repeat(200_000);
    let bomb = "<!DOCTYPE a [<!ENTITY b \"hunter2\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>";
    for api in [Api::Rest, Api::Soap] {
        for (status, content_type, body) in [
            (200, "text/html", "<html><body>hunter2: please sign in</body></html>"),
            (500, "text/html", "<html>hunter2</html>"),
            (200, "application/json", ""),
            (200, "application/json", "{\"accountName\": \"hunter2\""),
            (200, "application/json", "[1, \"hunter2\", null]"),
            (200, "application/json", "{\"serviceName\": \"hunter2\"}"),
            (404, "text/plain", "hunter2"),
            (302, "text/plain", "hunter2"),
            (200, "text/xml", "<Envelope><Body><RegisterCallbackResponse/></Body></Envelope>"),
            (200, "text/xml", bomb),
            (200, "text/xml", deep.as_str()),
            (200, "application/json", huge.as_str()),
            (403, "application/json", "{\"message\": \"hunter2\"}"),
        ] {
            let body = body.to_owned();
            let shown: String = body.chars().take(40).collect();
            let answer = move || {
                let status = StatusCode::from_u16(status).unwrap();
                (status, [("content-type", content_type), ("location", "http://127.0.0.1:1/")], body.clone())
                    .into_response()
            };
            let error = error_of(api, answer).await;
            assert!(matches!(error, Error::UnexpectedResponse { .. }), "{api} {status} {shown}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let error = error_of(api, || vec![0xFF_u8, 0xFE, 0x00].into_response()).await;
        assert!(matches!(error, Error::UnexpectedResponse { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_unexpected_answer_about_one_service_does_not_affect_the_others() {
    let (address, _) = scripted(|path, body| match admitted(path, body) {
        Some(answer) => answer,
        None if body.is_empty() => axum::Json(json!([])).into_response(),
        None if body.contains("\"DeviceUsage\"") => {
            (StatusCode::FORBIDDEN, "{\"message\": \"Forbidden\"}").into_response()
        }
        None => {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let service = if body["name"] == "AlertService" { json!("AlertsService") } else { body["name"].clone() };
            axum::Json(json!({ "accountName": ACCOUNT, "serviceName": service })).into_response()
        }
    })
    .await;
    let client = Platform::new(Api::Rest, &address, login()).unwrap();
    for one in client.repair(&account(), expected(Api::Rest), &[]).await.unwrap() {
        match (one.comparison.expected.service(), one.result.unwrap()) {
            ("DeviceUsage", outcome) => {
                assert!(matches!(outcome, Err(Error::UnexpectedResponse { .. })), "{outcome:?}");
            }
            (service, outcome) => assert!(outcome.is_ok(), "{service}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_may_claim_an_unlimited_lifetime() {
    let (address, _) = scripted(|path, body| {
        if path.ends_with("/token") {
            return "{\"access_token\": \"t\", \"expires_in\": 18446744073709551615}".into_response();
        }
        admitted(path, body).unwrap_or_else(|| axum::Json(json!([])).into_response())
    })
    .await;
    assert_eq!(Platform::new(Api::Rest, &address, login()).unwrap().list(&account()).await.unwrap(), []);
}

#[tokio::test]
async fn the_items_of_a_soap_list_may_have_any_name() {
    let item = "<b:Registration><b:Name>AlertService</b:Name><b:Url>https://example.com/a</b:Url></b:Registration>";
    let list = format!("<GetCallbackRegistrationsResponse xmlns:b=\"urn:b\">{item}</GetCallbackRegistrationsResponse>");
    let (address, _) = scripted(move |path, body| admitted(path, body).unwrap_or_else(|| soap(&list))).await;
    let listed = Platform::new(Api::Soap, &address, login()).unwrap().list(&account()).await.unwrap();
    assert_eq!((listed[0].service.as_str(), listed[0].url.as_str()), ("AlertService", "https://example.com/a"));

    let odd = "<GetCallbackRegistrationsResponse><Url>https://example.com/a</Url></GetCallbackRegistrationsResponse>";
    let (address, _) = scripted(move |path, body| admitted(path, body).unwrap_or_else(|| soap(odd))).await;
    let listed = Platform::new(Api::Soap, &address, login()).unwrap().list(&account()).await;
    assert!(matches!(listed, Err(Error::UnexpectedResponse { .. })), "{listed:?}");
}

#[tokio::test]
async fn the_three_error_formats_of_the_rest_api_are_distinguished() {
    let api = |body: &'static str, status: u16| {
        error_of(Api::Rest, move || (StatusCode::from_u16(status).unwrap(), body).into_response())
    };
    let refused = |error: Error| match error {
        Error::Refused(fault) => (fault.code, fault.message),
        error => panic!("{error}"),
    };
    let pair = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    let error = api(r#"{"errorCode":"UnifiedWebService.INPUT_INVALID.X","errorMessage":"no X"}"#, 400).await;
    assert_eq!(refused(error), pair("UnifiedWebService.INPUT_INVALID.X", "no X"));
    let error = api(r#"{"fault":{"code":"900906","message":"No matching resource","description":"d"}}"#, 404).await;
    assert_eq!(refused(error), pair("900906", "No matching resource"));
    let error = api(r#"{"fault":{"code":900901,"message":"Invalid Credentials"}}"#, 401).await;
    assert_eq!(refused(error), pair("900901", "Invalid Credentials"));
    let xml = r#"<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>900901</am:code><am:message>Invalid Credentials</am:message></am:fault>"#;
    assert_eq!(refused(api(xml, 401).await), pair("900901", "Invalid Credentials"));
}

#[tokio::test]
async fn a_refusal_quotes_neither_the_password_of_callbacks_nor_the_login() {
    let password = login().password;
    let message = format!("{} and {password} are no good; token-1 and session-1 neither", credentials().password);
    let body = json!({ "errorCode": "A.INPUT_INVALID.Password", "errorMessage": message }).to_string();
    let error = error_of(Api::Rest, move || (StatusCode::BAD_REQUEST, body.clone()).into_response()).await;
    assert_eq!(
        error.to_string(),
        "the platform refuses: A.INPUT_INVALID.Password: … and … are no good; … and … neither"
    );
    assert!(!format!("{error:?}").contains(&password));
}

#[tokio::test]
async fn a_refused_logout_does_not_reveal_the_session_in_the_log() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let writer = log.reopen().unwrap();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.try_clone().unwrap()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for api in [Api::Rest, Api::Soap] {
        let (address, _) = scripted(|path, body| match admitted(path, body) {
            Some(answer) => answer,
            None if path.ends_with("/logout") => {
                let body = json!({ "errorCode": "A.B", "errorMessage": "session-1 is unknown" });
                (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
            }
            None if body.contains("LogOut") => {
                soap("<Fault><faultcode>A.B</faultcode><faultstring>session-1 is unknown</faultstring></Fault>")
            }
            None if body.is_empty() => axum::Json(json!([])).into_response(),
            None => soap("<GetCallbackRegistrationsResponse/>"),
        })
        .await;
        let client = Platform::new(api, &address, login()).unwrap();
        assert_eq!(client.list(&account()).await.unwrap(), []);
        client.log_out().await;
    }
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert_eq!(log.matches("the platform refuses: A.B: … is unknown").count(), 2, "{log}");
    assert!(!log.contains("session-1"), "{log}");
}

#[tokio::test]
async fn a_refused_token_or_session_is_renewed_only_once() {
    let expired = r#"{"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Expired","errorMessage":"expired"}"#;
    let (address, requests) = scripted(move |path, body| {
        admitted(path, body).unwrap_or_else(|| (StatusCode::BAD_REQUEST, expired).into_response())
    })
    .await;
    let client = Platform::new(Api::Rest, &address, login()).unwrap();
    assert!(client.list(&account()).await.is_err());
    assert_eq!(paths(&requests), ["token", "login", ACCOUNT, "login", ACCOUNT]);
}

#[tokio::test]
async fn an_unreachable_platform_is_reported_after_three_attempts() {
    let address = unreachable_endpoint().await;
    for api in [Api::Rest, Api::Soap] {
        let error = Platform::new(api, &address, login()).unwrap().list(&account()).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)) && error.affects_all_requests(), "{error}");
    }
}

#[tokio::test]
async fn after_the_platform_becomes_unreachable_no_further_requests_are_sent() {
    let taken = Arc::new(Mutex::new(0));
    let (address, requests) = scripted(move |path, body| {
        let mut taken = taken.lock().unwrap();
        *taken += usize::from(body.contains("\"name\""));
        match admitted(path, body) {
            Some(answer) => answer,
            None if body.is_empty() => axum::Json(json!([])).into_response(),
            None if *taken == 1 => {
                axum::Json(json!({ "accountName": ACCOUNT, "serviceName": "AlertService" })).into_response()
            }
            None => StatusCode::BAD_GATEWAY.into_response(),
        }
    })
    .await;
    let client = Platform::new(Api::Rest, &address, login()).unwrap();
    let done = client.repair(&account(), expected(Api::Rest), &[]).await.unwrap();
    let outcomes: Vec<_> = done.iter().map(|one| one.result.as_ref().unwrap()).collect();
    assert!(outcomes[0].is_ok() && matches!(outcomes[1], Err(Error::Unreachable(_))), "{outcomes:?}");
    assert!(outcomes[2..].iter().all(|outcome| matches!(outcome, Err(Error::NotAttempted))), "{outcomes:?}");
    assert_eq!(requests.lock().unwrap().len(), 2 + 1 + 1 + 3);
}

#[tokio::test]
async fn requests_to_a_busy_platform_are_retried_except_logins() {
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        let (address, requests) = scripted(move |path, body| {
            admitted(path, body).unwrap_or_else(|| (status, [("retry-after", "0")]).into_response())
        })
        .await;
        let client = Platform::new(Api::Rest, &address, login()).unwrap();
        assert!(matches!(client.list(&account()).await, Err(Error::Unreachable(_))));
        assert_eq!(paths(&requests), ["token", "login", ACCOUNT, ACCOUNT, ACCOUNT]);
    }
    let (address, requests) = scripted(|path, body| match admitted(path, body) {
        Some(answer) if path.ends_with("/token") => answer,
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
    .await;
    let client = Platform::new(Api::Rest, &address, login()).unwrap();
    assert!(matches!(client.list(&account()).await, Err(Error::Unreachable(_))));
    assert_eq!(paths(&requests), ["token", "login"], "another attempt might count as a wrong password");
}

#[tokio::test(start_paused = true)]
async fn requests_to_a_silent_platform_time_out() {
    let (listen, address) = silent_endpoint().await;
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            kept.push(listen.accept().await.unwrap());
        }
    });
    let started = tokio::time::Instant::now();
    let error = Platform::new(Api::Soap, &address, login()).unwrap().list(&account()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    silent.abort();
}

/// The elements of a document: depth, namespace, name and text.
fn elements(document: &str) -> Vec<(usize, String, String, String)> {
    let document = roxmltree::Document::parse(document).unwrap();
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .map(|node| {
            let name = node.tag_name();
            let text = node.text().unwrap_or_default().trim().to_owned();
            (node.ancestors().count(), name.namespace().unwrap_or_default().to_owned(), name.name().to_owned(), text)
        })
        .collect()
}

#[tokio::test]
async fn a_soap_request_equals_the_documented_example_and_the_example_response_is_accepted() {
    let (address, requests) = scripted(|path, body| {
        if path.ends_with("/SessionService.svc") {
            let token = "<LogInResponse><Output><SessionToken>''current_session_token''</SessionToken></Output></LogInResponse>";
            return soap(token);
        }
        let service = if body.contains("DeviceUsage") { "DeviceUsage" } else { "CarrierService" };
        REGISTER_CALLBACK_RESPONSE.replace("CarrierService</", &format!("{service}</")).into_response()
    })
    .await;
    let client = Platform::new(Api::Soap, &address, login()).unwrap();
    for service in ["DeviceUsage", "CarrierService"] {
        let url = "http://10.120.102.183:50559/Callback/API/CallbackService.asmx";
        let account = "account_name".parse().unwrap();
        let registration = Registration::new(Api::Soap, account, service, url, Credentials::default()).unwrap();
        client.register(&registration).await.unwrap();
    }
    let requests = requests.lock().unwrap();
    let (path, headers, body) = &requests[1];
    assert_eq!(path, "/CallbackRegistrationService.svc");
    assert_eq!(headers["content-type"], "text/xml; charset=utf-8");
    let action = "\"http://nphase.com/unifiedwebservice/v2/ICallbackRegistrationService/RegisterCallback\"";
    assert_eq!(headers["soapaction"], action);
    assert_eq!(elements(body), elements(REGISTER_CALLBACK_REQUEST));
}

/// The examples of the platform's page on StartSmsCallback, in an envelope.
const START_SMS_CALLBACK: [&str; 2] = [
    r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
         xmlns:v2="http://nphase.com/unifiedwebservice/v2"
         xmlns:nph="http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.EnhancedConnectivityService">
         <soapenv:Header><v2:token>session-1</v2:token></soapenv:Header>
         <soapenv:Body><v2:StartSmsCallback><v2:Input><nph:AccountName>0000123456-00001</nph:AccountName></v2:Input>
         </v2:StartSmsCallback></soapenv:Body></soapenv:Envelope>"#,
    r#"<StartSmsCallbackResponse xmlns="http://nphase.com/unifiedwebservice/v2">
         <Output xmlns:i="http://www.w3.org/2001/XMLSchema-instance"
         xmlns:a="http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.EnhancedConnectivityService"/>
       </StartSmsCallbackResponse>"#,
];

#[tokio::test]
async fn queued_sms_are_requested_as_documented() {
    let (address, requests) = scripted(|path, body| {
        admitted(path, body).unwrap_or_else(|| match path {
            "/m2m/v1/sms/0000123456-00001/startCallbacks" => "{\"success\": true}".into_response(),
            "/EnhancedConnectivityService.svc" => soap(START_SMS_CALLBACK[1]),
            other => panic!("{other}"),
        })
    })
    .await;
    for api in [Api::Rest, Api::Soap] {
        Platform::new(api, &address, login()).unwrap().start_sms_callbacks(&account()).await.unwrap();
    }
    let requests = requests.lock().unwrap();
    let (_, headers, body) = &requests[2];
    assert_eq!((&headers["vz-m2m-token"], body.as_str()), (&"session-1".parse().unwrap(), ""));
    let (_, headers, body) = &requests[4];
    let action = "\"http://nphase.com/unifiedwebservice/v2/IEnhancedConnectivityService/StartSmsCallback\"";
    assert_eq!(headers["soapaction"], action);
    assert_eq!(elements(body), elements(START_SMS_CALLBACK[0]));
}

#[tokio::test]
async fn a_request_of_queued_sms_reports_refusals_and_unexpected_answers() {
    let error_of = async |api, status: u16, body: &'static str| {
        let (address, _) = scripted(move |path, sent| {
            let answer = || (StatusCode::from_u16(status).unwrap(), body).into_response();
            admitted(path, sent).unwrap_or_else(answer)
        })
        .await;
        Platform::new(api, &address, login()).unwrap().start_sms_callbacks(&account()).await.unwrap_err()
    };
    for (api, status, body) in [
        (Api::Rest, 200, "hunter2"),
        (Api::Rest, 200, "{\"success\": false, \"hunter2\": 1}"),
        (Api::Rest, 500, "hunter2"),
        (Api::Soap, 200, "<Envelope><Body><hunter2/></Body></Envelope>"),
        (Api::Soap, 404, "hunter2"),
    ] {
        let error = error_of(api, status, body).await;
        assert!(matches!(error, Error::UnexpectedResponse { .. }), "{api} {status} {body}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    for api in [Api::Rest, Api::Soap] {
        let simulator = simulator().await;
        let unknown = "0000123456-00009".parse().unwrap();
        let error = client(api, &simulator, login()).start_sms_callbacks(&unknown).await.unwrap_err();
        let Error::Refused(fault) = error else { panic!("{error}") };
        assert!(fault.code.ends_with("REQUEST_FAILED.AccountNotFound"), "{fault}");
    }
}

#[tokio::test]
async fn a_registration_may_contain_any_characters() {
    for api in [Api::Rest, Api::Soap] {
        let account_name = "Verizon & <Test> /1?";
        let options = platform::Options { account: vec![account_name.to_owned()], ..simulator_options() };
        let simulator = platform::start(options).await.unwrap();
        let url = "https://example.com/v1/callbacks/DeviceUsage?a=1&b=%3C2%3E";
        let account: AccountName = account_name.parse().unwrap();
        let registration = Registration::new(api, account.clone(), "DeviceUsage", url, credentials()).unwrap();
        let client = client(api, &simulator, login());
        client.register(&registration).await.unwrap();
        let listed = client.list(&account).await.unwrap();
        assert_eq!(listed[0].url, url);
        let registrations = registrations(&simulator).await;
        assert_eq!(registrations[0]["credentials"]["password"], credentials().password, "{registrations:?}");
    }
}
