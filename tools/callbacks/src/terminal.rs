//! Questions on the terminal, and its Ctrl-C.

use std::io::IsTerminal;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::CommandError;

/// Whether a person can answer a question. In a script the answer is no.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether the answer is yes.
pub(crate) fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// Ctrl-C and SIGTERM, for a command that must finish what it has begun. The command checks for them.
pub(crate) struct Interrupt(JoinHandle<()>);

impl Interrupt {
    /// From now on they do not end the process.
    pub(crate) fn listen() -> Self {
        Self(tokio::spawn(interrupted()))
    }

    /// An error, if there was one.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        if self.0.is_finished() { Err(CommandError::Interrupted) } else { Ok(()) }
    }

    /// The answer to a question on the terminal.
    pub(crate) async fn ask(&mut self, question: &str) -> Result<bool, CommandError> {
        eprint!("{question} [y/N] ");
        let (sender, answer) = oneshot::channel();
        // Not a task of the runtime, which would wait for the answer at the end of the program.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = sender.send(std::io::stdin().read_line(&mut line).is_ok() && is_yes(&line));
        });
        tokio::select! {
            answer = answer => Ok(answer.unwrap_or_default()),
            _ = &mut self.0 => Err(CommandError::Interrupted),
        }
    }
}

async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminated => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_a_confirmation() {
        for yes in ["y\n", "Y\n", " yes \n", "YES"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yy\n", "yes please\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
