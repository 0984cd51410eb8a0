//! Text messages from devices have no id: which are duplicates and which are new.

use enhanced_connectivity_service::SERVICE;
use jiff::SignedDuration;
use local_tests::events_recorded;

const GOLDEN: &str = include_str!("../../../events/enhanced-connectivity-service/soap/1-sms-from-device.xml");

/// The number of recorded events after these deliveries, each at a time in seconds.
async fn recorded_events(deliveries: &[(f64, &str)]) -> usize {
    let deliveries = deliveries.iter().map(|(seconds, body)| (SignedDuration::from_secs_f64(*seconds), *body));
    events_recorded(&SERVICE, "esn/60000008", deliveries).await
}

fn with_count(count: u32) -> String {
    GOLDEN.replace("</SmsCallbackRequest>", &format!("<CallbackCount>{count}</CallbackCount></SmsCallbackRequest>"))
}

#[tokio::test]
async fn a_resend_is_the_same_message() {
    assert_eq!(recorded_events(&[(0.0, GOLDEN), (1.3, GOLDEN), (4.0, GOLDEN), (9.0, GOLDEN)]).await, 1);
}

#[tokio::test]
async fn the_same_text_again_later_is_another_message() {
    assert_eq!(recorded_events(&[(0.0, GOLDEN), (11.0, GOLDEN), (60.0, GOLDEN), (86_400.0, GOLDEN)]).await, 4);
}

#[tokio::test]
async fn another_text_is_another_message_at_once() {
    let other = GOLDEN.replace("SmsMessage>", "SmsMessage>again ");
    let other = other.replace("</SmsMessage>again ", "</SmsMessage>");
    assert_eq!(recorded_events(&[(0.0, GOLDEN), (0.1, &other)]).await, 2);
}

#[tokio::test]
async fn a_resend_with_a_higher_count_is_the_same_message_within_the_measured_time() {
    let (first, second) = (with_count(1), with_count(2));
    assert_eq!(recorded_events(&[(0.0, &first), (1.3, &second)]).await, 1);
    assert_eq!(recorded_events(&[(0.0, &first), (4.2, &second)]).await, 1);
    assert_eq!(recorded_events(&[(4.0, &second), (0.0, &first)]).await, 1, "in any order");
}

#[tokio::test]
async fn two_first_attempts_are_two_equal_messages() {
    let first = with_count(1);
    assert_eq!(recorded_events(&[(0.0, &first), (2.0, &first)]).await, 2);
    assert_eq!(recorded_events(&[(0.0, &first), (300.0, &first)]).await, 2);
}

#[tokio::test]
async fn a_resend_of_a_refused_text_is_not_a_duplicate_of_the_text_before() {
    let (first, second, third) = (with_count(1), with_count(2), with_count(3));
    assert_eq!(recorded_events(&[(0.0, &first), (61.3, &second)]).await, 2);
    assert_eq!(recorded_events(&[(0.0, &first), (301.3, &second), (601.3, &third)]).await, 3);
}
