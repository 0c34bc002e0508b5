//! The end of the wire: an SDK request goes in, an HTTP answer comes out, no socket in between.
//!
//! Timeouts of the SDK's HTTP settings are not applied here, since there is nothing to connect
//! to; an operation timeout of the SDK works as everywhere.

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

use crate::desk::Desk;
use crate::dispatch::dispatch;

/// Answers the requests of an SDK client from the engine it came from.
#[derive(Clone)]
pub struct EngineConnector {
    desk: Arc<Desk>,
}

impl HttpConnector for EngineConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let desk = Arc::clone(&self.desk);
        HttpConnectorFuture::new(async move { answer(&desk, request).await })
    }
}

impl HttpClient for EngineConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl EngineConnector {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }
}

async fn answer(desk: &Desk, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
    let body = ByteStream::new(request.take_body())
        .collect()
        .await
        .map_err(|fault| ConnectorError::io(fault.into()))?
        .into_bytes();
    let answer = desk
        .turn(move |tools| dispatch(&tools.database, &target, &body))
        .await
        .map_err(|fault| ConnectorError::other(fault.into(), None))?;
    let status = answer.status.try_into().map_err(|fault| ConnectorError::other(Box::new(fault), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

impl fmt::Debug for EngineConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EngineConnector")
    }
}
