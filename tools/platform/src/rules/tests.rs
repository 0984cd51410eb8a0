//! What needs only the rules: times, names, ports and lengths.

use jiff::{SignedDuration, Timestamp};

use super::{AccessSettings, Api, Book, Credentials, Fault, Listener, QueuedSms, Route, Rules, SMS_SERVICE};

const ACCOUNT: &str = "0000123456-00001";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn rules(any_port: bool) -> Rules {
    let settings = AccessSettings {
        application: Credentials::new("key", "secret"),
        login: Credentials::new("user", "word"),
        token_lifetime: SignedDuration::from_secs(100),
        session_idle: SignedDuration::from_secs(20),
    };
    let accounts = [ACCOUNT.to_owned(), "TestAccount-2".to_owned()].into();
    Rules::new(settings, any_port, Book { accounts, ..Book::default() })
}

fn logged_in() -> Rules {
    let mut rules = rules(false);
    rules.log_in(&Credentials::new("user", "word"), "s".to_owned(), at(0)).unwrap();
    rules
}

fn listener(service: &str, url: &str, username: &str, password: &str) -> Listener {
    let (account, credentials) = (ACCOUNT.to_owned(), Credentials::new(username, password));
    Listener { account, service: service.to_owned(), url: url.to_owned(), credentials }
}

fn of(service: &str) -> Listener {
    listener(service, "https://example.com/", "", "")
}

#[test]
fn a_token_is_the_same_until_it_ends() {
    let mut rules = rules(false);
    let application = Credentials::new("key", "secret");
    let mut token = |fresh: &str, seconds| rules.token(&application, fresh.to_owned(), at(seconds)).unwrap();
    assert_eq!(token("first", 0), token("second", 99));
    let later = token("third", 100);
    assert_eq!((later.value.as_str(), later.expires), ("third", at(200)));
    assert!(!rules.admits("first", at(100)) && rules.admits("third", at(199)) && !rules.admits("third", at(200)));
    assert!(rules.token(&Credentials::new("key", "Secret"), "x".to_owned(), at(0)).is_err());
}

#[test]
fn a_session_lives_as_long_as_it_is_used_every_twenty_minutes() {
    let mut rules = logged_in();
    for moment in [19, 38, 57] {
        assert_eq!(rules.list("s", Api::Rest, ACCOUNT, at(moment)), Ok(Vec::new()));
    }
    assert_eq!(rules.list("s", Api::Rest, ACCOUNT, at(77)), Err(Fault::SessionExpired));
    assert_eq!(rules.list("t", Api::Rest, ACCOUNT, at(77)), Err(Fault::SessionInvalid));
}

#[test]
fn a_session_that_was_logged_out_is_no_session() {
    let mut rules = logged_in();
    rules.log_out("s", at(1)).unwrap();
    assert_eq!(rules.log_out("s", at(1)), Err(Fault::SessionInvalid));
}

#[test]
fn five_wrong_passwords_in_a_row_lock_and_a_right_one_between_resets_the_count() {
    let mut rules = rules(false);
    let log_in =
        |rules: &mut Rules, password| rules.log_in(&Credentials::new("user", password), "s".to_owned(), at(0)).err();
    for _ in 0..4 {
        assert_eq!(log_in(&mut rules, "wrong"), Some(Fault::WrongLogin));
    }
    assert_eq!(log_in(&mut rules, "word"), None);
    for _ in 0..5 {
        assert_eq!(log_in(&mut rules, "wrong"), Some(Fault::WrongLogin));
    }
    assert_eq!(log_in(&mut rules, "word"), Some(Fault::Locked));
    rules.unlock();
    assert_eq!(log_in(&mut rules, "word"), None);
}

#[test]
fn each_api_knows_the_services_of_its_own_page() {
    let mut rules = logged_in();
    for (api, service, known) in [
        (Api::Rest, "StateService", true),
        (Api::Soap, "StateService", false),
        (Api::Rest, "DeviceProfileService", true),
        (Api::Soap, "DeviceProfileService", false),
        (Api::Soap, "AlertService", true),
        (Api::Rest, "AlertsService", false),
        (Api::Soap, "PromoChange", false),
        (Api::Rest, "carrierservice", false),
        (Api::Rest, "NiddService", false),
    ] {
        let expected = if known { Ok(()) } else { Err(Fault::ServiceName) };
        assert_eq!(rules.register("s", api, of(service), at(1)), expected, "{api:?} {service}");
    }
}

#[test]
fn only_the_documented_ports_of_http_and_https_are_taken() {
    let mut rules = logged_in();
    let mut register = |url: &str| rules.register("s", Api::Rest, listener("DeviceUsage", url, "", ""), at(1));
    for port in [80, 443, 9001, 9006, 28200, 28220, 50551, 50559] {
        assert_eq!(register(&format!("http://example.com:{port}/x")), Ok(()), "{port}");
        assert_eq!(register(&format!("https://example.com:{port}/x")), Ok(()), "{port}");
    }
    for port in [1, 81, 8080, 8443, 9000, 9007, 28199, 28221, 50550, 50560] {
        assert_eq!(register(&format!("https://example.com:{port}/x")), Err(Fault::Url), "{port}");
    }
    for url in ["", "example.com", "/x", "ftp://example.com:80/", "http://", "http://example.com:99999/"] {
        assert_eq!(register(url), Err(Fault::Url), "{url}");
    }
}

#[test]
fn credentials_for_callbacks_are_short_and_not_those_of_the_login() {
    let mut rules = logged_in();
    let mut register = |username: &str, password: &str| {
        rules.register("s", Api::Rest, listener("DeviceUsage", "http://example.com", username, password), at(1))
    };
    let (forty, more) = ("ü".repeat(40), "ü".repeat(41));
    assert_eq!(register(&forty, &forty), Ok(()));
    assert_eq!(register(&more, ""), Err(Fault::CredentialsTooLong));
    assert_eq!(register("", &more), Err(Fault::CredentialsTooLong));
    assert_eq!(register("user", "other"), Err(Fault::CredentialsOfLogin));
    assert_eq!(register("other", "word"), Err(Fault::CredentialsOfLogin));
}

#[test]
fn an_account_is_known_by_its_exact_name() {
    let mut rules = logged_in();
    for account in ["123456-00001", "testaccount-2", "", "0000123456-00002"] {
        assert_eq!(rules.list("s", Api::Rest, account, at(1)), Err(Fault::AccountNotFound), "{account}");
    }
}

#[test]
fn the_former_credentials_are_known_after_new_ones_and_not_after_the_same() {
    let mut rules = logged_in();
    let register = |rules: &mut Rules, password, moment| {
        let listener = listener("DeviceUsage", "http://example.com", "u", password);
        rules.register("s", Api::Rest, listener, at(moment)).unwrap();
        rules.book.registrations.first().unwrap().former.clone()
    };
    assert_eq!(register(&mut rules, "one", 1), None);
    assert_eq!(register(&mut rules, "one", 2), None);
    let former = register(&mut rules, "two", 3).unwrap();
    assert_eq!((former.credentials.password.as_str(), former.replaced_at), ("one", at(3)));
    assert_eq!(register(&mut rules, "two", 4), Some(former), "a registration that changes nothing forgets nothing");
}

#[test]
fn nothing_shows_the_credentials_when_it_is_debugged() {
    let shown = format!("{:?}", listener("DeviceUsage", "http://example.com", "hunter", "hunter2"));
    assert!(!shown.contains("hunter"), "{shown}");
}

fn sms(id: &str, account: &str) -> QueuedSms {
    let route = Route { origin: None, from: None, password_lag: 0 };
    let (id, account, body) = (id.to_owned(), account.to_owned(), "{}".to_owned());
    QueuedSms { id, account, queued_at: at(0), file: String::new(), body, route, sending: false }
}

#[test]
fn queued_text_messages_of_an_account_are_sent_on_request_and_stay_queued_until_they_are_acknowledged() {
    let mut rules = logged_in();
    rules.queue_sms(vec![sms("1", ACCOUNT), sms("2", "TestAccount-2"), sms("3", ACCOUNT)]);
    rules.queue_sms(vec![sms("1", ACCOUNT)]);
    let start = |rules: &mut Rules| {
        let started = rules.start_sms("s", ACCOUNT, at(0)).unwrap();
        started.map(|(_, messages)| messages.into_iter().map(|sms| sms.id).collect::<Vec<_>>())
    };
    assert_eq!(start(&mut rules), None, "there is no listener");
    rules.register("s", Api::Soap, of(SMS_SERVICE), at(0)).unwrap();
    assert_eq!(start(&mut rules).unwrap(), ["1", "3"]);
    assert_eq!(start(&mut rules).unwrap(), [""; 0], "they are being sent");
    rules.finish_sms("1", true);
    rules.finish_sms("3", false);
    assert_eq!(start(&mut rules).unwrap(), ["3"]);
    let left: Vec<_> = rules.book.sms.iter().map(|sms| sms.id.as_str()).collect();
    assert_eq!(left, ["2", "3"]);
    assert_eq!(rules.start_sms("t", ACCOUNT, at(0)).unwrap_err(), Fault::SessionInvalid);
    assert_eq!(rules.start_sms("s", "0000123456-00009", at(0)).unwrap_err(), Fault::AccountNotFound);
}
