//! Reads XML as far as it is well-formed.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Outline, range_of};
use crate::MAX_ATTRIBUTES;

/// The outline of a document from this position on.
pub(super) fn outline(text: &str, start: usize) -> Outline {
    let mut outline = Outline::new(start);
    let mut reader = Reader::from_str(text.get(start..).unwrap_or_default());
    let mut open = vec![0];
    while let Ok(event) = reader.read_event() {
        let around = open.last().copied().unwrap_or_default();
        let read = match event {
            Event::Eof | Event::DocType(_) => None,
            Event::Start(start) => element(&mut outline, text, around, &start).map(|element| open.push(element)),
            Event::Empty(start) => {
                element(&mut outline, text, around, &start).map(|element| close(&mut outline, element))
            }
            Event::End(_) => open.pop().map(|element| close(&mut outline, element)),
            Event::Text(piece) => append(&mut outline, text, around, &piece, &piece.xml10_content()),
            Event::CData(piece) => append(&mut outline, text, around, &piece, &piece.xml10_content()),
            Event::GeneralRef(piece) => {
                let character = piece.resolve_char_ref().ok().flatten().map(String::from);
                let character = character.or_else(|| quick_xml::escape::resolve_xml_entity(&piece).map(str::to_owned));
                // With the ampersand and the semicolon.
                let whole =
                    range_of(text, &piece).and_then(|range| text.get(range.start.checked_sub(1)?..range.end + 1));
                character
                    .zip(whole)
                    .and_then(|(character, whole)| append(&mut outline, text, around, whole, &character))
            }
            Event::Comment(piece) => hidden(&mut outline, text, &piece),
            Event::PI(piece) => hidden(&mut outline, text, &piece),
            Event::Decl(_) => Some(()),
        };
        if read.is_none() {
            break;
        }
        outline.end = start + usize::try_from(reader.buffer_position()).unwrap_or_default();
    }
    outline
}

fn close(outline: &mut Outline, element: usize) {
    outline.change(element, |element| element.open = false);
}

/// Adds an element and its attributes.
fn element(outline: &mut Outline, text: &str, around: usize, start: &BytesStart<'_>) -> Option<usize> {
    let element = outline.add(around, start.local_name().as_ref().to_owned());
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.ok().filter(|_| count < MAX_ATTRIBUTES)?;
        if attribute.key.as_namespace_binding().is_none() {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            let range = range_of(text, &attribute.value)?;
            outline.add_leaf(element, &format!("@{}", attribute.key.local_name().as_ref()), value.into_owned(), range);
        }
    }
    Some(element)
}

/// Adds a piece of the text of an element.
fn append(outline: &mut Outline, text: &str, around: usize, piece: &str, decoded: &str) -> Option<()> {
    let range = range_of(text, piece)?;
    outline.add_leaf(around, "#text", decoded.to_owned(), range);
    outline.change(around, |element| element.text.push_str(decoded));
    Some(())
}

/// Adds a comment or processing instruction. No message of the platform has one.
fn hidden(outline: &mut Outline, text: &str, piece: &str) -> Option<()> {
    let range = range_of(text, piece)?;
    let node = outline.add_leaf(0, "", String::new(), range);
    outline.change(node, |node| node.masked = true);
    Some(())
}
