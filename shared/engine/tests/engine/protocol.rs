//! The protocol: refusals that the SDK parses into exceptions, and a connector that can be wrapped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use handrail_engine::{Engine, EngineConnector};

use crate::table::{TABLE, engine_with_table, get, item, put};

#[tokio::test]
async fn missing_table_returns_resource_not_found() {
    let client = Engine::in_memory().unwrap().client();
    let request = client.get_item().table_name(TABLE);
    let refusal = request.set_key(Some(item([("pk", "a")]))).send().await.unwrap_err();
    let status = refusal.raw_response().unwrap().status().as_u16();
    assert_eq!(status, 400);
    let refusal = refusal.into_service_error();
    assert!(matches!(refusal, GetItemError::ResourceNotFoundException(_)), "{refusal:?}");
    assert!(refusal.meta().message().is_some());
}

#[tokio::test]
async fn table_is_created_once_described_listed_deleted() {
    let engine = engine_with_table().await;
    let client = engine.client();
    let described = client.describe_table().table_name(TABLE).send().await.unwrap();
    let description = described.table().unwrap();
    assert_eq!(description.global_secondary_indexes().len(), 3);
    let again = client
        .create_table()
        .table_name(TABLE)
        .set_key_schema(description.key_schema.clone())
        .attribute_definitions(description.attribute_definitions()[0].clone())
        .attribute_definitions(description.attribute_definitions()[1].clone())
        .billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(matches!(again, CreateTableError::ResourceInUseException(_)), "{again:?}");
    assert_eq!(client.list_tables().send().await.unwrap().table_names(), [TABLE]);
    client.delete_table().table_name(TABLE).send().await.unwrap();
    assert!(client.list_tables().send().await.unwrap().table_names().is_empty());
}

#[tokio::test]
async fn invalid_expression_returns_validation_exception() {
    let client = engine_with_table().await.client();
    let refusal = client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(item([("pk", "a"), ("sk", "1")])))
        .update_expression("SET nonsense")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(refusal.meta().code(), Some("ValidationException"));
}

#[tokio::test]
async fn unknown_operation_returns_unknown_operation_exception() {
    let client = engine_with_table().await.client();
    let refusal = client.list_backups().send().await.unwrap_err().into_service_error();
    assert_eq!(refusal.meta().code(), Some("UnknownOperationException"));
}

#[derive(Debug)]
struct CountingConnector {
    inner: EngineConnector,
    calls: Arc<AtomicUsize>,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.call(request)
    }
}

#[tokio::test]
async fn wrapped_connector_receives_every_request() {
    let engine = engine_with_table().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = SharedHttpConnector::new(CountingConnector { inner: engine.connector(), calls: Arc::clone(&calls) });
    let client = engine.client_with_http_client(http_client_fn(move |_, _| counting.clone()));
    put(&client, item([("pk", "a"), ("sk", "1")])).await;
    assert!(get(&client, "a", "1").await.is_some());
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn invalid_database_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.db");
    std::fs::write(&file, "not a database, and long enough to be looked at as if it were one").unwrap();
    let refusal = Engine::open(&file).unwrap_err().to_string();
    assert!(refusal.contains("text.db"), "{refusal}");
    assert!(Engine::open(&directory.path().join("no/such/directory.db")).is_err());
}
