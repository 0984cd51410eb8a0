//! The Lambda function that reads devices and requests.

use std::time::Duration;

use device::store::Store;
use device_query::{Name, Page, Query, answer};
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let client = aws_sdk_dynamodb::Client::new(&aws::config(Duration::from_secs(5)).await);
    let store = &Store::new(client, std::env::var("TABLE_NAME")?, 0);
    lambda_http::run(service_fn(|request| async move { Ok::<_, Error>(answer(store, &query(&request)).await) })).await
}

/// What the resource of the API asks for. The path would not tell: an identifier could be "events".
fn query(request: &Request) -> Query {
    let resource = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let (path, parameters) = (request.path_parameters(), request.query_string_parameters());
    let in_path = |name| path.first(name).unwrap_or_default().to_owned();
    let page = || Page {
        after: parameters.first("after").map(str::to_owned),
        limit: parameters.first("limit").map(str::to_owned),
    };
    match resource.as_str() {
        "/requests/{requestId}" => Query::Request(in_path("requestId"), page()),
        other => {
            let name = Name { kind: in_path("kind"), value: in_path("value") };
            if other.ends_with("/events") { Query::Events(name, page()) } else { Query::Device(name) }
        }
    }
}
