//! The directory with the databases.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// The file that a process locks while it uses the directory.
const LOCK: &str = "lock";

/// The database files.
pub(super) const DATABASES: [&str; 3] = ["dynamodb.sqlite", "messages.sqlite", "queues.sqlite"];

/// A directory that this process uses exclusively.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Closing the file unlocks it.
    _lock: File,
    /// Deleted at exit. On disk, since a table may outgrow memory.
    _temporary: Option<TempDir>,
}

impl Directory {
    /// Opens this directory, after deleting the databases of an earlier run if `reset` is set, or a temporary
    /// directory.
    pub(super) fn open(data: Option<&Path>, reset: bool) -> anyhow::Result<Self> {
        let temporary = match data {
            None => {
                let mut builder = tempfile::Builder::new();
                #[cfg(unix)]
                builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
                Some(builder.prefix("callbacks-").tempdir().context("cannot create a temporary directory")?)
            }
            Some(_) => None,
        };
        let path = temporary.as_ref().map(TempDir::path).or(data).unwrap_or(Path::new(".")).to_owned();
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let lock = path.join(LOCK);
        let file = File::options().create(true).append(true).open(&lock);
        let file = file.with_context(|| format!("cannot open {}", lock.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{} is used by another process of `callbacks local`", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", lock.display()));
            }
        }
        let directory = Self { path, _lock: file, _temporary: temporary };
        if reset {
            directory.reset()?;
        }
        Ok(directory)
    }

    /// The path of a file in the directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn reset(&self) -> anyhow::Result<()> {
        for (database, suffix) in DATABASES.iter().flat_map(|database| ["", "-wal", "-shm"].map(|end| (database, end)))
        {
            let file = self.file(&format!("{database}{suffix}"));
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot delete {}", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
