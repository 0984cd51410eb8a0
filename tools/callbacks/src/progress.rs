//! The progress of a command that reads the whole table: a bar on a terminal, otherwise lines.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal, a line is printed at most this often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) struct Progress {
    /// Hidden without a terminal.
    bar: ProgressBar,
    last_line: Instant,
}

impl Progress {
    /// Starts with the approximate number of rows.
    pub(crate) fn new(rows: u64) -> Self {
        let bar = ProgressBar::new(rows);
        let style = ProgressStyle::with_template("{wide_bar} {pos} of about {len} rows, {msg} ");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, last_line: Instant::now() }
    }

    /// Adds rows that were read, and shows what was done.
    pub(crate) fn advance(&mut self, rows: u64, done: &str) {
        self.bar.inc(rows);
        self.bar.set_length(self.bar.length().unwrap_or_default().max(self.bar.position()));
        self.bar.set_message(done.to_owned());
        if !std::io::stderr().is_terminal() && self.last_line.elapsed() > LINE_INTERVAL {
            eprintln!("{} rows read, {done}", self.bar.position());
            self.last_line = Instant::now();
        }
    }

    /// Prints a line of the result.
    pub(crate) fn print(&self, line: &str) {
        self.bar.suspend(|| println!("{}", line.replace(char::is_control, "\u{fffd}")));
    }
}

/// A number of things.
pub(crate) fn counted(count: impl Into<u64>, thing: &str) -> String {
    let count = count.into();
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
