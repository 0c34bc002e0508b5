//! HTTP connector of the SDK that passes requests to the engine without a socket.
//!
//! The timeouts of the SDK's HTTP settings do not apply, because there is no connection; operation timeouts do.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::db_thread::DbThread;
use crate::dispatch::dispatch;

/// HTTP connector that responds to an SDK client from the engine.
#[derive(Clone)]
pub struct EngineConnector {
    db_thread: Arc<DbThread>,
}

impl HttpConnector for EngineConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let db_thread = Arc::clone(&self.db_thread);
        HttpConnectorFuture::new(async move { respond(&db_thread, request).await })
    }
}

impl HttpClient for EngineConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl EngineConnector {
    pub(crate) fn new(db_thread: Arc<DbThread>) -> Self {
        Self { db_thread }
    }
}

async fn respond(db_thread: &DbThread, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
    let body = ByteStream::new(request.take_body())
        .collect()
        .await
        .map_err(|fault| ConnectorError::io(fault.into()))?
        .into_bytes();
    let engine_response = db_thread
        .run(move |connections| dispatch(&connections.database, &target, &body))
        .await
        .map_err(|fault| ConnectorError::other(fault.into(), None))?;
    let status = engine_response.status.try_into().map_err(|fault| ConnectorError::other(Box::new(fault), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(engine_response.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

impl fmt::Debug for EngineConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EngineConnector")
    }
}
