//! Lines of output about what happens.

use jiff::Timestamp;

/// A line with a timestamp. Control characters are replaced, since a terminal would interpret them.
#[must_use]
pub fn log_line(at: Timestamp, text: &str) -> String {
    format!("{} {}", at.strftime("%H:%M:%SZ"), text.replace(char::is_control, "\u{fffd}"))
}
