//! SOAP 1.1 envelopes of UWS: parsing requests and writing responses. Namespaces are significant.

use quick_xml::escape::escape;
use roxmltree::{Document, Node};

use super::Service;
use crate::rules::Fault;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(super) const V2: &str = "http://nphase.com/unifiedwebservice/v2";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A parsed request.
#[derive(Debug)]
pub(super) struct Envelope {
    /// The name of the body's element.
    pub(super) operation: String,
    /// The session token of the header.
    pub(super) token: Option<String>,
    /// The members of `Input` in the namespace of the service, in their order.
    input: Vec<(String, String)>,
}

impl Envelope {
    /// Parses a request to this service.
    pub(super) fn read(text: &str, service: Service) -> Result<Self, Fault> {
        let document = Document::parse(text).map_err(|_| Fault::DeserializationFailed)?;
        let envelope = document.root_element();
        if !envelope.has_tag_name((SOAP, "Envelope")) {
            return Err(Fault::DeserializationFailed);
        }
        let token = child(envelope, SOAP, "Header").and_then(|header| child(header, V2, "token")).map(text_of);
        let body = child(envelope, SOAP, "Body").ok_or(Fault::DeserializationFailed)?;
        let operation = body.first_element_child().ok_or(Fault::RequestUndefined)?;
        if operation.tag_name().namespace() != Some(V2) {
            return Err(Fault::DeserializationFailed);
        }
        let contract = service.contract();
        let input = child(operation, V2, "Input").ok_or(Fault::RequestUndefined)?;
        let members = input.children().filter(|member| member.tag_name().namespace() == Some(contract.as_str()));
        let input = members.filter(|member| member.attribute((INSTANCE, "nil")) != Some("true"));
        let input = input.map(|member| (member.tag_name().name().to_owned(), text_of(member))).collect();
        Ok(Self { operation: operation.tag_name().name().to_owned(), token, input })
    }

    /// The members with these names. Members in another order are refused, as by .NET data contracts.
    pub(super) fn members<const COUNT: usize>(self, names: [&str; COUNT]) -> Result<[Option<String>; COUNT], Fault> {
        let mut members = self.input.into_iter().filter(|(name, _)| names.contains(&name.as_str())).peekable();
        let values = names.map(|name| members.next_if(|(given, _)| given == name).map(|(_, value)| value));
        if members.next().is_none() { Ok(values) } else { Err(Fault::DeserializationFailed) }
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, namespace: &str, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name((namespace, name)))
}

fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter_map(|child| child.text()).collect()
}

/// An element in the namespace of the response.
pub(super) fn element(name: &str, value: &str) -> String {
    format!("<a:{name}>{}</a:{name}>", escape(value))
}

/// The response to an operation. The token of a new session is also in the header.
pub(super) fn answer(service: Service, operation: &str, token: Option<&str>, output: &str) -> String {
    let header = token.map(|token| format!("<s:Header><token xmlns=\"{V2}\">{}</token></s:Header>", escape(token)));
    format!(
        "<s:Envelope xmlns:s=\"{SOAP}\">{}<s:Body><{operation}Response xmlns=\"{V2}\">\
         <Output xmlns:i=\"{INSTANCE}\" xmlns:a=\"{}\">{output}</Output></{operation}Response></s:Body></s:Envelope>",
        header.unwrap_or_default(),
        service.contract(),
    )
}

/// The response with a fault.
pub(super) fn fault(service: Service, fault: Fault) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{SOAP}\"><s:Body><s:Fault><faultcode>s:{}.{}</faultcode>\
         <faultstring xml:lang=\"en-US\">{}</faultstring></s:Fault></s:Body></s:Envelope>",
        service.name(),
        fault.code(),
        escape(fault.to_string()),
    )
}
