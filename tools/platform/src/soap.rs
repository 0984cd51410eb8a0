//! The SOAP API: SessionService, CallbackRegistrationService and a part of EnhancedConnectivityService of UWS v2.

mod envelope;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use self::envelope::{Envelope, V2, answer, element, fault};
use super::gateway::is;
use super::random::token;
use super::rules::{Api, Credentials, Fault, Listener};
use super::simulator::Simulator;
use super::sms;

/// A service of UWS.
#[derive(Debug, Clone, Copy)]
enum Service {
    Session,
    CallbackRegistration,
    EnhancedConnectivity,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "SessionService",
            Self::CallbackRegistration => "CallbackRegistrationService",
            Self::EnhancedConnectivity => "EnhancedConnectivityService",
        }
    }

    /// The namespace of the parameters and results of its operations.
    fn contract(self) -> String {
        let contracts = "http://schemas.datacontract.org/2004/07/NPhase.UnifiedWebService.APIs.v2.Contract";
        format!("{contracts}.{}", self.name())
    }

    fn action(self, operation: &str) -> String {
        format!("{V2}/I{}/{operation}", self.name())
    }
}

pub(super) fn routes() -> Router<Arc<Simulator>> {
    let services = [Service::Session, Service::CallbackRegistration, Service::EnhancedConnectivity];
    services.into_iter().fold(Router::new(), |router, service| {
        let handler = move |State(simulator): State<Arc<Simulator>>, headers: HeaderMap, body: String| async move {
            handle(service, &simulator, &headers, &body)
        };
        router.route(&format!("/api/v2/{}.svc", service.name()), post(handler))
    })
}

fn handle(service: Service, simulator: &Arc<Simulator>, headers: &HeaderMap, body: &str) -> Response {
    if !is(headers, &CONTENT_TYPE, "text/xml") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let (status, text) = match perform(service, simulator, headers, body) {
        Ok(text) => (StatusCode::OK, text),
        Err(refusal) => (StatusCode::INTERNAL_SERVER_ERROR, fault(service, refusal)),
    };
    (status, [(CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response()
}

fn perform(service: Service, simulator: &Arc<Simulator>, headers: &HeaderMap, body: &str) -> Result<String, Fault> {
    let request = Envelope::read(body, service)?;
    let action = headers.get("SOAPAction").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if action.trim_matches('"') != service.action(&request.operation) {
        return Err(Fault::RequestUndefined);
    }
    match (service, request.operation.as_str()) {
        (Service::Session, "LogIn") => log_in(simulator, request),
        (Service::Session, "LogOut") => log_out(simulator, request),
        (Service::CallbackRegistration, "RegisterCallback") => register(simulator, request),
        (Service::CallbackRegistration, "UnregisterCallback") => unregister(simulator, request),
        (Service::CallbackRegistration, "GetCallbackRegistrations") => list(simulator, request),
        (Service::EnhancedConnectivity, "StartSmsCallback") => start_sms(simulator, request),
        _ => Err(Fault::RequestUndefined),
    }
}

fn log_in(simulator: &Simulator, request: Envelope) -> Result<String, Fault> {
    let [username, password] = request.members(["Username", "Password"])?;
    let login = Credentials::new(username.unwrap_or_default(), password.unwrap_or_default());
    let session = simulator.rules().log_in(&login, token(), Timestamp::now())?;
    Ok(answer(Service::Session, "LogIn", Some(&session), &element("SessionToken", &session)))
}

fn log_out(simulator: &Simulator, request: Envelope) -> Result<String, Fault> {
    let [session] = request.members(["SessionToken"])?;
    let session = session.ok_or(Fault::SessionInvalid)?;
    simulator.rules().log_out(&session, Timestamp::now())?;
    Ok(answer(Service::Session, "LogOut", None, &element("SessionToken", &session)))
}

fn register(simulator: &Simulator, mut request: Envelope) -> Result<String, Fault> {
    let session = request.token.take().ok_or(Fault::SessionInvalid)?;
    let names = ["AccountName", "ServiceName", "Url", "Username", "Password"];
    let [account, service, url, username, password] = request.members(names)?;
    let listener = Listener {
        account: account.ok_or(Fault::AccountNotFound)?,
        service: service.ok_or(Fault::ServiceName)?,
        url: url.ok_or(Fault::Url)?,
        credentials: Credentials::new(username.unwrap_or_default(), password.unwrap_or_default()),
    };
    let done = element("AccountName", &listener.account) + &element("ServiceName", &listener.service);
    simulator.register(&session, Api::Soap, listener)?;
    Ok(answer(Service::CallbackRegistration, "RegisterCallback", None, &done))
}

fn unregister(simulator: &Simulator, mut request: Envelope) -> Result<String, Fault> {
    let session = request.token.take().ok_or(Fault::SessionInvalid)?;
    let [account, service] = request.members(["AccountName", "ServiceName"])?;
    let (account, service) = (account.ok_or(Fault::AccountNotFound)?, service.ok_or(Fault::ServiceName)?);
    let service = simulator.deregister(&session, Api::Soap, &account, &service)?;
    let done = element("AccountName", &account) + &element("ServiceName", &service);
    Ok(answer(Service::CallbackRegistration, "UnregisterCallback", None, &done))
}

fn list(simulator: &Simulator, mut request: Envelope) -> Result<String, Fault> {
    let session = request.token.take().ok_or(Fault::SessionInvalid)?;
    let [account] = request.members(["AccountName"])?;
    let account = account.ok_or(Fault::AccountNotFound)?;
    let registrations = simulator.rules().list(&session, Api::Soap, &account, Timestamp::now())?;
    let entries = registrations.iter().map(|there| {
        let names = element("AccountName", &there.account) + &element("ServiceName", &there.service);
        format!("<a:CallbackRegistration>{names}{}</a:CallbackRegistration>", element("Url", &there.url))
    });
    let entries: String = entries.collect();
    Ok(answer(Service::CallbackRegistration, "GetCallbackRegistrations", None, &entries))
}

fn start_sms(simulator: &Arc<Simulator>, mut request: Envelope) -> Result<String, Fault> {
    let session = request.token.take().ok_or(Fault::SessionInvalid)?;
    let [account] = request.members(["AccountName"])?;
    sms::start(simulator, &session, Api::Soap, &account.ok_or(Fault::AccountNotFound)?)?;
    Ok(answer(Service::EnhancedConnectivity, "StartSmsCallback", None, ""))
}
