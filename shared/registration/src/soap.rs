//! The SOAP API, UWS version 2: a session, and envelopes as in the platform's documentation.

use quick_xml::escape::escape;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use roxmltree::{Document, Node};

use crate::api::is_same_service;
use crate::credentials::{Credentials, Login};
use crate::error::{Error, Fault};
use crate::http::{self, Answer, Retry};
use crate::registration::{AccountName, Registered, Registration};
use crate::session::Sessions;

/// The namespace of operations.
const V2: &str = "http://nphase.com/unifiedwebservice/v2";

/// The namespace of an operation's values begins with this and ends with its service.
const CONTRACT: &str = "http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.";

const SESSION: &str = "SessionService";
const REGISTRATION: &str = "CallbackRegistrationService";
const SMS: &str = "EnhancedConnectivityService";

#[derive(Debug)]
pub(crate) struct Soap {
    client: Client,
    address: Url,
    login: Login,
    session: Sessions,
}

impl Soap {
    pub(crate) fn new(client: Client, address: Url, login: Login) -> Self {
        Self { client, address, login, session: Sessions::default() }
    }

    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    /// The platform documents the operation and its result (name and URL), but not the envelopes. They are assumed to
    /// look like those of the other operations.
    pub(crate) async fn list(&self, account: &AccountName) -> Result<Vec<Registered>, Error> {
        let answer = self.call(REGISTRATION, "GetCallbackRegistrations", &[("AccountName", account.as_ref())]).await?;
        let document = parse(&answer)?;
        if named(document.root(), "GetCallbackRegistrationsResponse").is_none() {
            return Err(unexpected(&answer));
        }
        // The name of the items is not documented; each URL is a sibling of the service name.
        let urls = document.descendants().filter(|node| node.tag_name().name() == "Url");
        let registered = |url: Node<'_, '_>| {
            let sibling = |name| url.parent()?.children().find(|node| node.tag_name().name() == name).map(text);
            let service = sibling("ServiceName").or_else(|| sibling("Name"))?;
            Some(Registered { service, url: text(url), credentials: None })
        };
        urls.map(|url| registered(url).ok_or_else(|| unexpected(&answer))).collect()
    }

    pub(crate) async fn register(&self, registration: &Registration) -> Result<(), Error> {
        let Credentials { username, password } = registration.credentials();
        let input = [
            ("AccountName", registration.account().as_ref()),
            ("ServiceName", registration.service()),
            ("Url", registration.url()),
            ("Username", username),
            ("Password", password),
        ];
        let answer = self.call(REGISTRATION, "RegisterCallback", &input).await?;
        let document = parse(&answer)?;
        match named(document.root(), "RegisterCallbackResponse").and_then(|node| named(node, "ServiceName")).map(text) {
            Some(service) if is_same_service(&service, registration.service()) => Ok(()),
            _ => Err(unexpected(&answer)),
        }
    }

    pub(crate) async fn deregister(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        let input = [("AccountName", account.as_ref()), ("ServiceName", service)];
        let answer = self.call(REGISTRATION, "UnregisterCallback", &input).await?;
        match named(parse(&answer)?.root(), "UnregisterCallbackResponse") {
            Some(_) => Ok(()),
            None => Err(unexpected(&answer)),
        }
    }

    /// The platform documents the operation and its empty result, but not the address of its service. It is assumed to
    /// be named like the service's contract, as for the other services.
    pub(crate) async fn start_sms_callbacks(&self, account: &AccountName) -> Result<(), Error> {
        let answer = self.call(SMS, "StartSmsCallback", &[("AccountName", account.as_ref())]).await?;
        match named(parse(&answer)?.root(), "StartSmsCallbackResponse") {
            Some(_) => Ok(()),
            None => Err(unexpected(&answer)),
        }
    }

    pub(crate) async fn log_out(&self) -> Result<(), Error> {
        let Some(session) = self.session.current().await else { return Ok(()) };
        let input = [("SessionToken", session.as_str())];
        let answer = self.send(Retry::Always, SESSION, "LogOut", Some(&session), &input).await;
        // Discarded only after that, so that it is redacted in an error.
        let result = answer.and_then(|answer| self.granted(answer));
        self.session.discard(&session).await;
        result?.map(drop).map_err(Error::Refused)
    }

    /// An operation within a session, which is renewed once if the platform rejects its token.
    async fn call(&self, service: &str, operation: &str, input: &[(&str, &str)]) -> Result<Answer, Error> {
        let mut renewed = false;
        loop {
            let session = self.session().await?;
            let answer = self.send(Retry::Always, service, operation, Some(&session), input).await?;
            match self.granted(answer)? {
                Ok(answer) => return Ok(answer),
                Err(fault) if fault.is_session_error() && !renewed => {
                    renewed = true;
                    self.session.discard(&session).await;
                }
                Err(fault) => return Err(Error::Refused(fault)),
            }
        }
    }

    /// The session token, after a login if there is no session.
    async fn session(&self) -> Result<String, Error> {
        let mut session = self.session.lock().await;
        if let Some(token) = session.used() {
            return Ok(token);
        }
        let input = [("Username", self.login.username.as_str()), ("Password", self.login.password.as_str())];
        let answer = self.send(Retry::IfUnsent, SESSION, "LogIn", None, &input).await?;
        let answer = match self.granted(answer)? {
            Ok(answer) => answer,
            Err(fault) if fault.is_lock() => return Err(Error::Locked(fault)),
            Err(fault) => return Err(Error::LoginRefused { what: "user name and password", fault }),
        };
        let document = parse(&answer)?;
        // The body and the header both contain it.
        let token = named(document.root(), "SessionToken").or_else(|| named(document.root(), "token")).map(text);
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| unexpected(&answer))?;
        session.keep(&token);
        Ok(token)
    }

    async fn send(
        &self,
        retry: Retry,
        service: &str,
        operation: &str,
        session: Option<&str>,
        input: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let url = http::join(&self.address, &[&format!("{service}.svc")]);
        let body = envelope(service, operation, session, input);
        let action = format!("\"{V2}/I{service}/{operation}\"");
        let request = || {
            let request = self.client.post(url.clone()).header(CONTENT_TYPE, "text/xml; charset=utf-8");
            request.header("SOAPAction", &action).body(body.clone())
        };
        http::send(retry, request).await
    }

    /// The response, unless it is a fault, which has status 500.
    fn granted(&self, answer: Answer) -> Result<Result<Answer, Fault>, Error> {
        let fault = {
            let document = parse(&answer)?;
            named(document.root(), "Fault").map(|fault| {
                let of = |name| named(fault, name).map(text).unwrap_or_default();
                let code = of("faultcode");
                // A qualified name: the part before the colon is a namespace prefix.
                let code = code.rsplit_once(':').map_or(code.as_str(), |(_, local)| local);
                let session = self.session.token();
                let mut secrets = self.login.secrets();
                secrets.extend(session.as_deref());
                Fault::new(code, &of("faultstring"), &secrets)
            })
        };
        match fault {
            Some(fault) => Ok(Err(fault)),
            None if answer.status.is_success() => Ok(Ok(answer)),
            None => Err(unexpected(&answer)),
        }
    }
}

/// A request in the format of the platform's page about RegisterCallback.
fn envelope(service: &str, operation: &str, session: Option<&str>, input: &[(&str, &str)]) -> String {
    let token = session.map(|session| format!("<v2:token>{}</v2:token>", escape(session))).unwrap_or_default();
    let input: String =
        input.iter().map(|(name, value)| format!("<nph:{name}>{}</nph:{name}>", escape(*value))).collect();
    format!(
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:v2=\"{V2}\" \
         xmlns:nph=\"{CONTRACT}{service}\"><soapenv:Header>{token}</soapenv:Header><soapenv:Body><v2:{operation}>\
         <v2:Input>{input}</v2:Input></v2:{operation}></soapenv:Body></soapenv:Envelope>"
    )
}

/// The response as XML. The parser rejects document types, and with them entity expansion.
fn parse(answer: &Answer) -> Result<Document<'_>, Error> {
    Document::parse(&answer.body).map_err(|_| unexpected(answer))
}

fn unexpected(answer: &Answer) -> Error {
    let reason = match (answer.status, answer.content_type.as_str()) {
        (StatusCode::NOT_FOUND, _) => "where its API should be: the address is wrong",
        (_, "text/html") => "with a web page",
        _ => "with a body that is not its API's",
    };
    Error::UnexpectedResponse { status: answer.status.as_u16(), reason }
}

/// The first element with this local name. The namespace is ignored, since the documentation contradicts itself.
fn named<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.descendants().find(|node| node.is_element() && node.tag_name().name() == name)
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}
