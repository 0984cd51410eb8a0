//! How registrations are printed: one row each.

use std::fmt::Write as _;

use registration::{Comparison, Done, Standing};

use super::Trouble;

/// A row of the table: the service, what is said of it, and a URL.
pub(super) fn row(comparison: &Comparison, what: &str, url: &str) -> [String; 3] {
    [comparison.wanted.service().to_owned(), what.to_owned(), url.to_owned()]
}

/// Where messages go now.
pub(super) fn now(comparison: &Comparison) -> &str {
    match &comparison.standing {
        Standing::Elsewhere { url } => url,
        Standing::Missing => "-",
        _ => comparison.wanted.url(),
    }
}

/// How it stood, and where messages went if that was somewhere else.
pub(super) fn before(comparison: &Comparison) -> String {
    match &comparison.standing {
        Standing::Elsewhere { url } => format!("at {url}"),
        Standing::CredentialsUnseen => "here, credentials not shown".to_owned(),
        standing => standing.to_string(),
    }
}

/// Prints what became of each, with words and a URL for what went well; whether all of it did.
pub(super) fn told(done: &[Done], did: &str, well: impl Fn(&Comparison) -> (String, String)) -> Result<bool, Trouble> {
    print(done.iter().map(|Done { comparison, outcome }| match outcome {
        Some(Err(error)) => row(comparison, &format!("NOT {did}: {error}"), now(comparison)),
        _ => {
            let (what, url) = well(comparison);
            row(comparison, &what, &url)
        }
    }));
    let mut failures = done.iter().filter_map(|one| one.outcome.as_ref()?.as_ref().err()).peekable();
    let none = failures.peek().is_none();
    match failures.find(|error| error.stops_all()) {
        Some(error) => Err(Trouble::NotAsked(error.to_string())),
        None => Ok(none),
    }
}

/// A table: service, how it stands, URL.
pub(super) fn print(rows: impl Iterator<Item = [String; 3]>) {
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let (service_width, standing_width) = (width(0), width(1));
    let mut table = String::new();
    for [service, standing, url] in &rows {
        let _ = writeln!(table, "{service:service_width$}  {standing:standing_width$}  {url}");
    }
    print!("{table}");
}
