//! Environment variables that replace options.

/// The value of a variable, if it is set and not empty. Unlike clap's own `env`, it does not conflict with other
/// options.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
