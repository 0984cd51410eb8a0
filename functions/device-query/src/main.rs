//! The Lambda function that reads device state.

use std::time::Duration;

use device::store::Store;
use device_query::{Page, Query, answer};
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let client = aws_sdk_dynamodb::Client::new(&aws::config(Duration::from_secs(5)).await);
    let store = &Store::new(client, std::env::var("TABLE_NAME")?, 0);
    lambda_http::run(service_fn(|request| async move { Ok::<_, Error>(answer(store, &query(&request)).await) })).await
}

fn query(request: &Request) -> Query {
    let path = request.path_parameters();
    let parameters = request.query_string_parameters();
    let parameter = |name| parameters.first(name).map(str::to_owned);
    let path_parameter = |name| path.first(name).unwrap_or_default().to_owned();
    // The resource and not the path: an identifier could be "events".
    let events = matches!(request.request_context_ref(), Some(RequestContext::ApiGatewayV1(context))
        if context.resource_path.as_deref().is_some_and(|resource| resource.ends_with("/events")));
    Query {
        kind: path_parameter("kind"),
        value: path_parameter("value"),
        events: events.then(|| Page { after: parameter("after"), limit: parameter("limit") }),
    }
}
