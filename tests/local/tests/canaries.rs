//! No secret, text or identifier of a message reaches a place where it must not be, on any path.
//!
//! Every value below is a canary: unique, and searched in everything that the functions write. [`TABLE`] states where
//! each may be. Every scenario runs in both transports where it has one; the test fails if a canary is found where it
//! must not be, and if it is not found where it may be: then the search or the table is wrong.

mod evidence;
mod functions;
mod messages;
mod registrar;

use evidence::Evidence;

/// The places, in the order of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What the functions log, at every level that they can log.
    Log,
    /// The lines of metrics.
    Metrics,
    /// Answers to callbacks: headers and bodies.
    Answer,
    /// Answers of the query API: headers and bodies.
    QueryAnswer,
    /// Rows of the table.
    Table,
    /// `quarantined-callbacks`: whole callbacks, encrypted at rest.
    Quarantine,
    /// `parked-callbacks`: whole callbacks, encrypted at rest.
    Parked,
    /// The publisher's dead-letter queue: events, encrypted at rest.
    DeadLetters,
    /// Messages to SNS.
    Topic,
    /// What a function returns to Lambda, and the reason that it states to CloudFormation.
    FunctionResult,
    /// The registrar's table.
    RegistrarTable,
    /// Requests to the platform.
    PlatformRequest,
}

impl Place {
    const ALL: [Self; 12] = [
        Self::Log,
        Self::Metrics,
        Self::Answer,
        Self::QueryAnswer,
        Self::Table,
        Self::Quarantine,
        Self::Parked,
        Self::DeadLetters,
        Self::Topic,
        Self::FunctionResult,
        Self::RegistrarTable,
        Self::PlatformRequest,
    ];
}

/// Canaries of one kind, and in which places they are.
struct Row {
    canaries: &'static [(&'static str, &'static str)],
    places: [bool; Place::ALL.len()],
}

const USERNAME: &str = "70001canaryUser";
const PASSWORD: &str = "70002canaryWord";
const PENDING_PASSWORD: &str = "70003canaryWord";
const WRONG_PASSWORD: &str = "70004canaryWord";
const DEVICE_CREDENTIAL: &str = "70005canaryCredential";
const SMS_TEXT: &str = "70006canarySms";
const FREE_TEXT: &str = "70007canaryText";
const REQUEST_ID: &str = "70008canaryRequest";
const LOGIN_PASSWORD: &str = "70009canaryLogin";
const APPLICATION_KEY: &str = "70010canaryKey";
const APPLICATION_SECRET: &str = "70011canarySecret";
const OAUTH_TOKEN: &str = "70012canaryOauth";
const SESSION_TOKEN: &str = "70013canarySession";
const RESPONSE_SIGNATURE: &str = "70014canarySignature";

/// An identifier of every kind.
const IDENTIFIERS: [(&str, &str); 9] = [
    ("mdn", "5550170021"),
    ("msisdn", "15550170022"),
    ("min", "5550170023"),
    ("iccid", "89148000005550170024"),
    ("imsi", "311480555170025"),
    ("imei", "990000055517002"),
    ("meid", "A1000055517027"),
    ("esn", "80517028"),
    ("eid", "89033023425550000000000055170029"),
];

const Y: bool = true;
const N: bool = false;

/// What is where. A place that is added needs a column here: [`Place::ALL`] is the length of each row.
#[rustfmt::skip]
const TABLE: [Row; 8] = [
    //                            Log Met Ans Que Tab Qua Par Dea Top Fun Reg Pla
    Row { canaries: &[("user name of callbacks", USERNAME), ("password of callbacks", PASSWORD)],
          places:                [ N,  N,  N,  N,  N,  Y,  Y,  N,  N,  N,  N,  Y] },
    Row { canaries: &[("pending password of callbacks", PENDING_PASSWORD)],
          places:                [ N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  Y] },
    Row { canaries: &[("wrong password", WRONG_PASSWORD)],
          places:                [ N,  N,  N,  N,  N,  Y,  N,  N,  N,  N,  N,  N] },
    Row { canaries: &[("deviceCredential", DEVICE_CREDENTIAL)],
          places:                [ N,  N,  N,  N,  N,  Y,  Y,  N,  N,  N,  N,  N] },
    Row { canaries: &[("text of an SMS", SMS_TEXT), ("any other text", FREE_TEXT), ("request id", REQUEST_ID)],
          places:                [ N,  N,  N,  Y,  Y,  Y,  Y,  Y,  Y,  N,  N,  N] },
    Row { canaries: &IDENTIFIERS,
          places:                [ N,  N,  N,  Y,  Y,  Y,  Y,  Y,  Y,  N,  N,  N] },
    Row { canaries: &[("password of the login", LOGIN_PASSWORD), ("key of the application", APPLICATION_KEY),
                      ("secret of the application", APPLICATION_SECRET), ("OAuth token", OAUTH_TOKEN),
                      ("session token", SESSION_TOKEN)],
          places:                [ N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  Y] },
    Row { canaries: &[("signature of CloudFormation's URL", RESPONSE_SIGNATURE)],
          places:                [ N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N] },
];

#[tokio::test]
async fn every_canary_is_only_where_it_may_be() {
    let evidence = Evidence::default();
    let _guard = evidence.collect_log();
    functions::run(&evidence).await;
    registrar::run(&evidence).await;

    let mut wrong = Vec::new();
    for Row { canaries, places } in &TABLE {
        for (name, canary) in *canaries {
            for (place, may_be_there) in Place::ALL.into_iter().zip(places) {
                match (evidence.find(place, canary), may_be_there) {
                    (Some(text), false) => wrong.push(format!("{name} is in {place:?}: {text}")),
                    (None, true) => wrong.push(format!("{name} is not in {place:?}")),
                    _ => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The log says what happened, for the operator.
    for expected in ["Callback recorded.", "Callback refused.", "DynamoDB failed (AccessDeniedException)"] {
        assert!(evidence.find(Place::Log, expected).is_some(), "{expected}");
    }
}
