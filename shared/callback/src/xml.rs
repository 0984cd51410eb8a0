//! Parses XML into a [`Value`]. Only prefixes, comments and the order of different siblings are lost.
//!
//! | XML | value |
//! |---|---|
//! | `<A/>` | `""` |
//! | `<A xsi:nil="true"/>` | `null` |
//! | `<A>text</A>` | `"text"` |
//! | `<A><B/><B/></A>` | `{"B": ["", ""]}` |
//! | `<A unit="kB">1</A>` | `{"@unit": "1", "#text": "1"}` |
//!
//! Names are local names: the platform resets namespaces inside one message (`PromoChange`), so prefixes and
//! namespaces carry no information.

use std::borrow::Cow;

use encoding_rs::Encoding;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value};

use crate::json::add;
use crate::limit::Limit;
use crate::transport::charset;
use crate::{MAX_ATTRIBUTES, MAX_DEPTH, ParseError};

/// Decodes a body. The encoding is that of the byte order mark, else of the content type, else of the XML declaration,
/// else UTF-8.
pub(crate) fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Result<Cow<'a, str>, ParseError> {
    let (encoding, bom) = match Encoding::for_bom(body) {
        Some(found) => found,
        None => match content_type.and_then(charset).or_else(|| declared(body)) {
            Some(label) => (Encoding::for_label(label.as_bytes()).ok_or(ParseError::UnknownEncoding)?, 0),
            None => (encoding_rs::UTF_8, 0),
        },
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(body.get(bom..).unwrap_or_default());
    text.ok_or(ParseError::NotText)
}

/// The encoding in the XML declaration. A declaration that is readable as ASCII is not UTF-16, even if it states so:
/// .NET declares UTF-16 in text that it then encodes as UTF-8.
fn declared(body: &[u8]) -> Option<&str> {
    let declaration = body.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = declaration.iter().take(256).position(|byte| *byte == b'>')?;
    let declaration = std::str::from_utf8(declaration.get(..end)?).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next().filter(|label| !label.to_ascii_lowercase().starts_with("utf-16"))
}

/// An open element.
struct Open {
    name: String,
    nil: bool,
    members: Map<String, Value>,
    text: String,
}

impl Open {
    fn close(self) -> (String, Value) {
        let Self { name, nil, mut members, text } = self;
        let blank = text.trim().is_empty();
        let value = match (members.is_empty(), blank && nil) {
            (true, true) => Value::Null,
            (true, false) => Value::String(text),
            (false, true) => {
                members.insert("#text".to_owned(), Value::Null);
                Value::Object(members)
            }
            (false, false) => {
                if !blank {
                    members.insert("#text".to_owned(), Value::String(text));
                }
                Value::Object(members)
            }
        };
        (name, value)
    }
}

/// Parses a document into the name and the value of the root element.
pub(crate) fn parse(text: &str) -> Result<(String, Value), ParseError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = Vec::new();
    let mut limit = Limit::default();
    let mut root = None;
    loop {
        let position = reader.buffer_position();
        let malformed = ParseError::Xml { position };
        match reader.read_event().map_err(|_| malformed.clone())? {
            Event::Start(start) => {
                if root.is_some() {
                    return Err(malformed);
                }
                if open.len() >= MAX_DEPTH {
                    return Err(ParseError::TooDeep);
                }
                open.push(element(&start, position, &mut limit)?);
            }
            Event::End(_) => {
                let (name, value) = open.pop().ok_or(malformed)?.close();
                if value.is_object() {
                    limit.object()?;
                }
                match open.last_mut() {
                    Some(parent) => add(&mut parent.members, name, value),
                    None => root = Some((name, value)),
                }
            }
            Event::Text(piece) => append(&mut open, &piece.xml10_content(), malformed)?,
            Event::CData(piece) => append(&mut open, &piece.xml10_content(), malformed)?,
            Event::GeneralRef(reference) => append(&mut open, &entity(&reference, position)?, malformed)?,
            Event::DocType(_) => return Err(ParseError::DocumentType),
            Event::Eof if open.is_empty() => return root.ok_or(malformed),
            Event::Eof | Event::Empty(_) => return Err(malformed),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn element(start: &BytesStart<'_>, position: u64, limit: &mut Limit) -> Result<Open, ParseError> {
    limit.value()?;
    let name = start.local_name().as_ref().to_owned();
    let mut opened = Open { name, nil: false, members: Map::new(), text: String::new() };
    for (count, attribute) in start.attributes().enumerate() {
        if count >= MAX_ATTRIBUTES {
            return Err(ParseError::TooManyAttributes);
        }
        let attribute = attribute.map_err(|_| ParseError::Xml { position })?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let name = attribute.key.local_name();
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| ParseError::Entity { position })?
            .into_owned();
        if name.as_ref() == "nil" && attribute.key.prefix().is_some() {
            opened.nil = matches!(value.trim(), "true" | "1");
        } else {
            limit.value()?;
            add(&mut opened.members, format!("@{}", name.as_ref()), Value::String(value));
        }
    }
    Ok(opened)
}

fn append(open: &mut [Open], piece: &str, malformed: ParseError) -> Result<(), ParseError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(piece),
        None if piece.trim().is_empty() => {}
        None => return Err(malformed),
    }
    Ok(())
}

/// One of the five predefined entities, or a character reference.
fn entity(reference: &BytesRef<'_>, position: u64) -> Result<String, ParseError> {
    let unknown = || ParseError::Entity { position };
    if let Some(character) = reference.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(character.to_string());
    }
    quick_xml::escape::resolve_xml_entity(reference).map(str::to_owned).ok_or_else(unknown)
}
