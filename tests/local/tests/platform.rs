//! The two registration APIs of `callbacks platform`, over HTTP.

use std::path::Path;

use local_tests::{REGISTER_CALLBACK_REQUEST, REGISTER_CALLBACK_RESPONSE, registrations, simulator_options};
use platform_simulator::{Options, Platform, start};
use reqwest::Method;
use roxmltree::{Document, Node};
use serde_json::{Value, json};

const ACCOUNT: &str = "0000123456-00001";
const V2: &str = "http://nphase.com/unifiedwebservice/v2";
const CONTRACT: &str = "http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract";
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

struct Simulator {
    platform: Platform,
    client: reqwest::Client,
}

/// The credentials of a REST session.
struct Rest {
    bearer: String,
    session: String,
}

impl Simulator {
    async fn with(options: Options) -> Self {
        Self { platform: start(options).await.unwrap(), client: reqwest::Client::new() }
    }

    async fn new() -> Self {
        Self::with(simulator_options()).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.platform.address))
    }

    async fn oauth(&self, key: &str, secret: &str, form: &'static str) -> (u16, Value) {
        let request = self.request(Method::POST, "/api/ts/v1/oauth2/token").basic_auth(key, Some(secret));
        json_of(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
    }

    async fn bearer(&self) -> String {
        let (status, token) = self.oauth("stand-in-key", "stand-in-secret", "grant_type=client_credentials").await;
        assert_eq!(status, 200, "{token}");
        token["access_token"].as_str().unwrap().to_owned()
    }

    async fn log_in(&self, bearer: &str, password: &str) -> (u16, Value) {
        let request = self.request(Method::POST, "/api/m2m/v1/session/login").bearer_auth(bearer);
        json_of(request.json(&json!({ "username": "stand-in-user", "password": password }))).await
    }

    async fn rest(&self) -> Rest {
        let bearer = self.bearer().await;
        let (status, answer) = self.log_in(&bearer, "stand-in-password").await;
        assert_eq!(status, 200, "{answer}");
        Rest { session: answer["sessionToken"].as_str().unwrap().to_owned(), bearer }
    }

    async fn call(&self, rest: &Rest, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.request(method, path).bearer_auth(&rest.bearer).header("VZ-M2M-Token", &rest.session);
        json_of(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn register(&self, rest: &Rest, body: Value) -> (u16, Value) {
        self.call(rest, Method::POST, &format!("/api/m2m/v1/callbacks/{ACCOUNT}"), Some(body)).await
    }

    async fn list(&self, rest: &Rest) -> (u16, Value) {
        self.call(rest, Method::GET, &format!("/api/m2m/v1/callbacks/{ACCOUNT}"), None).await
    }

    async fn deregister(&self, rest: &Rest, service: &str) -> (u16, Value) {
        let path = format!("/api/m2m/v1/callbacks/{ACCOUNT}/name/{service}");
        self.call(rest, Method::DELETE, &path, None).await
    }

    async fn post_soap(&self, service: &str, action: &str, body: String) -> (u16, String) {
        let request = self.request(Method::POST, &format!("/api/v2/{service}.svc"));
        let request = request.header("content-type", "text/xml; charset=utf-8").header("SOAPAction", action);
        let response = request.body(body).send().await.unwrap();
        let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(content_type.as_deref(), Some("text/xml; charset=utf-8"));
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn soap(&self, session: &str, service: &str, operation: &str, input: &[(&str, &str)]) -> (u16, String) {
        let members: String = input.iter().map(|(name, value)| format!("<n:{name}>{value}</n:{name}>")).collect();
        let body = format!(
            r#"<e:Envelope xmlns:e="{SOAP}" xmlns:v="{V2}" xmlns:n="{CONTRACT}.{service}"><e:Header><v:token>{session}</v:token></e:Header><e:Body><v:{operation}><v:Input>{members}</v:Input></v:{operation}></e:Body></e:Envelope>"#
        );
        self.post_soap(service, &format!("\"{V2}/I{service}/{operation}\""), body).await
    }

    async fn soap_log_in(&self) -> String {
        let input = [("Username", "stand-in-user"), ("Password", "stand-in-password")];
        let (status, answer) = self.soap("", "SessionService", "LogIn", &input).await;
        assert_eq!(status, 200, "{answer}");
        texts(&answer, "SessionToken").remove(0)
    }

    async fn registration(&self, session: &str, operation: &str, input: &[(&str, &str)]) -> (u16, String) {
        self.soap(session, "CallbackRegistrationService", operation, input).await
    }

    async fn soap_register(&self, session: &str, service: &str) -> (u16, String) {
        let input =
            [("AccountName", ACCOUNT), ("ServiceName", service), ("Url", "https://example.com/soap?a=1&amp;b=2")];
        self.registration(session, "RegisterCallback", &input).await
    }

    async fn soap_list(&self, session: &str) -> Vec<(String, String)> {
        let (status, answer) =
            self.registration(session, "GetCallbackRegistrations", &[("AccountName", ACCOUNT)]).await;
        assert_eq!(status, 200, "{answer}");
        texts(&answer, "ServiceName").into_iter().zip(texts(&answer, "Url")).collect()
    }
}

async fn json_of(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn error_code(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 400, "{answer:?}");
    assert!(answer.1["errorMessage"].is_string());
    answer.1["errorCode"].as_str().unwrap()
}

/// The fault code without its namespace prefix.
fn fault_code(answer: &(u16, String)) -> String {
    assert_eq!(answer.0, 500, "{answer:?}");
    let document = Document::parse(&answer.1).unwrap();
    let fault = document.descendants().find(|node| node.has_tag_name((SOAP, "Fault"))).unwrap();
    let text = |name| fault.children().find(|child| child.has_tag_name(name)).unwrap().text().unwrap();
    assert!(!text("faultstring").is_empty());
    text("faultcode").split_once(':').unwrap().1.to_owned()
}

fn texts(xml: &str, name: &str) -> Vec<String> {
    let document = Document::parse(xml).unwrap();
    let named = document.descendants().filter(|node| node.tag_name().name() == name);
    named.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// An element with its namespace, attributes, text and children, without the white space between elements.
fn tree(node: Node<'_, '_>) -> Value {
    let children: Vec<_> = node.children().filter(Node::is_element).map(tree).collect();
    let attributes: Vec<_> = node.attributes().map(|attribute| json!([attribute.name(), attribute.value()])).collect();
    let name = json!([node.tag_name().namespace(), node.tag_name().name()]);
    json!([name, attributes, node.text().unwrap_or_default().trim(), children])
}

fn usage(url: &str) -> Value {
    json!({ "name": "DeviceUsage", "url": url, "username": "listener", "password": "listener's password" })
}

#[tokio::test]
async fn oauth_returns_the_same_token_until_it_expires() {
    let simulator = Simulator::new().await;
    let (status, token) = simulator.oauth("stand-in-key", "stand-in-secret", "grant_type=client_credentials").await;
    assert_eq!((status, token["token_type"].as_str()), (200, Some("Bearer")));
    assert!((3590..=3600).contains(&token["expires_in"].as_i64().unwrap()), "{token}");
    assert!(token["scope"].is_string());
    assert_eq!(token["access_token"], simulator.bearer().await.as_str());
    simulator.platform.expire_tokens();
    assert_ne!(token["access_token"], simulator.bearer().await.as_str());
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_grant_are_refused_with_oauth_errors() {
    let simulator = Simulator::new().await;
    for (key, secret) in [("stand-in-key", "wrong"), ("wrong", "stand-in-secret"), ("", "")] {
        let (status, answer) = simulator.oauth(key, secret, "grant_type=client_credentials").await;
        assert_eq!((status, answer["error"].as_str()), (401, Some("invalid_client")));
        assert!(answer["error_description"].is_string());
    }
    let (status, answer) = simulator.oauth("stand-in-key", "stand-in-secret", "grant_type=password").await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("unsupported_grant_type")));
}

#[tokio::test]
async fn the_gateway_has_its_own_fault_format_in_json_and_xml() {
    let simulator = Simulator::new().await;
    let expired_token = simulator.bearer().await;
    simulator.platform.expire_tokens();
    let path = format!("/api/m2m/v1/callbacks/{ACCOUNT}");
    for (method, path, bearer, expected) in [
        (Method::GET, path.as_str(), None, (401, "900902")),
        (Method::GET, path.as_str(), Some("nonsense"), (401, "900901")),
        (Method::GET, path.as_str(), Some(expired_token.as_str()), (401, "900901")),
        (Method::PUT, path.as_str(), None, (404, "900906")),
        (Method::GET, "/api/m2m/v1/nothing", None, (404, "900906")),
        (Method::DELETE, "/api/m2m/v1/callbacks/0000123456-00001/DeviceUsage", None, (404, "900906")),
    ] {
        for xml in [false, true] {
            let mut request = simulator.request(method.clone(), path);
            if let Some(bearer) = bearer {
                request = request.bearer_auth(bearer);
            }
            let request = request.header("Accept", if xml { "application/xml" } else { "application/json" });
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            let code = if xml {
                let document = Document::parse(&text).unwrap();
                assert!(document.root_element().has_tag_name(("http://wso2.org/apimanager", "fault")), "{text}");
                texts(&text, "code").remove(0)
            } else {
                let fault = serde_json::from_str::<Value>(&text).unwrap()["fault"].clone();
                assert!(fault["message"].is_string() && fault["description"].is_string(), "{text}");
                fault["code"].as_str().unwrap().to_owned()
            };
            assert_eq!((status, code.as_str()), expected, "{method} {path} {bearer:?}");
        }
    }
}

#[tokio::test]
async fn a_listener_is_registered_listed_with_its_password_overwritten_and_deregistered_over_rest() {
    let simulator = Simulator::new().await;
    let rest = simulator.rest().await;
    assert_eq!(simulator.list(&rest).await, (200, json!([])));
    let done = (200, json!({ "accountName": ACCOUNT, "serviceName": "DeviceUsage" }));
    assert_eq!(simulator.register(&rest, usage("http://example.com:9001/usage")).await, done);
    assert_eq!(simulator.register(&rest, usage("https://example.com/usage")).await, done);
    let entry = json!({
        "accountName": ACCOUNT,
        "serviceName": "DeviceUsage",
        "url": "https://example.com/usage",
        "username": "listener",
        "password": "listener's password",
    });
    assert_eq!(simulator.list(&rest).await, (200, json!([entry])));
    assert_eq!(simulator.deregister(&rest, "DeviceUsage").await, done);
    assert_eq!(simulator.list(&rest).await, (200, json!([])));
    let again = simulator.deregister(&rest, "DeviceUsage").await;
    assert_eq!(error_code(&again), "UnifiedWebService.REQUEST_FAILED.Callback.NotRegistered");
}

#[tokio::test]
async fn rest_accepts_thirteen_services_and_soap_eleven() {
    let simulator = Simulator::new().await;
    let rest = simulator.rest().await;
    for service in registry::SERVICES {
        let body = json!({ "name": service.name, "url": "https://example.com/" });
        assert_eq!(simulator.register(&rest, body).await.0, 200, "{}", service.name);
        assert_eq!(simulator.deregister(&rest, &service.name).await.0, 200, "{}", service.name);
    }
    let session = simulator.soap_log_in().await;
    for service in registry::SERVICES {
        let answer = simulator.soap_register(&session, &service.name).await;
        if ["DeviceProfileService", "StateService"].contains(&&*service.name) {
            assert_eq!(fault_code(&answer), "CallbackRegistrationService.INPUT_INVALID.ServiceName.Invalid");
        } else {
            assert_eq!(answer.0, 200, "{answer:?}");
        }
    }
    assert_eq!(simulator.soap_list(&session).await.len(), 11);
}

#[tokio::test]
async fn rest_refuses_what_the_platform_refuses() {
    let simulator = Simulator::new().await;
    let rest = simulator.rest().await;
    for (body, code) in [
        (json!({ "name": "NoService", "url": "https://example.com/" }), "INPUT_INVALID.ServiceName.Invalid"),
        (json!({ "url": "https://example.com/" }), "INPUT_INVALID.ServiceName.Invalid"),
        (json!({ "name": "DeviceUsage" }), "INPUT_INVALID.Url.Invalid"),
        (usage("https://example.com:8443/"), "INPUT_INVALID.Url.Invalid"),
        (
            json!({ "name": "DeviceUsage", "url": "https://example.com/", "password": "x".repeat(41) }),
            "INPUT_INVALID.Credentials.TooLong",
        ),
        (
            json!({ "name": "DeviceUsage", "url": "https://example.com/", "password": "stand-in-password" }),
            "INPUT_INVALID.Credentials.Invalid",
        ),
        (json!(["DeviceUsage"]), "DeserializationFailed"),
    ] {
        let answer = simulator.register(&rest, body.clone()).await;
        assert_eq!(error_code(&answer), format!("UnifiedWebService.{code}"), "{body}");
    }
    let unknown_account = simulator.call(&rest, Method::GET, "/api/m2m/v1/callbacks/123456-00001", None).await;
    assert_eq!(error_code(&unknown_account), "UnifiedWebService.REQUEST_FAILED.AccountNotFound");
    let empty = simulator.call(&rest, Method::POST, &format!("/api/m2m/v1/callbacks/{ACCOUNT}"), None).await;
    assert_eq!(error_code(&empty), "UnifiedWebService.INPUT_INVALID.RequestUndefined");
    assert_eq!(simulator.list(&rest).await, (200, json!([])));
}

#[tokio::test]
async fn a_service_of_one_api_can_not_be_registered_deregistered_or_listed_through_the_other() {
    let simulator = Simulator::new().await;
    let (rest, session) = (simulator.rest().await, simulator.soap_log_in().await);
    assert_eq!(simulator.register(&rest, usage("https://example.com/rest")).await.0, 200);
    assert_eq!(simulator.soap_register(&session, "CarrierService").await.0, 200);

    let other = "REQUEST_FAILED.Callback.RegisteredByOtherApi";
    let over_rest = simulator.register(&rest, json!({ "name": "CarrierService", "url": "https://example.com/" })).await;
    assert_eq!(error_code(&over_rest), format!("UnifiedWebService.{other}"));
    assert_eq!(error_code(&simulator.deregister(&rest, "CarrierService").await), format!("UnifiedWebService.{other}"));
    let over_soap = simulator.soap_register(&session, "DeviceUsage").await;
    assert_eq!(fault_code(&over_soap), format!("CallbackRegistrationService.{other}"));
    let names = [("AccountName", ACCOUNT), ("ServiceName", "DeviceUsage")];
    let over_soap = simulator.registration(&session, "UnregisterCallback", &names).await;
    assert_eq!(fault_code(&over_soap), format!("CallbackRegistrationService.{other}"));

    let listed = simulator.list(&rest).await.1;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["serviceName"]), (1, &json!("DeviceUsage")));
    let listed = simulator.soap_list(&session).await;
    assert_eq!(listed, [("CarrierService".to_owned(), "https://example.com/soap?a=1&b=2".to_owned())]);

    assert_eq!(simulator.deregister(&rest, "DeviceUsage").await.0, 200);
    assert_eq!(
        simulator.soap_register(&session, "DeviceUsage").await.0,
        200,
        "a deregistered service can be registered through the other API"
    );
}

#[tokio::test]
async fn the_documented_example_request_gets_the_documented_response() {
    let simulator = Simulator::with(Options { account: vec!["account_name".to_owned()], ..simulator_options() }).await;
    let session = simulator.soap_log_in().await;
    let request = REGISTER_CALLBACK_REQUEST
        .replace("''current_session_token''", &session)
        .replace("DeviceUsage", "CarrierService");
    let action = format!("\"{V2}/ICallbackRegistrationService/RegisterCallback\"");
    let (status, answer) = simulator.post_soap("CallbackRegistrationService", &action, request).await;
    assert_eq!(status, 200, "{answer}");
    let (expected, given) = (Document::parse(REGISTER_CALLBACK_RESPONSE).unwrap(), Document::parse(&answer).unwrap());
    assert_eq!(tree(expected.root_element()), tree(given.root_element()));
}

#[tokio::test]
async fn a_soap_session_is_in_the_body_and_in_the_header_and_ends_with_log_out() {
    let simulator = Simulator::new().await;
    let input = [("Username", "stand-in-user"), ("Password", "stand-in-password")];
    let (_, answer) = simulator.soap("", "SessionService", "LogIn", &input).await;
    let document = Document::parse(&answer).unwrap();
    let path: Vec<_> = document
        .descendants()
        .filter(Node::is_element)
        .map(|node| (node.tag_name().namespace(), node.tag_name().name()))
        .collect();
    let contract = format!("{CONTRACT}.SessionService");
    assert_eq!(
        path,
        [
            (Some(SOAP), "Envelope"),
            (Some(SOAP), "Header"),
            (Some(V2), "token"),
            (Some(SOAP), "Body"),
            (Some(V2), "LogInResponse"),
            (Some(V2), "Output"),
            (Some(contract.as_str()), "SessionToken"),
        ]
    );
    let session = texts(&answer, "SessionToken").remove(0);
    assert_eq!(texts(&answer, "token").remove(0), session);
    let (status, answer) = simulator.soap("", "SessionService", "LogOut", &[("SessionToken", &session)]).await;
    assert_eq!((status, texts(&answer, "SessionToken")), (200, vec![session.clone()]), "{answer}");
    let after = simulator.soap_register(&session, "DeviceUsage").await;
    assert_eq!(fault_code(&after), "CallbackRegistrationService.INPUT_INVALID.SessionToken.Invalid");
}

#[tokio::test]
async fn soap_lists_names_and_urls_and_never_credentials() {
    let simulator = Simulator::new().await;
    let session = simulator.soap_log_in().await;
    let input = [
        ("AccountName", ACCOUNT),
        ("ServiceName", "DeviceUsage"),
        ("Url", "https://example.com/"),
        ("Username", "listener"),
        ("Password", "&lt;hunter2&gt;"),
    ];
    assert_eq!(simulator.registration(&session, "RegisterCallback", &input).await.0, 200);
    let (_, answer) = simulator.registration(&session, "GetCallbackRegistrations", &[("AccountName", ACCOUNT)]).await;
    assert_eq!(texts(&answer, "AccountName"), [ACCOUNT]);
    assert!(!answer.contains("listener") && !answer.contains("hunter2"), "{answer}");
    let kept: Value = json!(registrations(&simulator.platform).await);
    assert_eq!(kept[0]["credentials"], json!({ "username": "listener", "password": "<hunter2>" }));
    assert_eq!((&kept[0]["api"], &kept[0]["former"]), (&json!("soap"), &Value::Null));
}

#[tokio::test]
async fn a_soap_request_needs_the_right_namespaces_order_and_action() {
    let simulator = Simulator::with(Options { account: vec!["account_name".to_owned()], ..simulator_options() }).await;
    let session = simulator.soap_log_in().await;
    let request = REGISTER_CALLBACK_REQUEST.replace("''current_session_token''", &session);
    let action = format!("\"{V2}/ICallbackRegistrationService/RegisterCallback\"");
    let swapped =
        request.replace("ServiceName>", "x>").replace("AccountName>", "ServiceName>").replace("x>", "AccountName>");
    for (why, action, body, code) in [
        ("no action", "", request.clone(), "INPUT_INVALID.RequestUndefined"),
        (
            "another action",
            &*action.replace("Register", "Unregister"),
            request.clone(),
            "INPUT_INVALID.RequestUndefined",
        ),
        ("no XML", &action, "nonsense".to_owned(), "DeserializationFailed"),
        (
            "SOAP 1.2",
            &action,
            request.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"),
            "DeserializationFailed",
        ),
        ("another v2", &action, request.replace(V2, "http://nphase.com/unifiedwebservice/v1"), "DeserializationFailed"),
        (
            "members of another contract",
            &action,
            request.replace("Contract.Callback", "Contract.Call"),
            "REQUEST_FAILED.AccountNotFound",
        ),
        ("another order", &action, swapped, "DeserializationFailed"),
        ("no token", &action, request.replace("v2:token", "nph:token"), "INPUT_INVALID.SessionToken.Invalid"),
        (
            "no such operation",
            &*action.replace("RegisterC", "Raise"),
            request.replace("RegisterC", "Raise"),
            "INPUT_INVALID.RequestUndefined",
        ),
    ] {
        let answer = simulator.post_soap("CallbackRegistrationService", action, body).await;
        assert_eq!(fault_code(&answer), format!("CallbackRegistrationService.{code}"), "{why}");
    }
    let request =
        simulator.request(Method::POST, "/api/v2/SessionService.svc").header("content-type", "application/soap+xml");
    assert_eq!(request.send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn both_apis_distinguish_an_expired_session_from_an_unknown_one() {
    let simulator = Simulator::new().await;
    let (rest, session) = (simulator.rest().await, simulator.soap_log_in().await);
    simulator.platform.expire_sessions();
    let expired = "REQUEST_FAILED.SessionToken.Expired";
    assert_eq!(error_code(&simulator.list(&rest).await), format!("UnifiedWebService.{expired}"));
    let answer = simulator.soap_register(&session, "DeviceUsage").await;
    assert_eq!(fault_code(&answer), format!("CallbackRegistrationService.{expired}"));

    let unknown = Rest { session: "unknown".to_owned(), bearer: rest.bearer };
    assert_eq!(error_code(&simulator.list(&unknown).await), "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid");
    let without_session =
        simulator.request(Method::GET, &format!("/api/m2m/v1/callbacks/{ACCOUNT}")).bearer_auth(&unknown.bearer);
    assert_eq!(error_code(&json_of(without_session).await), "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid");
}

#[tokio::test]
async fn a_session_can_be_ended_over_rest() {
    let simulator = Simulator::new().await;
    let rest = simulator.rest().await;
    let (status, answer) = simulator.call(&rest, Method::POST, "/api/m2m/v1/session/logout", None).await;
    assert_eq!((status, answer["sessionToken"].as_str()), (200, Some(rest.session.as_str())));
    assert_eq!(error_code(&simulator.list(&rest).await), "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid");
}

#[tokio::test]
async fn five_wrong_passwords_through_either_api_lock_the_user_in_both() {
    let simulator = Simulator::new().await;
    let bearer = simulator.bearer().await;
    for attempt in 0..5 {
        if attempt % 2 == 0 {
            let answer = simulator.log_in(&bearer, "wrong").await;
            assert_eq!(error_code(&answer), "UnifiedWebService.REQUEST_FAILED.InvalidCredentials");
        } else {
            let input = [("Username", "stand-in-user"), ("Password", "wrong")];
            let answer = simulator.soap("", "SessionService", "LogIn", &input).await;
            assert_eq!(fault_code(&answer), "SessionService.REQUEST_FAILED.InvalidCredentials");
        }
    }
    let answer = simulator.log_in(&bearer, "stand-in-password").await;
    assert_eq!(error_code(&answer), "UnifiedWebService.REQUEST_FAILED.AccountLocked");
    simulator.platform.unlock();
    assert_eq!(simulator.log_in(&bearer, "stand-in-password").await.0, 200);
}

#[tokio::test]
async fn each_api_accepts_the_other_spelling_on_its_page_about_deregistration() {
    let simulator = Simulator::new().await;
    let (rest, session) = (simulator.rest().await, simulator.soap_log_in().await);
    let alert = json!({ "name": "AlertService", "url": "https://example.com/" });
    assert_eq!(simulator.register(&rest, alert).await.0, 200);
    let done = json!({ "accountName": ACCOUNT, "serviceName": "AlertService" });
    assert_eq!(simulator.deregister(&rest, "AlertsService").await, (200, done));
    assert_eq!(simulator.soap_register(&session, "PromoChanges").await.0, 200);
    let names = [("AccountName", ACCOUNT), ("ServiceName", "PromoChange")];
    let (status, answer) = simulator.registration(&session, "UnregisterCallback", &names).await;
    assert_eq!((status, texts(&answer, "ServiceName")), (200, vec!["PromoChanges".to_owned()]), "{answer}");
}

#[tokio::test]
async fn any_port_is_accepted_only_with_the_option() {
    let simulator = Simulator::with(Options { any_port: true, ..simulator_options() }).await;
    let rest = simulator.rest().await;
    assert_eq!(simulator.register(&rest, usage("http://127.0.0.1:9001/callbacks/DeviceUsage")).await.0, 200);
    let answer = simulator.register(&rest, usage("ftp://127.0.0.1:21/")).await;
    assert_eq!(error_code(&answer), "UnifiedWebService.INPUT_INVALID.Url.Invalid");
}

#[tokio::test]
async fn registrations_and_former_credentials_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let on = |path: &Path| Options { data: Some(path.to_owned()), ..simulator_options() };
    let first = Simulator::with(on(directory.path())).await;
    let (rest, session) = (first.rest().await, first.soap_log_in().await);
    assert_eq!(first.register(&rest, usage("https://example.com/rest")).await.0, 200);
    let changed = json!({ "name": "DeviceUsage", "url": "https://example.com/rest", "password": "new" });
    assert_eq!(first.register(&rest, changed).await.0, 200);
    assert_eq!(first.soap_register(&session, "CarrierService").await.0, 200);
    let before = json_of(first.request(Method::GET, "/_platform/registrations")).await;
    assert_eq!(before.1[0]["former"]["credentials"]["password"], "listener's password");
    assert!(before.1[0]["former"]["replacedAt"].is_string());
    drop(first);

    let second = Simulator::with(Options { account: vec!["another".to_owned()], ..on(directory.path()) }).await;
    assert_eq!(json_of(second.request(Method::GET, "/_platform/registrations")).await, before);
    let rest = second.rest().await;
    assert_eq!(second.list(&rest).await.1.as_array().unwrap().len(), 1, "its account is still known");
    assert_eq!(second.soap_list(&second.soap_log_in().await).await.len(), 1);
}

#[tokio::test]
async fn a_registration_that_cannot_be_saved_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let simulator = Simulator::with(Options { data: Some(data.clone()), ..simulator_options() }).await;
    let rest = simulator.rest().await;
    std::fs::remove_dir_all(&data).unwrap();
    let answer = simulator.register(&rest, usage("https://example.com/")).await;
    assert_eq!(error_code(&answer), "UnifiedWebService.REQUEST_FAILED.UnexpectedError");
    assert_eq!(simulator.list(&rest).await, (200, json!([])));
}

#[tokio::test]
async fn a_request_of_queued_sms_has_the_documented_response_in_both_apis() {
    let simulator = Simulator::new().await;
    let rest = simulator.rest().await;
    let path = |account: &str| format!("/api/m2m/v1/sms/{account}/startCallbacks");
    let started = simulator.call(&rest, Method::PUT, &path(ACCOUNT), None).await;
    assert_eq!(started, (200, json!({ "success": true })));
    let unknown = simulator.call(&rest, Method::PUT, &path("123456-00001"), None).await;
    assert_eq!(error_code(&unknown), "UnifiedWebService.REQUEST_FAILED.AccountNotFound");
    let (status, fault) = json_of(simulator.request(Method::PUT, &path(ACCOUNT))).await;
    assert_eq!((status, &fault["fault"]["code"]), (401, &json!("900902")));

    let service = "EnhancedConnectivityService";
    let session = simulator.soap_log_in().await;
    let account = [("AccountName", ACCOUNT)];
    let (status, answer) = simulator.soap(&session, service, "StartSmsCallback", &account).await;
    let documented = format!(
        r#"<s:Envelope xmlns:s="{SOAP}"><s:Body><StartSmsCallbackResponse xmlns="{V2}"><Output xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:a="{CONTRACT}.{service}"/></StartSmsCallbackResponse></s:Body></s:Envelope>"#
    );
    let root = |xml: &str| tree(Document::parse(xml).unwrap().root_element());
    assert_eq!((status, root(&answer)), (200, root(&documented)));
    let refused = simulator.soap("nonsense", service, "StartSmsCallback", &account).await;
    assert_eq!(fault_code(&refused), format!("{service}.INPUT_INVALID.SessionToken.Invalid"));
}
