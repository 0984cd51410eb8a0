//! Reads the environment variables of a function, once, at start. A missing or malformed one fails the start with a
//! sentence that names it. Which settings there are is defined by each function.

use std::fmt;
use std::str::FromStr;

/// The variables of an environment. An empty variable counts as missing.
pub struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

/// A setting is missing or malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The variable is missing or empty.
    #[error("{0} is not set.")]
    Missing(&'static str),
    /// The variable has an invalid value.
    #[error("{name} is \"{value}\": {reason}.")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// Why it is invalid.
        reason: String,
    },
}

impl Variables<'static> {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(&|name| std::env::var(name).ok())
    }
}

impl<'a> Variables<'a> {
    /// The variables that this function returns.
    #[must_use]
    pub fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(variable)
    }

    /// The value of a variable, if it is set and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    ///
    /// [`SettingError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<String, SettingError> {
        self.optional(name).ok_or(SettingError::Missing(name))
    }

    /// The parsed value of a variable that must be set.
    ///
    /// # Errors
    ///
    /// A [`SettingError`].
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self, name: &'static str) -> Result<T, SettingError> {
        parse(name, self.required(name)?)
    }

    /// The parsed value of a variable, or the default of its type if it is not set.
    ///
    /// # Errors
    ///
    /// [`SettingError::Malformed`].
    pub fn parsed_or_default<T: FromStr<Err: fmt::Display> + Default>(
        &self,
        name: &'static str,
    ) -> Result<T, SettingError> {
        self.optional(name).map_or_else(|| Ok(T::default()), |value| parse(name, value))
    }

    /// The ARN of the secret with the callback credentials; `None` only if the stack states explicitly that callbacks
    /// carry none.
    ///
    /// # Errors
    ///
    /// Neither `CREDENTIALS_SECRET_ARN` nor `CALLBACK_CREDENTIALS=none` is set.
    pub fn callback_secret_arn(&self) -> Result<Option<String>, SettingError> {
        match self.optional("CALLBACK_CREDENTIALS") {
            Some(value) if value == "none" => Ok(None),
            Some(value) => Err(malformed("CALLBACK_CREDENTIALS", value, "the only value is none")),
            None => self.required("CREDENTIALS_SECRET_ARN").map(Some),
        }
    }
}

fn parse<T: FromStr<Err: fmt::Display>>(name: &'static str, value: String) -> Result<T, SettingError> {
    value.trim().parse().map_err(|error: T::Err| malformed(name, value, error))
}

fn malformed(name: &'static str, value: String, reason: impl fmt::Display) -> SettingError {
    SettingError::Malformed { name, value, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        let value = match name {
            "TABLE_NAME" => "callbacks",
            "EMPTY" => "",
            "DAYS" => " 30 ",
            "WRONG_DAYS" => "a month",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_missing_or_malformed_variable_is_named_in_a_sentence() {
        let variables = Variables::new(&variable);
        assert_eq!(variables.required("TABLE_NAME").unwrap(), "callbacks");
        assert_eq!(variables.parsed("DAYS"), Ok(30));
        assert_eq!(variables.parsed_or_default("EMPTY"), Ok(0));
        assert_eq!(variables.required("EMPTY").unwrap_err().to_string(), "EMPTY is not set.");
        let error = variables.parsed::<u32>("WRONG_DAYS").unwrap_err().to_string();
        assert_eq!(error, "WRONG_DAYS is \"a month\": invalid digit found in string.");
    }

    #[test]
    fn callbacks_without_credentials_have_to_be_stated_explicitly() {
        let arn = |name: &str, value: &str| {
            let variable = |wanted: &str| (wanted == name).then(|| value.to_owned());
            Variables::new(&variable).callback_secret_arn().map_err(|error| error.to_string())
        };
        assert_eq!(arn("CREDENTIALS_SECRET_ARN", "arn"), Ok(Some("arn".to_owned())));
        assert_eq!(arn("CALLBACK_CREDENTIALS", "none"), Ok(None));
        assert_eq!(arn("OTHER", "value"), Err("CREDENTIALS_SECRET_ARN is not set.".to_owned()));
        assert_eq!(
            arn("CALLBACK_CREDENTIALS", "off"),
            Err("CALLBACK_CREDENTIALS is \"off\": the only value is none.".to_owned())
        );
    }
}
