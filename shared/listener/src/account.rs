//! Which account a message is of. With several accounts at one URL, the user name states it: each account is registered
//! with a user name of its own, `<user name>-<account name>`. Pure.

use device::Observation;

/// The message states another account than the one whose credentials it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message states another account than the one whose credentials it carries")]
pub struct OtherAccount;

/// Splits a user name behind the first `length` bytes: the stack's user name, and the account, if there is one. The
/// second part is `None` if it is not the name of an account.
pub(crate) fn split(username: &str, length: usize) -> (&str, Option<Option<&str>>) {
    let (stack, rest) = username.split_at_checked(length).unwrap_or((username, ""));
    let account = match rest.strip_prefix('-') {
        _ if rest.is_empty() => Some(None),
        Some(account) if !account.trim().is_empty() => Some(Some(account)),
        _ => None,
    };
    (stack, account)
}

/// The observations of a message that carries the credentials of this account. Those that state no account are of this
/// one. Account names are compared exactly, as the platform does, except for whitespace around them.
pub(crate) fn assign(mut observations: Vec<Observation>, account: &str) -> Result<Vec<Observation>, OtherAccount> {
    for observation in &mut observations {
        match &observation.account {
            Some(stated) if stated.trim() != account => return Err(OtherAccount),
            _ => observation.account = Some(account.to_owned()),
        }
    }
    Ok(observations)
}

#[cfg(test)]
mod tests {
    use callback::Callback;

    use super::*;

    #[test]
    fn a_user_name_consists_of_the_stacks_and_an_account() {
        for (username, stack, account) in [
            ("stack", "stack", Some(None)),
            ("stack-0000123456-00001", "stack", Some(Some("0000123456-00001"))),
            ("stack-Verizon Test 1", "stack", Some(Some("Verizon Test 1"))),
            ("stacks", "stack", None),
            ("stack-", "stack", None),
            ("stack- ", "stack", None),
            ("stac", "stac", Some(None)),
            ("stacé", "stacé", Some(None)),
            ("", "", Some(None)),
        ] {
            assert_eq!(split(username, "stack".len()), (stack, account), "{username:?}");
        }
    }

    #[test]
    fn a_message_is_of_the_account_whose_credentials_it_carries_and_may_not_state_another() {
        let observations = |account: &str| {
            let body = format!(r#"{{"requestId": "r", "deviceResponse": {{"x": {{"accountName": {account}}}}}}}"#);
            let message = Callback::parse(body.as_bytes(), None).unwrap().message;
            message.into_parts().into_iter().map(|part| Observation::new("DeviceUsage", part)).collect::<Vec<_>>()
        };
        let assigned = |stated: &str| {
            let assigned = assign(observations(stated), "0000123456-00001");
            assigned.map(|observations| observations[0].account.clone().unwrap())
        };
        for same in ["null", "\"\"", "\"0000123456-00001\"", "\" 0000123456-00001\\n\""] {
            assert_eq!(assigned(same).as_deref(), Ok("0000123456-00001"), "{same}");
        }
        for other in ["\"0000123456-00002\"", "\"123456-1\"", "\"Verizon Test 1\""] {
            assert_eq!(assigned(other), Err(OtherAccount), "{other}");
        }
    }
}
