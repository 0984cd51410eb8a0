//! The Lambda function that reads devices and requests.

use std::time::Duration;

use device_query::{Page, Query, answer};
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt, service_fn};
use settings::Variables;
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let client = aws_sdk_dynamodb::Client::new(&aws::config(Duration::from_secs(5)).await);
    let store = &Store::new(client, Variables::of_process().required("TABLE_NAME")?, 0);
    lambda_http::run(service_fn(|request| async move { Ok::<_, Error>(answer(store, &query(&request)).await) })).await
}

fn query(request: &Request) -> Query {
    let resource = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let (path, parameters) = (request.path_parameters(), request.query_string_parameters());
    let parameter = |name| parameters.first(name).map(str::to_owned);
    let page = Page { after: parameter("after"), limit: parameter("limit") };
    Query::of(&resource, |name| path.first(name).unwrap_or_default().to_owned(), page)
}
