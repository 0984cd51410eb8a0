//! Text messages from devices (SMS), which the platform queues if they cannot be delivered, and their second delivery.

use std::sync::Arc;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

use super::delivery::{Addressed, Delivery, Resend};
use super::plan::{Planned, Sample};
use super::report::Sent;
use super::template::{SlotValues, Template};
use crate::random::{token, uuid};
use crate::rules::{Credentials, QueuedSms, Registration, Route, SMS_SERVICE};

/// Whether a message is one that the platform would queue.
pub(super) fn is_queued(planned: &Planned) -> bool {
    let sample = &planned.sample;
    sample.service == SMS_SERVICE && sample.template.is_device_sms() && !planned.duplicate && planned.rubbish.is_none()
}

/// The message as it is queued: for its device, and without credentials.
pub(super) fn queued(planned: &Planned, account: &str, route: Route) -> QueuedSms {
    let Planned { sample, device, request_id, .. } = planned;
    let credentials = &Credentials::default();
    let values = SlotValues { credentials, request_id, account, device: *device, resends: 0 };
    QueuedSms {
        id: token(),
        account: account.to_owned(),
        queued_at: Timestamp::now(),
        file: sample.file.clone(),
        body: sample.template.render(&values),
        route,
        sending: false,
    }
}

/// Sends a queued message to the listener that is registered now, with resends. Returns whether it was acknowledged, and
/// what to print.
pub(crate) async fn send_again(
    client: reqwest::Client,
    listener: &Registration,
    sms: &QueuedSms,
) -> anyhow::Result<(bool, Sent)> {
    let Route { origin, from, password_lag } = &sms.route;
    let origin = origin.as_deref().map(Url::parse).transpose().context("the origin is not a URL")?;
    let url = listener.url_at(origin.as_ref())?;
    let mut random = fastrand::Rng::new();
    let (credentials, _) = listener.next_credentials(SignedDuration::from_secs((*password_lag).into()), &mut random);
    let template = Template::read(sms.body.as_bytes())?;
    let sample = Arc::new(Sample { service: SMS_SERVICE.to_owned(), file: sms.file.clone(), template });
    let planned = Planned { sample, device: 0, request_id: uuid(&mut random), duplicate: false, rubbish: None };
    let message = Addressed {
        template: &planned.sample.template,
        url: url.as_str(),
        credentials,
        request_id: &planned.request_id,
        account: &listener.account,
        device: planned.device,
        rubbish: None,
    };
    let delivery = Delivery {
        client,
        resend: Resend::Measured,
        documented_interval: Delivery::DOCUMENTED_INTERVAL,
        from: from.clone(),
    };
    let outcome = delivery.deliver(&message, random.fork()).await;
    Ok((outcome.acknowledged, Sent::new(&planned, &outcome)))
}
