//! `callbacks sms resume`: makes the platform send the SMS from devices that it could not deliver.

use std::process::ExitCode;

use clap::Subcommand;
use registration::{AccountName, Error, Platform};

use super::options::Resume;
use crate::error::{CommandError, exit_code};
use crate::table::print;

/// The callback service of SMS from devices.
const SMS_SERVICE: &str = "EnhancedConnectivityService";

/// Commands about SMS from devices.
#[derive(Subcommand)]
pub(crate) enum Sms {
    /// Make the platform send the SMS that it has queued, because their callbacks failed. It does not do so by itself
    Resume(Resume),
}

/// Runs the command.
pub(crate) async fn sms(command: Sms) -> ExitCode {
    let Sms::Resume(options) = command;
    exit_code(try_resume(options).await)
}

async fn try_resume(Resume { account, api, access, dry_run }: Resume) -> Result<bool, CommandError> {
    let platform = access.platform(api).await?;
    let (mut rows, mut complete, mut failure) = (Vec::new(), true, None);
    for account in account {
        let result = match &failure {
            Some(_) => Err(Error::NotAttempted),
            None if dry_run => listener(&platform, &account).await,
            None => platform.start_sms_callbacks(&account).await.map(|()| Some("requested".to_owned())),
        };
        let status = match result {
            Ok(Some(status)) => status,
            Ok(None) => {
                complete = false;
                format!("{SMS_SERVICE} is not registered through this API")
            }
            Err(error) => {
                complete = false;
                let status = format!("NOT requested: {error}");
                failure = failure.or(error.affects_all_requests().then_some(error));
                status
            }
        };
        rows.push([account.to_string(), status]);
    }
    platform.log_out().await;
    print(rows.into_iter());
    failure.map_or(Ok(complete), |error| Err(error.into()))
}

/// What a request would do, if there is a listener.
async fn listener(platform: &Platform, account: &AccountName) -> Result<Option<String>, Error> {
    let listed = platform.list(account).await?;
    let listener = listed.into_iter().find(|listed| listed.service == SMS_SERVICE);
    Ok(listener.map(|listener| format!("would be requested, for {}", listener.url)))
}
