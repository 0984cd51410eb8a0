//! Joins the pieces of a body that did not fit into one message.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{QueuedBody, QueuedCallback};

impl QueuedCallback {
    /// Whether this and another message hold pieces of one body.
    #[must_use]
    pub fn is_piece_with(&self, other: &Self) -> bool {
        let pieces = self.piece.zip(other.piece).is_some_and(|(one, other)| one.of == other.of);
        let attributes = |callback: &Self| {
            let Self { service, received_at, reason, content_type, source, .. } = callback.clone();
            (service, received_at, reason, content_type, source, callback.body.length())
        };
        pieces && attributes(self) == attributes(other)
    }

    /// The callback of these pieces, in any order. SQS may hold a piece twice. `None` if one is missing, or if there are
    /// two different ones for a place, because two such callbacks came at the same time.
    #[must_use]
    pub fn join(pieces: &[Self]) -> Option<Self> {
        let first = pieces.first()?;
        let mut contents: BTreeMap<usize, &Bytes> = BTreeMap::new();
        for callback in pieces.iter().filter(|callback| callback.is_piece_with(first)) {
            let content = *contents.entry(callback.piece?.number).or_insert(callback.body());
            if content != callback.body() {
                return None;
            }
        }
        if !contents.keys().copied().eq(1..=first.piece?.of) {
            return None;
        }
        let content: Vec<u8> = contents.into_values().flatten().copied().collect();
        let body = QueuedBody::part_of(first.body.length(), content.into());
        Some(Self { piece: None, body, ..first.clone() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use crate::tests::{noise, queued};
    use crate::{Piece, QueuedCallback};

    fn pieces(callback: &QueuedCallback) -> Vec<QueuedCallback> {
        callback.to_messages().iter().map(|message| QueuedCallback::from_message(message).unwrap()).collect()
    }

    #[test]
    fn pieces_in_any_order_and_number_are_the_callback_again() {
        let callback = queued(noise(1024 * 1024));
        let [first, second] = pieces(&callback).try_into().unwrap();
        assert!(first.is_piece_with(&second) && !first.is_piece_with(&callback));
        let duplicates = [second.clone(), first.clone(), second.clone()];
        assert_eq!(QueuedCallback::join(&duplicates).unwrap(), callback);
        assert!(QueuedCallback::join(&[second]).is_none());
        assert!(QueuedCallback::join(&[callback]).is_none());
    }

    #[test]
    fn pieces_of_different_bodies_are_not_joined() {
        let [first, second] = pieces(&queued(noise(1024 * 1024))).try_into().unwrap();
        let mut other = first.clone();
        other.reason = "Another one.".to_owned();
        assert!(QueuedCallback::join(&[other.clone(), second.clone()]).is_none());
        let conflicting = QueuedCallback { piece: Some(Piece { number: 2, of: 2 }), ..first.clone() };
        assert!(QueuedCallback::join(&[first, second, conflicting]).is_none());
    }

    #[test]
    fn the_pieces_of_a_truncated_body_are_its_beginning() {
        let joined = QueuedCallback::join(&pieces(&queued(vec![b' '; 5_000_000]))).unwrap();
        assert!(!joined.is_complete() && joined.body.length() == 5_000_000 && joined.body().len() < 2_000_000);
    }
}
