//! `--seed`: sends the sample messages of every service once.

use anyhow::Context;
use platform_simulator::rules::Credentials;
use platform_simulator::send::{SampleMessage, sample_messages};

/// Sends them to the callback endpoints at this URL. Returns how many were sent and how many of them were acknowledged.
pub(crate) async fn send(url: &str, credentials: &Credentials) -> anyhow::Result<(usize, usize)> {
    let client = reqwest::Client::new();
    let (mut sent, mut acknowledged) = (0, 0);
    for SampleMessage { service, file, content_type, body } in sample_messages(credentials)? {
        let request = client.post(format!("{url}/{service}")).header("Content-Type", content_type).body(body);
        let response = request.send().await.with_context(|| format!("cannot send {file}"))?;
        sent += 1;
        acknowledged += usize::from(response.status().is_success());
    }
    Ok((sent, acknowledged))
}
