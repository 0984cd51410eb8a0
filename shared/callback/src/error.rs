//! Why a body is not a callback.

use crate::{MAX_ATTRIBUTES, MAX_BODY_BYTES, MAX_DEPTH, MAX_OBJECTS, MAX_VALUES};

/// Why a body could not be read. The text is fit for the sender: it says where, and quotes nothing but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body has no bytes, or nothing but white space.
    #[error("The body is empty.")]
    Empty,
    /// The body is over [`MAX_BODY_BYTES`].
    #[error("The body is over {MAX_BODY_BYTES} bytes.")]
    TooLarge,
    /// The content type is neither XML nor JSON.
    #[error("The content type is neither XML nor JSON.")]
    UnsupportedContentType,
    /// The content type does not say, and the body starts with neither `<` nor `{`.
    #[error("The body starts neither as XML nor as JSON.")]
    NeitherXmlNorJson,
    /// The stated character encoding is not known.
    #[error("The character encoding is not known.")]
    UnknownEncoding,
    /// The bytes are not text in the stated character encoding.
    #[error("The body is not text in its character encoding.")]
    NotText,
    /// A document type definition, which no message of the platform has.
    #[error("A document type definition is not allowed.")]
    DocumentType,
    /// An entity other than XML's own five.
    #[error("An entity other than XML's own five is not allowed (byte {position}).")]
    Entity {
        /// Offset in the decoded text, in bytes.
        position: u64,
    },
    /// Not well-formed XML.
    #[error("The XML is not well-formed (byte {position}).")]
    Xml {
        /// Offset in the decoded text, in bytes.
        position: u64,
    },
    /// Not JSON.
    #[error("The JSON is not well-formed (line {line}, column {column}).")]
    Json {
        /// Counted from 1, within the innermost value that could not be read.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Nested more deeply than [`MAX_DEPTH`].
    #[error("The body is nested more deeply than {MAX_DEPTH} levels.")]
    TooDeep,
    /// An element has more than [`MAX_ATTRIBUTES`] attributes.
    #[error("An element has more than {MAX_ATTRIBUTES} attributes.")]
    TooManyAttributes,
    /// More than [`MAX_VALUES`] values, or more than [`MAX_OBJECTS`] objects or elements among them.
    #[error("The body has more than {MAX_VALUES} values, or more than {MAX_OBJECTS} objects or elements with members.")]
    TooManyValues,
    /// Well-formed, and not a callback message.
    #[error("The body is well-formed, but not a callback message.")]
    NotACallback,
}
