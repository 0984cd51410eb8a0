//! A running simulator of the platform.

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
