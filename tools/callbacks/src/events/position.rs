//! The position of a run of `republish` in a file, so that the same command continues it.

use std::fs;
use std::path::{Path, PathBuf};

use cli_support::variable;
use device::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Position;

use crate::error::CommandError;
use crate::progress::counted;

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// The id by which subscribers recognize the replays.
    pub(super) id: String,
    pub(super) parameters: Parameters,
    /// The end of the period, also if the command did not state one.
    pub(super) until: Timestamp,
    /// The last row that is done.
    pub(super) after: Option<Position>,
    pub(super) published: u64,
    pub(super) rejected: u64,
}

/// The options of the command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    pub(super) deployment: String,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) service: Option<String>,
    pub(super) device: Option<String>,
}

/// The file.
pub(super) struct PositionFile(PathBuf);

impl Run {
    fn new(parameters: Parameters, now: Timestamp) -> Self {
        Self {
            id: now.strftime("%Y%m%dT%H%M%S%3fZ").to_string(),
            until: parameters.until.unwrap_or(now),
            parameters,
            after: None,
            published: 0,
            rejected: 0,
        }
    }
}

impl PositionFile {
    /// The given file, or one in the state directory whose name follows from the parameters.
    pub(super) fn of(given: Option<PathBuf>, parameters: &Parameters) -> Result<Self, CommandError> {
        if let Some(path) = given {
            return Ok(Self(path));
        }
        let directory = variable("XDG_STATE_HOME").map(PathBuf::from);
        let directory = directory.or_else(|| Some(Path::new(&variable("HOME")?).join(".local/state")));
        let directory = directory.ok_or_else(|| {
            CommandError::Invalid("neither XDG_STATE_HOME nor HOME is set: name a file with --resume".to_owned())
        })?;
        let name = Digest::of(&[&serde_json::to_string(parameters).unwrap_or_default()]).short();
        Ok(Self(directory.join("thingspace-callbacks").join(format!("republish-{name}.json"))))
    }

    /// The run in the file, or a new one.
    pub(super) fn run(&self, parameters: Parameters, now: Timestamp) -> Result<Run, CommandError> {
        let path = self.0.display();
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Run::new(parameters, now)),
            Err(error) => return Err(CommandError::Invalid(format!("{path} cannot be read: {error}"))),
        };
        let run: Run = serde_json::from_str(&text)
            .map_err(|_| CommandError::Invalid(format!("{path} contains no position of this command")))?;
        if run.parameters != parameters {
            let text = format!("{path} is of a run with other options: use the same ones, or another file");
            return Err(CommandError::Invalid(text));
        }
        let done = counted(run.published, "event");
        eprintln!("Continues the replay {} after {done}. To start over, delete {path}.", run.id);
        Ok(run)
    }

    /// Replaces the file at once, so that an interruption leaves the former position or the new one.
    pub(super) fn save(&self, run: &Run) -> Result<(), CommandError> {
        let write = || {
            if let Some(directory) = self.0.parent() {
                fs::create_dir_all(directory)?;
            }
            let new = self.0.with_extension("new");
            fs::write(&new, serde_json::to_string(run)?)?;
            fs::rename(new, &self.0)
        };
        let failed = |error| CommandError::Invalid(format!("{} cannot be written: {error}", self.0.display()));
        write().map_err(failed)
    }

    /// Deletes the file of a run that has ended.
    pub(super) fn delete(&self) {
        // A run that published nothing has no file.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters {
        let since = Timestamp::UNIX_EPOCH;
        Parameters { deployment: "--local x".to_owned(), since, until: None, service: None, device: None }
    }

    #[test]
    fn a_run_continues_with_the_same_options_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = PositionFile(directory.path().join("new/position.json"));
        let now: Timestamp = "2026-03-01T10:00:00.5Z".parse().unwrap();
        let mut run = file.run(parameters(), now).unwrap_or_else(|_| panic!());
        assert_eq!((run.id.as_str(), run.until), ("20260301T100000500Z", now));

        run.after = Some(Position { partition: "DEVICE#1".to_owned(), sort: "EVENT#1".to_owned() });
        run.published = 7;
        assert!(file.save(&run).is_ok());
        let later = now + jiff::SignedDuration::from_hours(1);
        assert_eq!(file.run(parameters(), later).ok(), Some(run), "the period ends when the run started");
        let others = Parameters { service: Some("DeviceUsage".to_owned()), ..parameters() };
        assert!(file.run(others, later).is_err());

        file.delete();
        assert_eq!(file.run(parameters(), later).unwrap_or_else(|_| panic!()).published, 0);
    }
}
