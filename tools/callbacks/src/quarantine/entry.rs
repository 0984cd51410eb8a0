//! A quarantined callback, of one message or of several.

use queued_callback::{FormatError, QueuedCallback, Verification};

use super::queue::Message;

/// A quarantined callback.
pub(super) struct Entry {
    /// The ids of its messages.
    pub(super) ids: Vec<String>,
    pub(super) content: Content,
}

/// What is known of it.
pub(super) enum Content {
    /// The callback, whose body may be truncated.
    Callback(Box<QueuedCallback>),
    /// A piece of a callback whose other pieces are not in the queue, or are ambiguous.
    Piece(Box<QueuedCallback>),
    /// A message in another format.
    Unknown(FormatError, String),
}

/// The callbacks of these messages, in the order of their receipt.
pub(super) fn entries(messages: Vec<Message>) -> Vec<Entry> {
    let mut bodies: Vec<(Vec<String>, Vec<QueuedCallback>)> = Vec::new();
    let mut entries = Vec::new();
    for Message { id, content } in messages {
        let callback = match content {
            Ok(callback) => callback,
            Err((error, text)) => {
                entries.push(Entry { ids: vec![id], content: Content::Unknown(error, text) });
                continue;
            }
        };
        let same_body = bodies.iter_mut().find(|(_, pieces)| {
            callback.piece.is_some() && pieces.first().is_some_and(|piece| callback.is_piece_with(piece))
        });
        match same_body {
            Some((ids, pieces)) => {
                ids.push(id);
                pieces.push(callback);
            }
            None if callback.piece.is_some() => bodies.push((vec![id], vec![callback])),
            None => entries.push(Entry { ids: vec![id], content: Content::Callback(Box::new(callback)) }),
        }
    }
    for (ids, mut pieces) in bodies {
        let content = match QueuedCallback::join(&pieces) {
            Some(callback) => Content::Callback(Box::new(callback)),
            None => Content::Piece(Box::new(pieces.swap_remove(0))),
        };
        entries.push(Entry { ids, content });
    }
    entries.sort_by_key(|entry| entry.callback().map(|callback| callback.received_at));
    entries
}

impl Entry {
    /// The id to print.
    pub(super) fn id(&self) -> &str {
        self.ids.first().map(String::as_str).unwrap_or_default()
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.ids.iter().any(|own| own == id)
    }

    pub(super) fn is_of_service(&self, services: &[String]) -> bool {
        self.callback().is_some_and(|callback| services.iter().any(|name| name.eq_ignore_ascii_case(&callback.service)))
    }

    /// The callback, also if its body is not complete.
    pub(super) fn callback(&self) -> Option<&QueuedCallback> {
        match &self.content {
            Content::Callback(callback) | Content::Piece(callback) => Some(callback),
            Content::Unknown(..) => None,
        }
    }

    /// Why it cannot be retried.
    pub(super) fn defect(&self) -> Option<String> {
        match &self.content {
            Content::Unknown(error, _) => Some(error.to_string()),
            Content::Piece(_) => Some("other pieces of its body are missing or ambiguous".to_owned()),
            Content::Callback(callback) if callback.is_complete() => None,
            Content::Callback(callback) => Some(format!(
                "only the first {} of {} bytes are kept; ask Verizon's support to resend it, by request id",
                callback.body().len(),
                callback.body.length()
            )),
        }
    }

    /// Its service and its time of receipt.
    pub(super) fn description(&self) -> [String; 3] {
        let callback = self.callback();
        [
            self.id().to_owned(),
            callback.map_or_else(|| "-".to_owned(), |callback| callback.received_at.to_string()),
            printable(callback.map_or("-", |callback| &callback.service)),
        ]
    }

    /// Why it is in the quarantine.
    pub(super) fn reason(&self) -> String {
        let reason =
            self.callback().map_or_else(|| self.defect().unwrap_or_default(), |callback| callback.reason.clone());
        printable(&reason)
    }
}

pub(super) fn verification(callback: &QueuedCallback) -> &'static str {
    match callback.verification {
        Verification::Unverified => "unverified",
        Verification::Verified { .. } => "verified",
    }
}

/// A text in one line. Control characters are replaced, since a terminal would interpret them.
pub(super) fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
