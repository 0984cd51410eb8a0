//! The SOAP API, UWS version 2: a session, and envelopes as the platform's pages show them.

use quick_xml::escape::escape;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use roxmltree::{Document, Node};

use crate::http::{self, Again, Answer};
use crate::platform::below;
use crate::service::is;
use crate::session::Sessions;
use crate::{AccountName, Credentials, Error, Fault, Login, Registered, Registration};

/// The namespace of operations.
const V2: &str = "http://nphase.com/unifiedwebservice/v2";

/// The namespace of an operation's values begins with this and ends with its service.
const CONTRACT: &str = "http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract.";

const SESSION: &str = "SessionService";
const REGISTRATION: &str = "CallbackRegistrationService";

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

    /// The platform documents the operation and what it tells (name and URL), but not its envelopes: they are built and
    /// read as its siblings' are.
    pub(crate) async fn list(&self, account: &AccountName) -> Result<Vec<Registered>, Error> {
        let answer = self.call("GetCallbackRegistrations", &[("AccountName", account.as_ref())]).await?;
        let document = understood(&answer)?;
        if named(document.root(), "GetCallbackRegistrationsResponse").is_none() {
            return Err(not_understood(&answer));
        }
        // Whatever the items are called: each URL stands beside the name of its service.
        let urls = document.descendants().filter(|node| node.tag_name().name() == "Url");
        let registered = |url: Node<'_, '_>| {
            let beside = |name| url.parent()?.children().find(|node| node.tag_name().name() == name).map(text);
            let service = beside("ServiceName").or_else(|| beside("Name"))?;
            Some(Registered { service, url: text(url), credentials: None })
        };
        urls.map(|url| registered(url).ok_or_else(|| not_understood(&answer))).collect()
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
        let answer = self.call("RegisterCallback", &input).await?;
        let document = understood(&answer)?;
        match named(document.root(), "RegisterCallbackResponse").and_then(|node| named(node, "ServiceName")).map(text) {
            Some(service) if is(&service, registration.service()) => Ok(()),
            _ => Err(not_understood(&answer)),
        }
    }

    pub(crate) async fn deregister(&self, account: &AccountName, service: &str) -> Result<(), Error> {
        let input = [("AccountName", account.as_ref()), ("ServiceName", service)];
        let answer = self.call("UnregisterCallback", &input).await?;
        match named(understood(&answer)?.root(), "UnregisterCallbackResponse") {
            Some(_) => Ok(()),
            None => Err(not_understood(&answer)),
        }
    }

    pub(crate) async fn log_out(&self) -> Result<(), Error> {
        let Some(text) = self.session.take().await else { return Ok(()) };
        let answer = self.send(Again::Always, SESSION, "LogOut", Some(&text), &[("SessionToken", &text)]).await?;
        self.granted(answer)?.map(drop).map_err(Error::Refused)
    }

    /// An operation on registrations, in a session that is renewed once if the platform does not know it any longer.
    async fn call(&self, operation: &str, input: &[(&str, &str)]) -> Result<Answer, Error> {
        let mut renewed = false;
        loop {
            let session = self.session().await?;
            let answer = self.send(Again::Always, REGISTRATION, operation, Some(&session), input).await?;
            match self.granted(answer)? {
                Ok(answer) => return Ok(answer),
                Err(fault) if fault.is_of_the_session() && !renewed => {
                    renewed = true;
                    self.session.give_up(&session).await;
                }
                Err(fault) => return Err(Error::Refused(fault)),
            }
        }
    }

    /// The session's token, after a login where there is none.
    async fn session(&self) -> Result<String, Error> {
        let mut kept = self.session.lock().await;
        if let Some(token) = kept.used() {
            return Ok(token);
        }
        let input = [("Username", self.login.username.as_str()), ("Password", self.login.password.as_str())];
        let answer = self.send(Again::Unsent, SESSION, "LogIn", None, &input).await?;
        let answer = match self.granted(answer)? {
            Ok(answer) => answer,
            Err(fault) if fault.is_a_lock() => return Err(Error::Locked(fault)),
            Err(fault) => return Err(Error::LoginRefused { what: "user name and password", fault }),
        };
        let document = understood(&answer)?;
        // In the body, and in the header too.
        let token = named(document.root(), "SessionToken").or_else(|| named(document.root(), "token")).map(text);
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| not_understood(&answer))?;
        kept.keep(&token);
        Ok(token)
    }

    async fn send(
        &self,
        again: Again,
        service: &str,
        operation: &str,
        session: Option<&str>,
        input: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let url = below(&self.address, &[&format!("{service}.svc")]);
        let body = envelope(service, operation, session, input);
        let action = format!("\"{V2}/I{service}/{operation}\"");
        let request = || {
            let request = self.client.post(url.clone()).header(CONTENT_TYPE, "text/xml; charset=utf-8");
            request.header("SOAPAction", &action).body(body.clone())
        };
        http::send(again, request).await
    }

    /// The answer, unless it is a fault, which comes with status 500.
    fn granted(&self, answer: Answer) -> Result<Result<Answer, Fault>, Error> {
        let fault = {
            let document = understood(&answer)?;
            named(document.root(), "Fault").map(|fault| {
                let of = |name| named(fault, name).map(text).unwrap_or_default();
                let code = of("faultcode");
                // A qualified name: what comes before the colon is the envelope's prefix.
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
            None => Err(not_understood(&answer)),
        }
    }
}

/// A request as the platform's page for RegisterCallback shows it.
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

/// The answer as XML; the parser refuses document types, and with them all that entities could do.
fn understood(answer: &Answer) -> Result<Document<'_>, Error> {
    Document::parse(&answer.body).map_err(|_| not_understood(answer))
}

fn not_understood(answer: &Answer) -> Error {
    let why = match (answer.status, answer.content_type.as_str()) {
        (StatusCode::NOT_FOUND, _) => "where its API should be: its address is another one",
        (_, "text/html") => "with a web page",
        _ => "with what its API would not say",
    };
    Error::NotUnderstood { status: answer.status.as_u16(), why }
}

/// The first element of this local name: the platform's own pages give different namespaces for one answer.
fn named<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.descendants().find(|node| node.is_element() && node.tag_name().name() == name)
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}
