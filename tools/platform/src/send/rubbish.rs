//! Requests that are no callbacks of the platform, made from a message: what a listener must refuse.

use serde::{Deserialize, Serialize};

use super::template::{SlotValues, Template};
use crate::rules::Credentials;

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rubbish {
    /// The second half of the body is missing.
    Truncated,
    /// A text instead of the message.
    Text,
    /// The message with the content type of a form.
    ContentType,
    /// The message with a wrong password.
    Password,
    /// No body.
    Empty,
}

impl Rubbish {
    const ALL: [Self; 5] = [Self::Truncated, Self::Text, Self::ContentType, Self::Password, Self::Empty];

    /// Any of them.
    pub(super) fn random(random: &mut fastrand::Rng) -> Option<Self> {
        random.choice(Self::ALL)
    }

    /// The body and content type of the request.
    pub(super) fn render(self, template: &Template, values: &SlotValues<'_>) -> (String, &'static str) {
        let content_type = template.content_type();
        match self {
            Self::Truncated => {
                let message = template.render(values);
                let half = (0..=message.len() / 2).rev().find(|end| message.is_char_boundary(*end));
                (message.get(..half.unwrap_or_default()).unwrap_or_default().to_owned(), content_type)
            }
            Self::Text => (format!("This is no callback: {}", values.request_id), content_type),
            Self::ContentType => (template.render(values), "application/x-www-form-urlencoded"),
            Self::Password => {
                let password = format!("not {}", values.credentials.password);
                let credentials = Credentials { password, ..values.credentials.clone() };
                (template.render(&SlotValues { credentials: &credentials, ..*values }), content_type)
            }
            Self::Empty => (String::new(), content_type),
        }
    }
}
