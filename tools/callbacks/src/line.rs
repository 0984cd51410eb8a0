//! Lines that are printed as things happen.

use jiff::Timestamp;

/// A line with its time, and without what a terminal would obey.
pub(crate) fn line(at: Timestamp, text: &str) -> String {
    format!("{} {}", at.strftime("%H:%M:%SZ"), text.replace(char::is_control, "\u{fffd}"))
}
