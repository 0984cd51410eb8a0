//! Maps every outcome to an HTTP answer in the sender's protocol. No other module does.

use callback::{ParseError, Transport};
use credentials::SecretError;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::json;
use store::StoreError;

use crate::account::OtherAccount;
use crate::queue::QueueError;
use crate::request::CallbackRequest;
use crate::verify::VerifyError;

/// Why a request is not answered with 200. `Display` is the text for the sender; the internal cause is the source of the
/// error and goes to the log only.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The source address is not on the allowlist.
    #[error("Callbacks are not accepted from this address.")]
    AddressNotAllowed,
    /// Nor is this one, but the callback carries the right credentials: the platform may have a new address. The answer is
    /// the same.
    #[error("Callbacks are not accepted from this address.")]
    NewAddress,
    /// Not a POST.
    #[error("Callbacks are sent with POST.")]
    MethodNotAllowed,
    /// No callback service has this name.
    #[error("There is no callback service of this name.")]
    UnknownService,
    /// Not a callback.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// No part of the message fits into a row of the table.
    #[error("The message does not fit into a row of the table.")]
    TooLarge,
    /// The credentials are wrong or missing.
    #[error("The user name or password is not the registered one.")]
    WrongCredentials,
    /// The message states another account than the one whose credentials it carries.
    #[error("The message states another account than the one of its user name.")]
    OtherAccount(#[from] OtherAccount),
    /// There is nothing to compare the credentials with.
    #[error("The credentials cannot be checked now.")]
    CredentialsUnavailable(#[source] SecretError),
    /// The table is unavailable.
    #[error("The message cannot be recorded now.")]
    StoreUnavailable(#[from] StoreError),
    /// The quarantine is unavailable.
    #[error("The message cannot be kept now.")]
    QuarantineUnavailable(#[from] QueueError),
    /// The answer would come later than the platform waits.
    #[error("The message cannot be recorded in time.")]
    DeadlineExceeded,
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::WrongCredentials => Self::WrongCredentials,
            VerifyError::SecretUnavailable(error) => Self::CredentialsUnavailable(error),
        }
    }
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::AddressNotAllowed | Self::NewAddress | Self::OtherAccount(_) => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownService => StatusCode::NOT_FOUND,
            Self::Malformed(ParseError::TooLarge) | Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(ParseError::UnsupportedContentType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::WrongCredentials => StatusCode::UNAUTHORIZED,
            Self::CredentialsUnavailable(_)
            | Self::StoreUnavailable(_)
            | Self::QuarantineUnavailable(_)
            | Self::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// An error code in the format of the platform's own, `<CLASS>.<Specific>`.
    fn code(&self) -> &'static str {
        match self {
            Self::AddressNotAllowed | Self::NewAddress => "REQUEST_FAILED.Address.NotAllowed",
            Self::MethodNotAllowed => "INPUT_INVALID.Method.NotAllowed",
            Self::UnknownService => "INPUT_INVALID.ServiceName.Unknown",
            Self::Malformed(ParseError::Empty) => "INPUT_INVALID.RequestUndefined",
            Self::Malformed(ParseError::TooLarge) | Self::TooLarge => "INPUT_INVALID.Body.TooLarge",
            Self::Malformed(ParseError::UnsupportedContentType) => "INPUT_INVALID.ContentType.Unsupported",
            Self::Malformed(ParseError::NotACallback) => "INPUT_INVALID.Body.NotACallback",
            Self::Malformed(_) => "INPUT_INVALID.Body.DeserializationFailed",
            Self::WrongCredentials => "INPUT_INVALID.Credentials.Invalid",
            Self::OtherAccount(_) => "INPUT_INVALID.Account.Other",
            Self::CredentialsUnavailable(_)
            | Self::StoreUnavailable(_)
            | Self::QuarantineUnavailable(_)
            | Self::DeadlineExceeded => "REQUEST_FAILED.TryAgain",
        }
    }

    /// Whether the same callback may be recorded later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Whether other callbacks would be refused for the same reason.
    #[must_use]
    pub fn affects_all_callbacks(&self) -> bool {
        matches!(self, Self::StoreUnavailable(StoreError::Unavailable { .. }) | Self::CredentialsUnavailable(_))
    }

    pub(crate) fn metric(&self) -> &'static str {
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE => "CallbacksFailed",
            StatusCode::UNAUTHORIZED => "CallbacksUnverified",
            _ => "CallbacksRefused",
        }
    }

    /// Whether the callback may come from the platform, in a format or with a password that the listener does not know. It is then
    /// quarantined.
    pub(crate) fn may_be_genuine(&self) -> bool {
        match self {
            Self::Malformed(error) => *error != ParseError::Empty,
            Self::WrongCredentials | Self::NewAddress | Self::OtherAccount(_) | Self::TooLarge => true,
            _ => false,
        }
    }
}

/// 200 with an empty body for REST, and with an empty envelope for SOAP.
pub(crate) fn accept(request: &CallbackRequest) -> Response<String> {
    match transport(request) {
        Transport::Soap => response(StatusCode::OK, Some(Transport::Soap), envelope("")),
        Transport::Rest => response(StatusCode::OK, None, String::new()),
    }
}

/// A SOAP 1.1 fault, or the error object of the platform's own API.
#[must_use]
pub fn refuse(request: &CallbackRequest, refusal: &Refusal) -> Response<String> {
    let transport = transport(request);
    let (code, text) = (refusal.code(), refusal.to_string());
    let body = match transport {
        Transport::Soap => {
            let side = if refusal.status().is_client_error() { "Client" } else { "Server" };
            let text = quick_xml::escape::escape(&text);
            envelope(&format!(
                "<s:Fault><faultcode>s:{side}</faultcode><faultstring>{text}</faultstring>\
                 <detail><errorCode>{code}</errorCode></detail></s:Fault>"
            ))
        }
        Transport::Rest => json!({ "errorCode": code, "errorMessage": text }).to_string(),
    };
    let mut response = response(refusal.status(), Some(transport), body);
    match refusal.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            response.headers_mut().insert(ALLOW, http::HeaderValue::from_static("POST"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// The sender's protocol, by content type or body. The default is REST.
fn transport(request: &CallbackRequest) -> Transport {
    Transport::of(request.content_type.as_deref(), &request.body)
        .or_else(|_| Transport::shown_by(&request.body))
        .unwrap_or(Transport::Rest)
}

fn envelope(body: &str) -> String {
    format!("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>")
}

fn response(status: StatusCode, transport: Option<Transport>, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Some(transport) = transport {
        let content_type = match transport {
            Transport::Soap => "text/xml; charset=utf-8",
            Transport::Rest => "application/json",
        };
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    }
    response
}
