//! Text messages (SMS) that devices send during an outage: the platform queues them, and the registrar makes it send
//! them afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use local_tests::{Stack, serve, simulator_options};
use platform_simulator::send::{Report, Resend, SendOptions, send};
use platform_simulator::{Options, start};
use serde_json::{Value, json};

use crate::registrar::{Deployment, address, done};

const ACCOUNT: &str = "0000123456-00001";
const SERVICE: &str = "EnhancedConnectivityService";

/// A deployment whose callbacks reach a local stack, except during an outage.
struct Site {
    deployment: Deployment,
    stack: Arc<Stack>,
    origin: String,
    outage: Arc<AtomicBool>,
    api: &'static str,
}

impl Site {
    async fn with(api: &'static str, accounts: &str) -> Self {
        let (stack, outage) = (Arc::new(Stack::new().await), Arc::new(AtomicBool::new(false)));
        let (behind, is_out) = (stack.clone(), outage.clone());
        let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let (stack, is_out) = (behind.clone(), is_out.load(Ordering::SeqCst));
            async move {
                assert_eq!(uri.path(), format!("/v1/callbacks/{SERVICE}"));
                if is_out {
                    return StatusCode::SERVICE_UNAVAILABLE;
                }
                let content_type = headers["content-type"].to_str().unwrap();
                let (status, ..) = stack.post_to(SERVICE, Some(content_type), body.to_vec()).await;
                StatusCode::from_u16(status).unwrap()
            }
        });
        let deployment = Deployment::with(api, accounts).await;
        Self { deployment, stack, origin: serve(app).await, outage, api }
    }

    async fn registered(api: &'static str) -> Self {
        let site = Self::with(api, ACCOUNT).await;
        assert_eq!(site.deployment.request("Create", site.deployment.properties("all"), None).await, done());
        site
    }

    fn begin_outage(&self) {
        self.outage.store(true, Ordering::SeqCst);
    }

    fn end_outage(&self) {
        self.outage.store(false, Ordering::SeqCst);
    }

    /// Sends this sample message of each of three devices.
    async fn send(&self, message: &str) -> Report {
        let extension = if self.api == "rest" { "json" } else { "xml" };
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/enhanced-connectivity-service");
        let message = format!("{folder}/{}/{message}.{extension}", self.api);
        let options = SendOptions {
            to: format!("http://{}", self.deployment.simulator.address),
            account: Some(ACCOUNT.to_owned()),
            url: None,
            username: None,
            password: None,
            service: vec![SERVICE.to_owned()],
            all: false,
            transport: None,
            message: vec![message.into()],
            guesses: false,
            count: None,
            seconds: None,
            rate: 200.0,
            devices: 3,
            resend: Resend::Never,
            documented_interval: 0.2,
            password_lag: 0,
            duplicates: 0.0,
            reorder: 0,
            rubbish: 0.0,
            in_flight: 500,
            ledger: None,
            seed: None,
            origin: Some(self.origin.parse().unwrap()),
            from: None,
            json: false,
            quiet: true,
        };
        send(&options).await.unwrap()
    }

    async fn queue(&self) -> Vec<Value> {
        let url = format!("http://{}/_platform/sms", self.deployment.simulator.address);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }

    /// Waits until the queue is empty.
    async fn drained(&self) {
        for _ in 0..400 {
            if self.queue().await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{:#?}", self.queue().await);
    }

    /// The number of devices with a recorded SMS.
    async fn devices(&self) -> usize {
        self.stack.rows().await.iter().filter(|row| row["sk"].as_s().unwrap() == "STATE").count()
    }

    /// Asserts that nothing was requested. A request would have sent the messages by then.
    async fn assert_nothing_is_sent(&self) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!((self.queue().await.len(), self.devices().await), (3, 0));
    }
}

#[tokio::test]
async fn sms_of_an_outage_are_delivered_after_the_registrar_requests_them() {
    for api in ["rest", "soap"] {
        let site = Site::registered(api).await;
        site.begin_outage();
        let report = site.send("1-sms-from-device").await;
        assert_eq!((report.given_up, report.queued), (3, 3), "{report}");
        assert_eq!(site.send("3-sms-sent").await.queued, 0, "the answer to a request is not queued");
        let queue = site.queue().await;
        assert!(queue.len() == 3 && !json!(queue).to_string().contains("the first"), "no password: {queue:#?}");

        site.end_outage();
        site.assert_nothing_is_sent().await;
        site.deployment.handle(json!({ "resume": "sms" })).await.unwrap();
        site.drained().await;
        assert_eq!(site.devices().await, 3);
    }
}

#[tokio::test]
async fn sms_that_fail_again_stay_queued_until_the_next_request() {
    let site = Site::registered("rest").await;
    site.begin_outage();
    site.send("1-sms-from-device").await;
    site.deployment.handle(json!({ "resume": "sms" })).await.unwrap();
    assert_eq!(site.queue().await.len(), 3);
    site.end_outage();
    for _ in 0..400 {
        // A request starts only what is not being sent: the first one may still resend.
        site.deployment.handle(json!({ "resume": "sms" })).await.unwrap();
        if site.queue().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!((site.queue().await.len(), site.devices().await), (0, 3));
}

#[tokio::test]
async fn a_repaired_registration_requests_the_queued_sms_and_a_correct_one_does_not() {
    for api in ["rest", "soap"] {
        let site = Site::registered(api).await;
        site.begin_outage();
        site.send("1-sms-from-device").await;
        site.end_outage();
        if api == "rest" {
            // SOAP does not list credentials, so a check registers every service again.
            site.deployment.check().await.unwrap();
            site.assert_nothing_is_sent().await;
        }
        site.deployment.repoint("CarrierService", "https://elsewhere.example.com/v1").await;
        if api == "rest" {
            site.deployment.check().await.unwrap();
            site.assert_nothing_is_sent().await;
        }
        site.deployment.repoint(SERVICE, "https://elsewhere.example.com/v1").await;
        site.deployment.check().await.unwrap();
        site.drained().await;
        assert_eq!(site.devices().await, 3);
    }
}

#[tokio::test]
async fn a_failed_request_of_queued_sms_fails_no_deployment() {
    let site = Site::with("rest", ACCOUNT).await;
    let platform = address("rest", &site.deployment.simulator);
    let client = reqwest::Client::new();
    let requested = Arc::new(AtomicBool::new(false));
    let seen = requested.clone();
    let app = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let (client, seen) = (client.clone(), seen.clone());
        let url = format!("{}{}", platform.trim_end_matches("/api"), uri.path());
        async move {
            if uri.path().ends_with("/startCallbacks") {
                seen.store(true, Ordering::SeqCst);
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            let answer = client.request(method, url).headers(headers).body(body).send().await.unwrap();
            (answer.status(), answer.bytes().await.unwrap()).into_response() as Response
        }
    });
    let mut properties = site.deployment.properties("all");
    properties["PlatformUrl"] = json!(format!("{}/api", serve(app).await));
    properties["OnDeploy"] = json!("required");
    assert_eq!(site.deployment.request("Create", properties, None).await, done());
    assert!(requested.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_account_whose_queued_sms_cannot_be_requested_does_not_affect_the_others() {
    let site = Site::with("rest", &format!("0000123456-00009,{ACCOUNT}")).await;
    site.deployment.request("Create", site.deployment.properties("all"), None).await;
    site.begin_outage();
    site.send("1-sms-from-device").await;
    site.end_outage();
    let error = site.deployment.handle(json!({ "resume": "sms" })).await.unwrap_err();
    assert!(error.starts_with("1 of 1 failed: 0000123456-00009: the platform refuses: "), "{error}");
    site.drained().await;
    assert_eq!(site.devices().await, 3);
}

#[tokio::test]
async fn the_queue_outlives_the_simulator() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(directory.path().to_owned()), ..simulator_options() };
    let sms = json!([{
        "id": "1", "account": ACCOUNT, "queuedAt": "2026-01-01T00:00:00Z", "file": "sms.json", "body": "{}",
        "route": { "origin": null, "from": null, "passwordLag": 0 },
    }]);
    let first = start(options()).await.unwrap();
    let url = format!("http://{}/_platform/sms", first.address);
    assert_eq!(reqwest::Client::new().post(url).json(&sms).send().await.unwrap().status(), 200);
    drop(first);
    let second = start(options()).await.unwrap();
    let url = format!("http://{}/_platform/sms", second.address);
    assert_eq!(reqwest::get(url).await.unwrap().json::<Value>().await.unwrap(), sms);
}
