//! The one place where what happened becomes an HTTP answer, in the protocol of the sender.

use callback::{ParseError, Transport};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::json;
use store::StoreError;

use crate::Received;
use crate::quarantine::QuarantineError;
use crate::verify::SecretError;

/// Why a request is not answered with 200. The text is for the sender; the details of our side stay in the log.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not one of the platform's addresses.
    #[error("Callbacks are not accepted from this address.")]
    AddressNotAllowed,
    /// Not a POST.
    #[error("Callbacks are sent with POST.")]
    MethodNotAllowed,
    /// No callback service has this name.
    #[error("There is no callback service of this name.")]
    UnknownService,
    /// Not a callback.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// A callback of which no part fits into the table.
    #[error("The message does not fit into a row of the table.")]
    DoesNotFit,
    /// Wrong credentials, or none.
    #[error("The user name or password is not the registered one.")]
    Unverified,
    /// The expected credentials cannot be had.
    #[error("The credentials cannot be checked now.")]
    SecretUnavailable(#[source] SecretError),
    /// The table did not take it.
    #[error("The message cannot be recorded now.")]
    StoreUnavailable(#[source] StoreError),
    /// The quarantine did not take it.
    #[error("The message cannot be kept now.")]
    QuarantineUnavailable(#[source] QuarantineError),
    /// Not done in the time that the platform waits.
    #[error("The message cannot be recorded in time.")]
    TooSlow,
}

impl Refusal {
    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::AddressNotAllowed => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownService => StatusCode::NOT_FOUND,
            Self::Unreadable(ParseError::TooLarge) | Self::DoesNotFit => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(ParseError::UnsupportedContentType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Unverified => StatusCode::UNAUTHORIZED,
            Self::SecretUnavailable(_) | Self::StoreUnavailable(_) | Self::QuarantineUnavailable(_) | Self::TooSlow => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// A code in the form of the platform's own, `<CLASS>.<Specific>`.
    fn code(&self) -> &'static str {
        match self {
            Self::AddressNotAllowed => "REQUEST_FAILED.Address.NotAllowed",
            Self::MethodNotAllowed => "INPUT_INVALID.Method.NotAllowed",
            Self::UnknownService => "INPUT_INVALID.ServiceName.Unknown",
            Self::Unreadable(ParseError::Empty) => "INPUT_INVALID.RequestUndefined",
            Self::Unreadable(ParseError::TooLarge) | Self::DoesNotFit => "INPUT_INVALID.Body.TooLarge",
            Self::Unreadable(ParseError::UnsupportedContentType) => "INPUT_INVALID.ContentType.Unsupported",
            Self::Unreadable(ParseError::NotACallback) => "INPUT_INVALID.Body.NotACallback",
            Self::Unreadable(_) => "INPUT_INVALID.Body.DeserializationFailed",
            Self::Unverified => "INPUT_INVALID.Credentials.Invalid",
            Self::SecretUnavailable(_) | Self::StoreUnavailable(_) | Self::QuarantineUnavailable(_) | Self::TooSlow => {
                "REQUEST_FAILED.TryAgain"
            }
        }
    }

    pub(crate) fn metric(&self) -> &'static str {
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE => "CallbacksFailed",
            StatusCode::UNAUTHORIZED => "CallbacksUnverified",
            _ => "CallbacksRefused",
        }
    }

    /// Whether the body is kept for a person to look at: it may be a callback, of a shape or password that is new to us.
    pub(crate) fn is_kept(&self) -> bool {
        match self {
            Self::Unreadable(why) => *why != ParseError::Empty,
            Self::Unverified | Self::DoesNotFit => true,
            _ => false,
        }
    }
}

/// 200: REST wants nothing in it, SOAP an envelope.
pub(crate) fn accepted(received: &Received) -> Response<String> {
    match transport(received) {
        Transport::Soap => response(StatusCode::OK, Some(Transport::Soap), envelope("")),
        Transport::Rest => response(StatusCode::OK, None, String::new()),
    }
}

/// A SOAP 1.1 fault, or the error object of the platform's own API.
#[must_use]
pub fn refuse(received: &Received, refusal: &Refusal) -> Response<String> {
    let transport = transport(received);
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

/// The sender's protocol, as far as it shows. A body that shows nothing is answered as REST.
fn transport(received: &Received) -> Transport {
    Transport::of(received.content_type.as_deref(), &received.body)
        .or_else(|_| Transport::shown_by(&received.body))
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
