//! Opening a database that only its owner can read: queues hold callbacks with their credentials.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use rusqlite::Connection;

/// Opens or creates the database in this file, with these tables.
pub(super) fn open(file: &Path, schema: &str) -> anyhow::Result<Connection> {
    let mut owned = File::options();
    owned.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut owned, 0o600);
    owned.open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let connection = Connection::open(file).and_then(|connection| {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(schema)?;
        Ok(connection)
    });
    connection.with_context(|| format!("cannot open {}", file.display()))
}
