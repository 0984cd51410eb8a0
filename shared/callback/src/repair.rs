//! Repairs bodies that only the transport or the sender's HTTP client has damaged, when a person requests it. The
//! listener itself records no repaired body: it quarantines it.

use std::fmt;

use crate::{Callback, ParseError, Transport};

/// A change of a callback. `Display` does not quote the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// The first `{` was missing. A public listener of these callbacks received such bodies.
    MissingBrace,
    /// This many bytes before the message were removed.
    LeadingBytes(usize),
    /// The content type did not fit the body.
    ContentType {
        /// The content type as received.
        stated: String,
        /// The content type of the body.
        actual: &'static str,
    },
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingBrace => f.write_str("the missing first { is added"),
            Self::LeadingBytes(count) => write!(f, "the first {count} bytes are removed, which are not of the message"),
            Self::ContentType { stated, actual } => write!(f, "the content type is {actual} instead of {stated}"),
        }
    }
}

/// A callback that can be parsed. `Debug` output does not contain the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The body.
    pub body: Vec<u8>,
    /// The content type.
    pub content_type: Option<String>,
    /// What was changed; empty if the callback can be parsed as it is.
    pub repairs: Vec<Repair>,
}

impl fmt::Debug for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repaired({} bytes, {:?})", self.body.len(), self.repairs)
    }
}

/// Makes the smallest change with which a callback can be parsed.
///
/// # Errors
///
/// No known change helps. Why the callback cannot be parsed as it is.
pub fn repair(body: &[u8], content_type: Option<&str>) -> Result<Repaired, ParseError> {
    let error = match Callback::parse(body, content_type) {
        Ok(_) => return Ok(Repaired::new(body.to_vec(), content_type, Vec::new())),
        Err(error) => error,
    };
    let bodies = [Some((body.to_vec(), None)), with_brace(body), without_leading_bytes(body)];
    let bodies = bodies.into_iter().flatten();
    let content_types = |body: &[u8]| [content_type.map(|stated| (stated, None)), actual_type(body, content_type)];
    for (body, repair) in bodies {
        for (content_type, other_type) in content_types(&body).into_iter().flatten() {
            if Callback::parse(&body, Some(content_type)).is_ok() {
                let repairs = repair.into_iter().chain(other_type).collect();
                return Ok(Repaired::new(body, Some(content_type), repairs));
            }
        }
    }
    Err(error)
}

impl Repaired {
    fn new(body: Vec<u8>, content_type: Option<&str>, repairs: Vec<Repair>) -> Self {
        Self { body, content_type: content_type.map(str::to_owned), repairs }
    }
}

/// The body with a brace before its first string.
fn with_brace(body: &[u8]) -> Option<(Vec<u8>, Option<Repair>)> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    body.starts_with(b"\"").then(|| ([b"{", body].concat(), Some(Repair::MissingBrace)))
}

/// The body from the first character on that a message starts with.
fn without_leading_bytes(body: &[u8]) -> Option<(Vec<u8>, Option<Repair>)> {
    let start = body.iter().position(|byte| matches!(byte, b'{' | b'<')).filter(|start| *start > 0)?;
    Some((body.get(start..)?.to_vec(), Some(Repair::LeadingBytes(start))))
}

/// The content type of the body, if another one is stated.
fn actual_type(body: &[u8], stated: Option<&str>) -> Option<(&'static str, Option<Repair>)> {
    let actual = match Transport::shown_by(body).ok()? {
        Transport::Soap => "text/xml",
        Transport::Rest => "application/json",
    };
    Some((actual, stated.map(|stated| Repair::ContentType { stated: stated.to_owned(), actual })))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const REST: &str = r#"{"username":"u","password":"p","requestId":"r"}"#;
    const SOAP: &str = "<CallbackRequest><Username>u</Username><RequestId>r</RequestId></CallbackRequest>";

    fn repaired(body: &[u8], content_type: Option<&str>) -> (String, Option<String>, Vec<String>) {
        let Repaired { body, content_type, repairs } = repair(body, content_type).unwrap();
        (String::from_utf8(body).unwrap(), content_type, repairs.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_missing_first_brace_is_added() {
        let (rest, added) = (&REST.as_bytes()[1..], "the missing first { is added");
        let json = Some("application/json");
        assert_eq!(repaired(rest, json), (REST.to_owned(), json.map(str::to_owned), vec![added.to_owned()]));
        let with_mark = [b"\xEF\xBB\xBF\n ", rest].concat();
        assert_eq!(repaired(&with_mark, json).0, REST);
        assert_eq!(repaired(rest, None).2, [added]);
    }

    #[test]
    fn what_is_not_of_the_message_is_removed_before_it() {
        let json = Some("application/json");
        for (junk, count) in [("ï»¿", 6), ("body=", 5)] {
            let expected = format!("the first {count} bytes are removed, which are not of the message");
            assert_eq!(repaired(format!("{junk}{REST}").as_bytes(), json).2, [expected]);
        }
        assert_eq!(repaired(format!("junk\r\n{SOAP}").as_bytes(), Some("text/xml")).0, SOAP);
    }

    #[test]
    fn a_content_type_that_does_not_fit_the_body_is_replaced() {
        let (_, content_type, repairs) = repaired(REST.as_bytes(), Some("text/plain; charset=utf-8"));
        assert_eq!(content_type.unwrap(), "application/json");
        assert_eq!(repairs, ["the content type is application/json instead of text/plain; charset=utf-8"]);
        assert_eq!(repaired(SOAP.as_bytes(), Some("application/json")).1.unwrap(), "text/xml");
        assert_eq!(repaired(SOAP.as_bytes(), Some("text/xml; charset=klingon")).2.len(), 1);
        assert_eq!(repaired(&REST.as_bytes()[1..], Some("text/plain")).2.len(), 2);
    }

    #[test]
    fn what_can_be_parsed_is_unchanged_and_a_byte_order_mark_is_no_damage() {
        for (body, content_type) in [(REST, None), (SOAP, Some("text/xml")), ("\u{feff}{\"requestId\":\"r\"}", None)] {
            let unchanged = (body.to_owned(), content_type.map(str::to_owned), Vec::new());
            assert_eq!(repaired(body.as_bytes(), content_type), unchanged);
        }
    }

    #[test]
    fn anything_else_is_not_repaired_and_the_reason_is_that_of_the_body_as_it_is() {
        let truncated = &REST[..REST.len() - 1];
        assert_eq!(repair(truncated.as_bytes(), None), Err(ParseError::Json { line: 1, column: truncated.len() }));
        assert_eq!(repair(b"\"requestId\"", None), Err(ParseError::NeitherXmlNorJson));
        assert_eq!(repair(b"", None), Err(ParseError::Empty));
        assert_eq!(repair(br#"{"a":1}"#, Some("text/plain")), Err(ParseError::UnsupportedContentType));
        assert_eq!(format!("{:?}", repair(REST.as_bytes(), None).unwrap()), "Repaired(47 bytes, [])");
    }
}
