//! The canonical form of an identifier's value. The platform sends the same identifier in several notations, and sends
//! words or zeros for absent values.

use crate::open_enum::Kind;

/// Maximum length of a kind and of a value, in bytes. The longest documented value (eid) has 32.
const MAX_BYTES: usize = 64;

/// A single repeated character of at least this length is a filler; a shorter one can be an identifier.
const FILLER: usize = 8;

/// Words for an absent value, without other characters than letters and digits (`N/A`, `(null)`).
const WORDS: [&str; 10] =
    ["NULL", "NONE", "NIL", "NA", "NAN", "UNKNOWN", "UNDEFINED", "EMPTY", "NOTAVAILABLE", "NOTAPPLICABLE"];

impl Kind {
    /// The form in which two notations of one value are equal: in upper case, for known kinds without separators, an
    /// mdn without its country code, an esn and a meid in hexadecimal. `None` if the value cannot be unique.
    #[must_use]
    pub fn canonical(&self, value: &str) -> Option<String> {
        let value = value.trim();
        if value.len() > MAX_BYTES || self.as_str().len() > MAX_BYTES {
            return None;
        }
        let upper = value.to_uppercase();
        if let Self::Other(_) = self {
            return is_name(&upper).then_some(upper).filter(|name| name.len() <= MAX_BYTES);
        }
        let text: String = upper.chars().filter(|letter| !is_separator(*letter)).collect();
        let text = match self {
            Self::Mdn | Self::Msisdn | Self::Min => text.trim_start_matches('+'),
            _ => &text,
        };
        let is_digit = |byte: u8| match self {
            Self::Meid | Self::Esn => byte.is_ascii_hexdigit(),
            _ => byte.is_ascii_digit(),
        };
        // A country code followed by zeros is not a number either.
        let number = if matches!(self, Self::Msisdn) { text.strip_prefix('1').unwrap_or(text) } else { text };
        if !is_name(text) || !text.bytes().any(is_digit) || (number.len() == 10 && !is_name(number)) {
            return None;
        }
        let converted = match self {
            Self::Mdn => without_country_code(text).map(str::to_owned),
            Self::Esn => in_hexadecimal(text, (3, 2), (8, 6)),
            Self::Meid => in_hexadecimal(text, (10, 8), (8, 6)),
            _ => None,
        };
        let canonical = converted.unwrap_or_else(|| text.to_owned());
        (is_name(&canonical) && canonical.len() <= MAX_BYTES).then_some(canonical)
    }
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '-' | '.' | '(' | ')')
}

/// Whether a text in upper case is neither empty nor a filler nor a word for an absent value.
fn is_name(text: &str) -> bool {
    let word: String = text.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let mut letters = text.chars();
    let repeated = letters.next().is_some_and(|first| letters.all(|letter| letter == first));
    let filler = repeated && text.chars().count() >= FILLER;
    let zeros = word.chars().all(|letter| letter == '0');
    !zeros && !filler && !WORDS.contains(&word.as_str())
}

/// The last 10 of 11 digits that start with 1.
fn without_country_code(text: &str) -> Option<&str> {
    text.strip_prefix('1').filter(|rest| rest.len() == 10 && is_decimal(rest))
}

/// The decimal notation of two numbers as hexadecimal, if it has exactly their digits and both are in range. For each
/// number: the count of its decimal and of its hexadecimal digits.
fn in_hexadecimal(text: &str, first: (usize, usize), second: (usize, usize)) -> Option<String> {
    let (high, low) = text.split_at_checked(first.0).filter(|(_, low)| low.len() == second.0 && is_decimal(text))?;
    let hexadecimal = |text: &str, digits: usize| {
        let number: u64 = text.parse().ok()?;
        Some(format!("{number:0digits$X}")).filter(|written| written.len() == digits)
    };
    Some(hexadecimal(high, first.1)? + &hexadecimal(low, second.1)?)
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
