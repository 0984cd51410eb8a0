//! Everything that the functions wrote, by place, and the search in it.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use super::Place;

/// The crates of the project that the functions consist of. They may log at any level. Of dependencies, a function logs
/// what is at least INFO: more verbose levels are compiled out of release builds (`release_max_level_info`).
const OWN: [&str; 12] = [
    "aws",
    "callback",
    "callback_redriver",
    "change_publisher",
    "credentials",
    "device",
    "device_query",
    "listener",
    "listener_registrar",
    "queued_callback",
    "registration",
    "store",
];

/// Collects texts by place.
#[derive(Clone, Default)]
pub(super) struct Evidence(Arc<Mutex<Vec<(Place, String)>>>);

impl Evidence {
    fn lock(&self) -> MutexGuard<'_, Vec<(Place, String)>> {
        self.0.lock().unwrap()
    }

    pub(super) fn add(&self, place: Place, text: impl Into<String>) {
        self.lock().push((place, text.into()));
    }

    /// Collects what is logged on this thread until the guard is dropped.
    pub(super) fn collect_log(&self) -> DefaultGuard {
        tracing::subscriber::set_default(Registry::default().with(Collector(self.clone())))
    }

    /// What surrounds a canary in the first text of a place that contains it, in any notation.
    pub(super) fn find(&self, place: Place, canary: &str) -> Option<String> {
        let notations = notations(canary);
        let texts = self.lock();
        texts.iter().filter(|(of, _)| *of == place).find_map(|(_, text)| {
            let text = text.to_lowercase();
            let at = notations.iter().find_map(|notation| text.find(notation))?;
            let (before, after) = (text[..at].chars(), text[at..].chars().take(60));
            let before: Vec<_> = before.rev().take(140).collect();
            Some(before.into_iter().rev().chain(after).collect())
        })
    }
}

/// A text as it is, in base64 at any position, in hexadecimal, and as a list of bytes. All in lower case.
fn notations(text: &str) -> Vec<String> {
    let mut notations = vec![text.to_lowercase()];
    for offset in 0..3 {
        let encoded = STANDARD.encode([&vec![b' '; offset], text.as_bytes()].concat());
        // The first and last characters depend on the neighbours.
        let (skipped, padding) = ((offset * 8).div_ceil(6), encoded.matches('=').count());
        let end = encoded.len() - if padding == 0 { 0 } else { padding + 1 };
        notations.push(encoded[skipped..end].to_lowercase());
    }
    let bytes = |separator: &str, format: fn(&u8) -> String| {
        text.as_bytes().iter().map(format).collect::<Vec<_>>().join(separator)
    };
    notations.push(bytes("", |byte| format!("{byte:02x}")));
    notations.push(bytes(", ", u8::to_string));
    notations
}

struct Collector(Evidence);

impl Collector {
    fn add(&self, metadata: &Metadata<'_>, visit: impl FnOnce(&mut Text)) {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        if *metadata.level() <= Level::INFO || OWN.contains(&crate_name) {
            let mut text = Text(format!("{} {}", metadata.level(), metadata.target()));
            visit(&mut text);
            self.0.add(Place::Log, text.0);
        }
    }
}

impl<S: Subscriber> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.add(attributes.metadata(), |text| attributes.record(text));
    }

    fn on_record(&self, _: &Id, record: &Record<'_>, _: Context<'_, S>) {
        let mut text = Text("a value of a span".to_owned());
        record.record(&mut text);
        self.0.add(Place::Log, text.0);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.add(event.metadata(), |text| event.record(text));
    }
}

/// The fields of an event or a span.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

#[test]
fn a_canary_is_found_in_every_notation() {
    let (evidence, canary) = (Evidence::default(), "70001canary");
    for prefix in ["", "a", "ab", "abc"] {
        let text = format!("{prefix}{canary}z");
        for encoded in [text.clone(), text.to_uppercase(), STANDARD.encode(&text), format!("{:?}", text.as_bytes())] {
            let evidence = Evidence::default();
            evidence.add(Place::Log, format!("before {encoded} after"));
            assert!(evidence.find(Place::Log, canary).is_some(), "{encoded}");
            assert!(evidence.find(Place::Answer, canary).is_none());
            assert!(evidence.find(Place::Log, "70002canary").is_none());
        }
    }
    assert!(evidence.find(Place::Log, canary).is_none());
}
