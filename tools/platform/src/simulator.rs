//! The state of the simulator: the rules with a clock, a file and printed lines.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use jiff::Timestamp;

use super::rules::{AccessSettings, Api, Book, Fault, Listener, QueuedSms, Registration, Rules};
use super::send;
use cli_support::log_line;

/// The file's name in the directory.
const FILE: &str = "platform.json";

pub(super) struct Simulator {
    rules: Mutex<Rules>,
    file: Option<PathBuf>,
    quiet: bool,
    /// Sends queued text messages.
    pub(super) client: reqwest::Client,
}

impl Simulator {
    /// Loads the state of an earlier run, if there is one, and adds the accounts.
    pub(super) fn open(
        settings: AccessSettings,
        any_port: bool,
        accounts: Vec<String>,
        directory: Option<&Path>,
        quiet: bool,
    ) -> anyhow::Result<Self> {
        let file = directory.map(|directory| directory.join(FILE));
        let mut book = match (&file, directory) {
            (Some(file), Some(directory)) => {
                fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
                read(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            _ => Book::default(),
        };
        book.accounts.extend(accounts);
        if let Some(file) = &file {
            write(file, &book).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(Self { rules: Mutex::new(Rules::new(settings, any_port, book)), file, quiet, client: send::client()? })
    }

    /// The rules, locked.
    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a listener and prints the result.
    pub(super) fn register(&self, session: &str, api: Api, listener: Listener) -> Result<(), Fault> {
        let what = format!("{api} register {} of {} at {}", listener.service, listener.account, listener.url);
        let result = self.change(|rules, now| rules.register(session, api, listener, now));
        self.print_result(&what, result.as_ref().err());
        result
    }

    /// Deregisters a listener, prints the result and returns the name of the service.
    pub(super) fn deregister(&self, session: &str, api: Api, account: &str, service: &str) -> Result<String, Fault> {
        let result = self.change(|rules, now| rules.deregister(session, api, account, service, now));
        self.print_result(&format!("{api} deregister {service} of {account}"), result.as_ref().err());
        result
    }

    /// Starts to send the queued text messages of an account, and prints the result.
    pub(super) fn start_sms(
        &self,
        session: &str,
        api: Api,
        account: &str,
    ) -> Result<Option<(Registration, Vec<QueuedSms>)>, Fault> {
        let result = self.change(|rules, now| rules.start_sms(session, account, now));
        self.print_result(&format!("{api} request queued SMS of {account}"), result.as_ref().err());
        result
    }

    /// Queues text messages that could not be delivered.
    pub(super) fn queue_sms(&self, messages: Vec<QueuedSms>) -> Result<(), Fault> {
        self.change(|rules, _| {
            rules.queue_sms(messages);
            Ok(())
        })
    }

    /// Removes a text message from the queue if it was acknowledged. If this cannot be written to the file, the message
    /// stays queued.
    pub(super) fn finish_sms(&self, id: &str, acknowledged: bool) {
        let finished = self.change(|rules, _| {
            rules.finish_sms(id, acknowledged);
            Ok(())
        });
        if finished.is_err() {
            self.rules().finish_sms(id, false);
        }
    }

    fn print_result(&self, what: &str, refused: Option<&Fault>) {
        let result = refused.map_or_else(|| "done".to_owned(), |fault| format!("refused: {} {fault}", fault.code()));
        self.print(Timestamp::now(), &format!("{what} ▶ {result}"));
    }

    /// Prints a line.
    pub(super) fn print(&self, at: Timestamp, text: &str) {
        if !self.quiet {
            println!("{}", log_line(at, text));
        }
    }

    /// Applies a change. It only takes effect if it can be written to the file.
    fn change<T>(&self, change: impl FnOnce(&mut Rules, Timestamp) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut rules = self.rules();
        let before = rules.book.clone();
        let result = change(&mut rules, Timestamp::now())?;
        if let Some(file) = self.file.as_deref().filter(|_| rules.book != before)
            && let Err(error) = write(file, &rules.book)
        {
            eprintln!("cannot write {}: {error}", file.display());
            rules.book = before;
            return Err(Fault::Unexpected);
        }
        Ok(result)
    }
}

fn read(file: &Path) -> anyhow::Result<Book> {
    match fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Book::default()),
        Err(error) => Err(error.into()),
    }
}

/// Writes atomically, by renaming a temporary file. Only the owner can read it, since it contains passwords.
fn write(file: &Path, book: &Book) -> std::io::Result<()> {
    let unfinished = file.with_extension("unfinished");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writer = options.open(&unfinished)?;
    writer.write_all(&serde_json::to_vec_pretty(book)?)?;
    writer.sync_all()?;
    fs::rename(unfinished, file)
}
