//! The body of a queued callback: compressed, and in base64, since a message is text.

use std::fmt;
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Maximum size of a decompressed body, in bytes. A function receives at most 6 MB.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;

/// A body, or its beginning. `Debug` output contains only its length.
#[derive(Clone, PartialEq, Eq)]
pub struct QueuedBody {
    length: usize,
    content: Bytes,
}

impl QueuedBody {
    /// A whole body.
    pub fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self { length: content.len(), content }
    }

    /// A piece of a body of this length.
    pub(crate) fn part_of(length: usize, content: Bytes) -> Self {
        Self { length, content }
    }

    /// Length of the whole body, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// What is kept of it.
    pub(crate) fn content(&self) -> &Bytes {
        &self.content
    }
}

impl fmt::Debug for QueuedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueuedBody({} bytes)", self.length)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    bytes: usize,
    body_gzip_base64: String,
}

impl Serialize for QueuedBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The fastest level: a small function has a seventh of a processor.
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let compressed = gzip.write_all(&self.content).and_then(|()| gzip.finish()).map_err(S::Error::custom)?;
        Members { bytes: self.length, body_gzip_base64: STANDARD.encode(compressed) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for QueuedBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        let compressed = STANDARD.decode(members.body_gzip_base64).map_err(|_| D::Error::custom("no base64"))?;
        let mut content = Vec::new();
        let mut gzip = GzDecoder::new(compressed.as_slice()).take(MAX_BODY_BYTES + 1);
        gzip.read_to_end(&mut content).map_err(|_| D::Error::custom("no gzip"))?;
        if gzip.limit() == 0 {
            return Err(D::Error::custom("too large"));
        }
        Ok(Self { length: members.bytes, content: content.into() })
    }
}
