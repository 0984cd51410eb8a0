//! The transport of a body: SOAP or REST.

use crate::ParseError;

/// The format of a message. It is determined by the API through which the listener was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A SOAP 1.1 envelope.
    Soap,
    /// One JSON object.
    Rest,
}

impl Transport {
    /// The transport of the content type or, if it states none, of the first significant byte.
    ///
    /// # Errors
    ///
    /// [`ParseError::UnsupportedContentType`], [`ParseError::Empty`] or [`ParseError::NeitherXmlNorJson`].
    pub fn of(content_type: Option<&str>, body: &[u8]) -> Result<Self, ParseError> {
        let stated = content_type.map(essence).unwrap_or_default();
        match stated.as_str() {
            "" | "application/octet-stream" => Self::shown_by(body),
            "text/xml" | "application/xml" => Ok(Self::Soap),
            "text/json" | "application/json" => Ok(Self::Rest),
            other if other.ends_with("+xml") => Ok(Self::Soap),
            other if other.ends_with("+json") => Ok(Self::Rest),
            _ => Err(ParseError::UnsupportedContentType),
        }
    }

    /// The transport of the first significant byte, ignoring the content type.
    ///
    /// # Errors
    ///
    /// [`ParseError::Empty`] or [`ParseError::NeitherXmlNorJson`].
    pub fn shown_by(body: &[u8]) -> Result<Self, ParseError> {
        // A byte order mark and the zero bytes of UTF-16 are skipped.
        let significant = body
            .iter()
            .find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF));
        match significant {
            None => Err(ParseError::Empty),
            Some(b'<') => Ok(Self::Soap),
            Some(b'{' | b'[') => Ok(Self::Rest),
            Some(_) => Err(ParseError::NeitherXmlNorJson),
        }
    }
}

/// `text/xml` of `Text/XML; charset=utf-8`.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The `charset` parameter of a content type.
pub(crate) fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}
