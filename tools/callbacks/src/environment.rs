//! Environment variables that stand for options.

/// The variable, if it is set and not empty. Unlike an option's own variable in clap, it conflicts with no other option.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
