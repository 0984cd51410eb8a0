//! What the command-line programs share: addresses in options, environment variables that replace options, and lines of
//! output.

mod address;
mod environment;
mod log_line;

pub use address::{socket, url};
pub use environment::variable;
pub use log_line::log_line;
