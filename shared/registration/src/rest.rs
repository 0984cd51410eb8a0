//! The REST API of ThingSpace: an OAuth token for the application, a session token for the login, JSON.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::api::is_same_service;
use crate::credentials::{Credentials, Login};
use crate::error::{Error, Fault};
use crate::http::{self, Answer, Retry};
use crate::registration::{AccountName, Registered, Registration};
use crate::session::Sessions;

/// An OAuth token is renewed this long before it expires.
const TOKEN_RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// Maximum lifetime of a token, in seconds.
const MAX_TOKEN_LIFETIME: u64 = 3600;

#[derive(Debug)]
pub(crate) struct Rest {
    client: Client,
    address: Url,
    login: Login,
    token: Mutex<Option<Token>>,
    session: Sessions,
}

struct Token {
    text: String,
    until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionAnswer {
    session_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    service_name: String,
    url: String,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    service_name: String,
}

/// The answer to `startCallbacks`. Its only member is optional in the model of Verizon's SDK.
#[derive(Deserialize)]
struct Started {
    success: Option<bool>,
}

/// A refusal by the API or by the gateway in front of it.
enum Rejection {
    /// `{"errorCode", "errorMessage"}`.
    Api(Fault),
    /// The gateway's `{"fault": {"code", "message"}}` or `<am:fault>`, or OAuth's `{"error", "error_description"}`.
    Gateway(Fault),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Api(fault) | Rejection::Gateway(fault) => fault,
        }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(redacted)")
    }
}

impl Rest {
    pub(crate) fn new(client: Client, address: Url, login: Login) -> Self {
        Self { client, address, login, token: Mutex::new(None), session: Sessions::default() }
    }

    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    pub(crate) async fn list(&self, account: &AccountName) -> Result<Vec<Registered>, Error> {
        let listed: Vec<Listed> = self.call(Method::GET, &["callbacks", account.as_ref()], None).await?;
        let registered = |Listed { service_name, url, username, password }| {
            let credentials =
                Credentials { username: username.unwrap_or_default(), password: password.unwrap_or_default() };
            Registered { service: service_name, url, credentials: Some(credentials) }
        };
        Ok(listed.into_iter().map(registered).collect())
    }

    pub(crate) async fn register(&self, registration: &Registration) -> Result<(), Error> {
        let Credentials { username, password } = registration.credentials();
        let body = json!({
            "name": registration.service(),
            "url": registration.url(),
            "username": username,
            "password": password,
        });
        let path = ["callbacks", registration.account().as_ref()];
        let named: Named = self.call(Method::POST, &path, Some(&body)).await?;
        if is_same_service(&named.service_name, registration.service()) {
            return Ok(());
        }
        Err(Error::UnexpectedResponse { status: 200, reason: "about another service" })
    }

    pub(crate) async fn deregister(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        let path = ["callbacks", account.as_ref(), "name", service];
        self.call::<Named>(Method::DELETE, &path, None).await.map(drop)
    }

    pub(crate) async fn start_sms_callbacks(&self, account: &AccountName) -> Result<(), Error> {
        let path = ["sms", account.as_ref(), "startCallbacks"];
        match self.call(Method::PUT, &path, None).await? {
            Started { success: Some(false) } => {
                Err(Error::UnexpectedResponse { status: 200, reason: "without success" })
            }
            Started { .. } => Ok(()),
        }
    }

    pub(crate) async fn log_out(&self) -> Result<(), Error> {
        let Some(session) = self.session.current().await else { return Ok(()) };
        let url = http::join(&self.address, &["m2m", "v1", "session", "logout"]);
        let request = |token: &str| {
            let request = self.client.post(url.clone()).bearer_auth(token);
            request.header("VZ-M2M-Token", &session).header(CONTENT_TYPE, "application/json")
        };
        // Discarded only now, so that it is redacted in an error.
        let result = self.with_token(Retry::Always, request).await;
        self.session.discard(&session).await;
        result?.map(drop).map_err(|rejection| Error::Refused(rejection.into()))
    }

    /// A call within a session, which is renewed once if the platform rejects its token.
    async fn call<T: for<'a> Deserialize<'a>>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<T, Error> {
        let url = http::join(&self.address, &[&["m2m", "v1"], path].concat());
        let mut renewed = false;
        loop {
            let session = self.session().await?;
            let request = |token: &str| {
                let request = self.client.request(method.clone(), url.clone()).bearer_auth(token);
                let request = request.header("VZ-M2M-Token", &session).header(ACCEPT, "application/json");
                match body {
                    Some(body) => request.json(body),
                    None => request.header(CONTENT_TYPE, "application/json"),
                }
            };
            match self.with_token(Retry::Always, request).await? {
                Ok(answer) => return parsed(&answer),
                Err(Rejection::Api(fault)) if fault.is_session_error() && !renewed => {
                    renewed = true;
                    self.session.discard(&session).await;
                }
                Err(rejection) => return Err(Error::Refused(rejection.into())),
            }
        }
    }

    /// The session token, after a login if there is no session.
    async fn session(&self) -> Result<String, Error> {
        let mut session = self.session.lock().await;
        if let Some(token) = session.used() {
            return Ok(token);
        }
        let url = http::join(&self.address, &["m2m", "v1", "session", "login"]);
        let body = json!({ "username": self.login.username, "password": self.login.password });
        let request = |token: &str| self.client.post(url.clone()).bearer_auth(token).json(&body);
        match self.with_token(Retry::IfUnsent, request).await? {
            Ok(answer) => {
                let SessionAnswer { session_token } = parsed(&answer)?;
                session.keep(&session_token);
                Ok(session_token)
            }
            Err(rejection) => Err(refused_login(rejection.into())),
        }
    }

    /// A request with the application's token, which is renewed once if the gateway rejects it.
    async fn with_token(
        &self,
        retry: Retry,
        request: impl Fn(&str) -> RequestBuilder,
    ) -> Result<Result<Answer, Rejection>, Error> {
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let answer = http::send(retry, || request(&token)).await?;
            if answer.status.is_success() {
                return Ok(Ok(answer));
            }
            match self.rejection(&answer)? {
                Rejection::Gateway(fault) if is_token_error(&answer, &fault) && !renewed => {
                    renewed = true;
                    self.token.lock().await.take_if(|kept| kept.text == token);
                }
                rejection => return Ok(Err(rejection)),
            }
        }
    }

    /// The application's token. The platform returns the same one until it expires.
    async fn token(&self) -> Result<String, Error> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(token.text.clone());
        }
        let (key, secret) = self.login.application()?;
        let url = http::join(&self.address, &["ts", "v1", "oauth2", "token"]);
        let basic = format!("Basic {}", STANDARD.encode(format!("{key}:{secret}")));
        let request = || {
            let request = self.client.post(url.clone()).header(AUTHORIZATION, &basic);
            request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("grant_type=client_credentials")
        };
        let answer = http::send(Retry::Always, request).await?;
        if !answer.status.is_success() {
            let fault: Fault = self.rejection(&answer)?.into();
            // The gateway's code for an unknown resource: the key was not checked.
            if answer.status == StatusCode::NOT_FOUND || fault.code == "900906" {
                let reason = "where its API should be: the address is wrong";
                return Err(Error::UnexpectedResponse { status: 404, reason });
            }
            return Err(Error::LoginRefused { what: "application's key and secret", fault });
        }
        let TokenAnswer { access_token: text, expires_in } = parsed(&answer)?;
        let life = Duration::from_secs(expires_in.unwrap_or(MAX_TOKEN_LIFETIME).min(MAX_TOKEN_LIFETIME))
            .saturating_sub(TOKEN_RENEWAL_MARGIN);
        *kept = Some(Token { text: text.clone(), until: Instant::now() + life });
        Ok(text)
    }

    /// The refusal in a response, in any of the platform's formats.
    fn rejection(&self, answer: &Answer) -> Result<Rejection, Error> {
        // While the lock is held, there is no token yet.
        let (token, session) = (self.token.try_lock(), self.session.token());
        let mut secrets = self.login.secrets();
        secrets.extend(token.as_ref().ok().and_then(|kept| Some(kept.as_ref()?.text.as_str())));
        secrets.extend(session.as_deref());
        let fault = |code: &str, message: &str| Fault::new(code, message, &secrets);
        if let Ok(body) = serde_json::from_str::<Value>(&answer.body) {
            let text = |value: &Value, name: &str| match value.get(name) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            };
            if let Some(code) = text(&body, "errorCode") {
                return Ok(Rejection::Api(fault(&code, &text(&body, "errorMessage").unwrap_or_default())));
            }
            if let Some((inner, code)) = body.get("fault").and_then(|inner| Some((inner, text(inner, "code")?))) {
                return Ok(Rejection::Gateway(fault(&code, &text(inner, "message").unwrap_or_default())));
            }
            if let Some(code) = text(&body, "error") {
                return Ok(Rejection::Gateway(fault(&code, &text(&body, "error_description").unwrap_or_default())));
            }
        }
        if let Some((code, message)) = gateway_xml(&answer.body) {
            return Ok(Rejection::Gateway(fault(&code, &message)));
        }
        Err(Error::UnexpectedResponse { status: answer.status.as_u16(), reason: "with an error that is not its API's" })
    }
}

/// `<am:fault><am:code>900901</am:code><am:message>…`.
fn gateway_xml(body: &str) -> Option<(String, String)> {
    let document = roxmltree::Document::parse(body).ok()?;
    let root = document.root_element();
    let child = |name| root.children().find(|child| child.tag_name().name() == name)?.text().map(str::to_owned);
    (root.tag_name().name() == "fault").then_some(())?;
    Some((child("code")?, child("message").unwrap_or_default()))
}

/// Whether the gateway rejects the token as invalid, expired or missing.
fn is_token_error(answer: &Answer, fault: &Fault) -> bool {
    answer.status == StatusCode::UNAUTHORIZED || matches!(fault.code.as_str(), "900901" | "900902")
}

fn refused_login(fault: Fault) -> Error {
    if fault.is_lock() { Error::Locked(fault) } else { Error::LoginRefused { what: "user name and password", fault } }
}

/// The parsed body. The parser's error message is dropped, since it could quote passwords in a list.
fn parsed<T: for<'a> Deserialize<'a>>(answer: &Answer) -> Result<T, Error> {
    let unexpected = |reason| Error::UnexpectedResponse { status: answer.status.as_u16(), reason };
    if answer.content_type == "text/html" {
        return Err(unexpected("with a web page"));
    }
    serde_json::from_str(&answer.body).map_err(|_| unexpected("with a body that is not its API's"))
}
