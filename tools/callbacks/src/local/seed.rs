//! `--seed`: the sample messages of every service, sent as the platform sends them.

use anyhow::Context;

use crate::platform::fresh::uuid;
use crate::platform::rules::{Api, Credentials};
use crate::platform::send::{Fill, golden};
use crate::registry::SERVICES;

/// Sends them to the callback endpoints at this URL, and says how many were sent and acknowledged.
pub(super) async fn send(url: &str, credentials: &Credentials) -> anyhow::Result<(usize, usize)> {
    let (client, mut random) = (reqwest::Client::new(), fastrand::Rng::new());
    let (mut sent, mut acknowledged) = (0, 0);
    for service in SERVICES {
        for transport in [Api::Soap, Api::Rest] {
            for message in golden::of(&service.name, transport, false)? {
                let request_id = uuid(&mut random);
                let fill = Fill { credentials, request_id: &request_id, device: 0, resends: 0 };
                let request = client.post(format!("{url}/{}", service.name)).body(message.template.render(&fill));
                let request = request.header("Content-Type", message.template.content_type());
                let answer = request.send().await.with_context(|| format!("cannot send {}", message.file))?;
                sent += 1;
                acknowledged += usize::from(answer.status().is_success());
            }
        }
    }
    Ok((sent, acknowledged))
}
