//! Masks secrets in the text of a body, for a person to read. The rest of the text is unchanged.
//!
//! `secrets` redacts what the parser has read. This module also has to read what the parser refuses: it follows the
//! text as far as that is well-formed, also without its first `{`, and masks everything behind. When in doubt, it masks.

mod json;
mod xml;

use std::ops::Range;

use crate::secrets::{NAMES, VALUES, is_secret};

/// The replacement of a secret.
const MASK: &str = "[masked]";

/// A member, item, element, attribute or text.
struct Node {
    /// The index of the node around it; the first node is the whole text.
    parent: usize,
    name: String,
    /// The decoded value of a leaf, or the text of an element.
    text: String,
    /// The bytes to mask, if it is secret; empty for everything around leaves.
    range: Range<usize>,
    /// Its end has not been read.
    open: bool,
    masked: bool,
}

/// What was read of a text.
struct Outline {
    nodes: Vec<Node>,
    /// How far the text was well-formed, in bytes.
    end: usize,
}

impl Outline {
    fn new(start: usize) -> Self {
        let mut outline = Self { nodes: Vec::new(), end: start };
        outline.add(0, String::new());
        outline
    }

    /// Adds an open node, and returns its index.
    fn add(&mut self, parent: usize, name: String) -> usize {
        self.nodes.push(Node { parent, name, text: String::new(), range: 0..0, open: true, masked: false });
        self.nodes.len() - 1
    }

    fn add_leaf(&mut self, parent: usize, name: &str, text: String, range: Range<usize>) -> usize {
        self.nodes.push(Node { parent, name: name.to_owned(), text, range, open: false, masked: false });
        self.nodes.len() - 1
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(index) {
            change(node);
        }
    }

    /// The ranges to mask, in the order of the text.
    fn secret_ranges(&self) -> Vec<Range<usize>> {
        // Whether a node contains the name of a secret beside its value, or may have done so behind the end.
        let mut names_secret: Vec<bool> = self.nodes.iter().map(|node| node.open).collect();
        for node in &self.nodes {
            if is_among(&NAMES, &node.name)
                && is_secret(&node.text)
                && let Some(parent) = names_secret.get_mut(node.parent)
            {
                *parent = true;
            }
        }
        let mut masked: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inherited = masked.get(node.parent).copied().unwrap_or_default();
            let named = || names_secret.get(node.parent).copied().unwrap_or_default();
            let is_value = || is_among(&VALUES, &node.name) && named();
            masked.push(inherited || node.masked || is_secret(&node.name) || is_value() || embeds_secret(&node.text));
        }
        let leaves = self.nodes.iter().zip(masked).filter(|(node, masked)| *masked && !node.range.is_empty());
        leaves
            .filter(|(node, _)| node.masked || !node.text.trim().is_empty())
            .map(|(node, _)| node.range.clone())
            .collect()
    }
}

fn is_among(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a text may itself contain a message, or another assignment of a secret.
fn embeds_secret(text: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric());
    text.contains([':', '=', '<', '{']) && (is_secret(text) || words.any(is_secret))
}

/// The position of a piece of this text.
fn range_of(text: &str, piece: &str) -> Option<Range<usize>> {
    let start = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let range = start..start + piece.len();
    (text.get(range.clone()) == Some(piece)).then_some(range)
}

/// The text of a body with masked secrets. What is not well-formed is masked to its end.
#[must_use]
pub fn masked(body: &[u8], content_type: Option<&str>) -> String {
    let text = crate::xml::decode(body, content_type).or_else(|_| crate::xml::decode(body, None));
    let Ok(text) = text else { return unreadable(body.len()) };
    let is_blank = |letter: char| letter.is_whitespace() || letter == '\u{feff}';
    let content = text.trim_start_matches(is_blank);
    let Some(junk) = content.find(['{', '[', '"', '<']) else {
        return if content.is_empty() { text.into_owned() } else { unreadable(text.len()) };
    };
    let start = text.len() - content.len() + junk;
    let is_xml = content.get(junk..).is_some_and(|rest| rest.starts_with('<'));
    let (outline, mask) = match is_xml {
        true => (xml::outline(&text, start), MASK.to_owned()),
        false => (json::outline(&text, start), format!("\"{MASK}\"")),
    };
    let mut output = if junk > 0 { unreadable(junk) } else { String::new() };
    let mut position = start;
    for range in outline.secret_ranges() {
        output.push_str(text.get(position..range.start).unwrap_or_default());
        output.push_str(&mask);
        position = range.end;
    }
    output.push_str(text.get(position..outline.end).unwrap_or_default());
    let rest = text.get(outline.end.max(position)..).unwrap_or_default();
    output + &if rest.trim().is_empty() { rest.to_owned() } else { unreadable(rest.len()) }
}

fn unreadable(bytes: usize) -> String {
    format!("[masked: {bytes} bytes that are not well-formed]")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::masked;

    fn of(text: &str) -> String {
        masked(text.as_bytes(), None)
    }

    #[test]
    fn secrets_in_json_are_masked_and_the_rest_is_unchanged() {
        let body = r#"{ "username": "u", "password" : "hun\"ter2", "requestId":"r",
            "deviceResponse":{"activateResponse":{"deviceCredential":{"username":"d","password":"hunter2","n":[1,"",null]}}},
            "extendedAttributes":[{"value":"hunter2","key":"SimPIN Password"},{"key":"colour","value":"red"}]}"#;
        assert_eq!(
            of(body),
            r#"{ "username": "u", "password" : "[masked]", "requestId":"r",
            "deviceResponse":{"activateResponse":{"deviceCredential":{"username":"[masked]","password":"[masked]","n":["[masked]","",null]}}},
            "extendedAttributes":[{"value":"[masked]","key":"SimPIN Password"},{"key":"colour","value":"red"}]}"#
        );
    }

    #[test]
    fn secrets_in_xml_are_masked_and_the_rest_is_unchanged() {
        let body = r#"<?xml version="1.0"?><s:Envelope xmlns:s="urn:s"><s:Body><v2:CallbackRequest xmlns:v2="urn:v2">
            <v2:Username>u</v2:Username><v2:Password>hun&amp;ter<![CDATA[2]]></v2:Password><!-- hunter2 -->
            <Data><A token="hunter2" unit="kB">1</A><Password xsi:nil="true"/><B name="pin">hunter2</B>
            <F><Value>hunter2</Value><Key>pass&#119;ord</Key></F></Data></v2:CallbackRequest></s:Body></s:Envelope>"#;
        assert_eq!(
            of(body),
            r#"<?xml version="1.0"?><s:Envelope xmlns:s="urn:s"><s:Body><v2:CallbackRequest xmlns:v2="urn:v2">
            <v2:Username>u</v2:Username><v2:Password>[masked][masked][masked]<![CDATA[[masked]]]></v2:Password><!--[masked]-->
            <Data><A token="[masked]" unit="kB">1</A><Password xsi:nil="[masked]"/><B name="pin">[masked]</B>
            <F><Value>[masked]</Value><Key>pass&#119;ord</Key></F></Data></v2:CallbackRequest></s:Body></s:Envelope>"#
        );
    }

    #[test]
    fn a_body_without_its_first_brace_is_readable() {
        assert_eq!(
            of(r#""username":"u","password":"hunter2","requestId":"r"}"#),
            r#""username":"u","password":"[masked]","requestId":"r"}"#
        );
    }

    #[test]
    fn what_follows_an_error_is_masked() {
        let rest = "[masked: 18 bytes that are not well-formed]";
        assert_eq!(
            of(r#"{"a":"b","password":hunter2,"c":"d"}"#),
            format!(r#"{{"a":"b","password":{rest}"#).replace("18", "16")
        );
        assert_eq!(of(r#"{"a":"b" "password":"hunter2"}"#), r#"{"a":"b" [masked: 21 bytes that are not well-formed]"#);
        assert_eq!(
            of("<A><B>b</B><Password>hunter2</A>"),
            "<A><B>b</B><Password>[masked][masked: 4 bytes that are not well-formed]"
        );
        assert_eq!(of("junk {\"a\":1}"), "[masked: 5 bytes that are not well-formed]{\"a\":1}");
    }

    #[test]
    fn no_secret_is_shown_however_malformed_the_body_is() {
        for body in [
            "hunter2",
            "username=u&password=hunter2",
            "password: \"hunter2\"",
            r#""{\"password\":\"hunter2\"}""#,
            r#"{"body":"{\"password\":\"hunter2\"}"}"#,
            r#"{"body":"<Password>hunter2</Password>"}"#,
            r#"{"{\"password\":\"hunter2\"}":1}"#,
            r#"{"p\u0061ssword":"hunter2"}"#,
            r#"{password":"hunter2"}"#,
            r#"{"password:"hunter2"}"#,
            r#"{'password':'hunter2'}"#,
            r#"{"password":"hunter2"#,
            r#"{"password":["x",{"y":"hunter2"#,
            r#"{"value":"hunter2","key":"passw"#,
            r#"{"a":1}{"password":"hunter2"}"#,
            "<Password>hunter2",
            "<Password>hunter2</Passw",
            "<A Password='hunter2'>",
            "<A Password=hunter2>",
            "<A><Value>hunter2</Value><Key>passw",
            "<A>&lt;Password&gt;hunter2&lt;/Password&gt;</A>",
            "<A><![CDATA[<Password>hunter2</Password>]]></A>",
            "<!DOCTYPE a [<!ENTITY p 'hunter2'>]><a>&p;</a>",
            "<?password hunter2?><A/>",
            "<A><!-- password=hunter2 --></A>",
        ] {
            assert!(!of(body).contains("hunter2"), "{body} → {}", of(body));
        }
        let utf_16: Vec<u8> = r#"{"password":"hunter2"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(!masked(&utf_16, None).replace('\0', "").contains("hunter2"));
        assert_eq!(masked(&utf_16, Some("application/json; charset=utf-16le")), r#"{"password":"[masked]"}"#);
    }

    #[test]
    fn hostile_nesting_is_read_without_recursion_without_end() {
        assert!(of(&"[".repeat(100_000)).contains("not well-formed"));
        assert_eq!(of(&"<a>".repeat(100_000)).len(), 300_000);
    }

    proptest! {
        #[test]
        fn json_without_secrets_is_unchanged(name in "[a-m]{1,8}", text: String, number: i32) {
            let inner = serde_json::json!({ name: [text.replace([':', '=', '<', '{'], " "), number], "x": null });
            let pretty = serde_json::to_string_pretty(&inner).unwrap();
            prop_assert_eq!(of(&pretty), pretty);
        }

        #[test]
        fn any_text_is_masked_without_a_panic(text in ".*|[\"{}\\[\\],:<>/a=!&; -]*", content_type: Option<String>) {
            let _ = masked(text.as_bytes(), content_type.as_deref());
        }

        #[test]
        fn a_secret_is_masked_wherever_the_body_is_truncated(cut in 0_usize..200, xml: bool) {
            let body = match xml {
                true => "<E><Data><A k=\"1\">x</A><Token>hunter2</Token></Data><Username>u</Username><Password>hunter2</Password></E>",
                false => r#"{"deviceResponse":{"a":[1,{"token":"hunter2"}]},"username":"u","password":"hunter2","b":"c"}"#,
            };
            let shown = of(&body[..cut.min(body.len())]);
            prop_assert!(!shown.contains("hunt"), "{}", shown);
        }
    }
}
