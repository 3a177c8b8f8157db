//! An HTTP client that keeps to a share: every request of a service that is counted waits for its turn, repetitions included.
//!
//! Of the SDK's extension points only this one is asked for every attempt and may wait. But it lies within the SDK's time-outs of an
//! attempt and of a call, and a turn may be longer off than these: so the SDK sets none, and an attempt has its time here, from its turn on.

use std::{sync::Arc, time::Duration};

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

use super::http::NoAnswer;
use crate::pace::{Api, Paces};

/// For an attempt, where nothing is said.
const ATTEMPT: Duration = Duration::from_secs(20);

/// The same at this pace. A call takes as long as its turns are off, and no attempt longer from its turn on than before; the body of an
/// answer is left to the SDK's own guard against streams that stall.
pub(super) fn paced(config: &SdkConfig, paces: Arc<Paces>) -> Option<SdkConfig> {
    let said = config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
    let patience = said.operation_attempt_timeout().or(said.operation_timeout()).unwrap_or(ATTEMPT);
    let timeouts = said.to_builder().disable_operation_attempt_timeout().disable_operation_timeout().build();
    let client = SharedHttpClient::new(Paced { inner: config.http_client()?, paces, patience });
    Some(config.clone().into_builder().http_client(client).timeout_config(timeouts).build())
}

/// A client, or one of its connectors, that waits before it sends.
#[derive(Debug)]
struct Paced<T> {
    inner: T,
    paces: Arc<Paces>,
    /// For the head of an answer, once a request had its turn.
    patience: Duration,
}

impl HttpClient for Paced<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Paced { inner, paces: Arc::clone(&self.paces), patience: self.patience })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for Paced<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").map(str::to_owned);
        let (inner, paces, patience) = (self.inner.clone(), Arc::clone(&self.paces), self.patience);
        HttpConnectorFuture::new(async move {
            if let Some((api, operation)) = target.as_deref().and_then(Api::of_target) {
                paces.turn(api, operation).await;
            }
            match tokio::time::timeout(patience, inner.call(request)).await {
                Ok(answer) => answer,
                Err(_) => Err(ConnectorError::timeout(Box::new(NoAnswer(patience)))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_runtime_api::{
        client::{http::http_client_fn, orchestrator::HttpResponse},
        http::StatusCode,
    };
    use aws_smithy_types::body::SdkBody;
    use tokio::time::Instant;

    use super::*;
    use crate::{clock::TokioClock, pace::Share};

    /// What answers nothing to the first requests and then that there is no instance; counts what was sent.
    #[derive(Debug, Clone)]
    struct Answering {
        silent: usize,
        sent: Arc<AtomicUsize>,
    }

    impl HttpConnector for Answering {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            if self.sent.fetch_add(1, Ordering::SeqCst) < self.silent {
                return HttpConnectorFuture::new(std::future::pending());
            }
            let body = SdkBody::from(r#"{"Instances": []}"#);
            HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(200).unwrap(), body)))
        }
    }

    /// A client with the time-outs of a function, a call in fifty seconds, and how many requests it has sent.
    fn client(silent: usize) -> (aws_sdk_ssoadmin::Client, Arc<AtomicUsize>) {
        let answering = Answering { silent, sent: Arc::default() };
        let sent = Arc::clone(&answering.sent);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(20))
            .operation_timeout(Duration::from_mins(1))
            .build();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(answering.clone())))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "id", "s", None, None, "test",
            )))
            .build();
        let share = Share { sso_admin: 0.02, identity_store: 1.0, organizations: 1.0, burst: 1 };
        let clock = TokioClock::starting_at("2026-11-02T09:00:00Z".parse().unwrap());
        let config = paced(&config, Arc::new(Paces::new(share, Arc::new(clock)))).unwrap();
        (aws_sdk_ssoadmin::Client::new(&config), sent)
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_farther_off_than_any_time_out_is_waited_for_and_used_for_one_request() {
        let (client, sent) = client(0);
        let began = Instant::now();
        for _ in 0..4 {
            client.list_instances().send().await.unwrap();
        }
        let took = began.elapsed().as_secs();
        assert_eq!((took, sent.load(Ordering::SeqCst)), (150, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_not_answered_ends_in_its_time_and_the_next_one_takes_a_turn() {
        let (client, sent) = client(1);
        let began = Instant::now();
        client.list_instances().send().await.unwrap();
        let took = began.elapsed().as_secs();
        assert_eq!((took, sent.load(Ordering::SeqCst)), (50, 2), "twenty seconds, and then the turn");
    }
}
