//! An HTTP client that keeps to a share: every request of a service that is counted waits for its turn, repetitions included.

use std::sync::Arc;

use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};

use crate::pace::{Api, Paces};

/// The same client at this pace.
pub(super) fn paced(client: SharedHttpClient, paces: Arc<Paces>) -> SharedHttpClient {
    SharedHttpClient::new(Paced { inner: client, paces })
}

/// A client, or one of its connectors, that waits before it sends.
#[derive(Debug)]
struct Paced<T> {
    inner: T,
    paces: Arc<Paces>,
}

impl HttpClient for Paced<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Paced { inner, paces: Arc::clone(&self.paces) })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for Paced<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").map(str::to_owned);
        let (inner, paces) = (self.inner.clone(), Arc::clone(&self.paces));
        HttpConnectorFuture::new(async move {
            if let Some((api, operation)) = target.as_deref().and_then(Api::of_target) {
                paces.turn(api, operation).await;
            }
            inner.call(request).await
        })
    }
}
