//! Reads JSON as far as it is well-formed.

use serde_json::Number;

use super::{Outline, embeds_secret};
use crate::MAX_DEPTH;

/// The outline of an object or array from this position on. A text that starts with a string is an object without its
/// first brace.
pub(super) fn outline(text: &str, start: usize) -> Outline {
    let mut reader = Reader { text, outline: Outline::new(start) };
    let _ = match reader.peek() {
        Some('"') => reader.members(0, 1),
        _ => reader.value(0, String::new(), 1),
    };
    reader.outline
}

struct Reader<'a> {
    text: &'a str,
    outline: Outline,
}

/// Each method returns `None` where the text is not well-formed. Everything before the end of the outline is.
impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.outline.end..).unwrap_or_default()
    }

    /// The next character that is no white space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.outline.end += rest.len() - rest.trim_ascii_start().len();
        self.rest().chars().next()
    }

    fn skip(&mut self, expected: char) -> Option<()> {
        (self.peek()? == expected).then(|| self.outline.end += expected.len_utf8())
    }

    fn value(&mut self, parent: usize, name: String, depth: usize) -> Option<()> {
        let node = self.outline.add(parent, name);
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            '{' => {
                self.skip('{')?;
                self.members(node, depth)?;
            }
            '[' => {
                self.skip('[')?;
                self.items(node, depth)?;
            }
            _ => {
                let token = self.string().or_else(|| self.literal())?;
                let text = serde_json::from_str(token).unwrap_or_else(|_| token.replace("null", ""));
                let range = self.outline.end..self.outline.end + token.len();
                self.outline.end = range.end;
                self.outline.change(node, |node| (node.text, node.range) = (text, range));
            }
        }
        self.outline.change(node, |node| node.open = false);
        Some(())
    }

    /// The members behind the brace of an object.
    fn members(&mut self, object: usize, depth: usize) -> Option<()> {
        if self.peek()? == '}' {
            return self.skip('}');
        }
        loop {
            self.member(object, depth)?;
            match self.peek()? {
                ',' => self.skip(',')?,
                _ => return self.skip('}'),
            }
        }
    }

    fn member(&mut self, object: usize, depth: usize) -> Option<()> {
        self.peek()?;
        let before = self.outline.end;
        let token = self.string()?;
        let name = serde_json::from_str(token).ok().filter(|name: &String| !embeds_secret(name))?;
        self.outline.end += token.len();
        if self.skip(':').is_none() {
            // It may be a value.
            self.outline.end = before;
            return None;
        }
        self.value(object, name, depth + 1)
    }

    /// The items behind the bracket of an array.
    fn items(&mut self, array: usize, depth: usize) -> Option<()> {
        if self.peek()? == ']' {
            return self.skip(']');
        }
        loop {
            self.value(array, String::new(), depth + 1)?;
            match self.peek()? {
                ',' => self.skip(',')?,
                _ => return self.skip(']'),
            }
        }
    }

    /// A string with its quotes.
    fn string(&self) -> Option<&'a str> {
        let content = self.rest().strip_prefix('"')?;
        let mut escaped = false;
        let end = content.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let token = self.rest().get(..end + 2)?;
        serde_json::from_str::<String>(token).ok().map(|_| token)
    }

    /// A number, `true`, `false` or `null`.
    fn literal(&self) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
        let token = rest.get(..end.unwrap_or(rest.len()))?;
        let is_literal = matches!(token, "true" | "false" | "null");
        (is_literal || serde_json::from_str::<Number>(token).is_ok()).then_some(token)
    }
}
