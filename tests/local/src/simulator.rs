//! A running simulator of the platform.

use platform_simulator::send::{Resend, SendOptions};
use platform_simulator::{Options, Platform, start};
use serde_json::Value;

/// Options for a simulator on a free port.
#[must_use]
pub fn simulator_options() -> Options {
    Options { listen: "127.0.0.1:0".parse().unwrap(), ..Options::default() }
}

/// Starts a simulator on a free port.
pub async fn simulator() -> Platform {
    start(simulator_options()).await.unwrap()
}

/// All registrations of the simulator, with their credentials.
pub async fn registrations(simulator: &Platform) -> Vec<Value> {
    let response = reqwest::get(format!("http://{}/_platform/registrations", simulator.address)).await.unwrap();
    response.json().await.unwrap()
}

/// Options that send the sample messages of all services to an account once, at a high rate.
#[must_use]
pub fn send_options(simulator: &Platform, account: &str) -> SendOptions {
    SendOptions {
        to: format!("http://{}", simulator.address),
        account: Some(account.to_owned()),
        url: None,
        username: None,
        password: None,
        service: Vec::new(),
        all: true,
        transport: None,
        message: Vec::new(),
        guesses: false,
        count: None,
        seconds: None,
        rate: 200.0,
        devices: 1,
        resend: Resend::Measured,
        documented_interval: 0.2,
        password_lag: 840,
        duplicates: 0.0,
        reorder: 0,
        rubbish: 0.0,
        in_flight: 500,
        ledger: None,
        seed: Some(7),
        origin: None,
        from: None,
        json: false,
        quiet: true,
    }
}
