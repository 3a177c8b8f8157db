//! The functions' HTTP client: one pool of connections for all services, with trust that costs nothing to load.
//!
//! The SDK's own client reads the system's certificates at the start and parses them once more for every service: most of what
//! a cold start would take. Here Mozilla's list of roots is part of the program, in the form in which it is compared with. It
//! is the list that the system's own comes from, and where `AWS_CA_BUNDLE` or `SSL_CERT_FILE` names another, that one holds.

use std::{error::Error, io, path::PathBuf, sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::{CaptureSmithyConnection, ConnectionMetadata},
        http::{
            HttpClient, HttpConnector as Connector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{
        Client, Error as ClientError,
        connect::{CaptureConnection, HttpConnector, HttpInfo, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};

/// Whom a server's certificate must come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// One of the roots in Mozilla's list, as it was when this program was built.
    Mozilla,
    /// One of those in these files: PEM, one certificate or many in each.
    Files { bundle: Option<PathBuf>, folder: Option<PathBuf> },
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error(
        "there is no certificate in {names}: `AWS_CA_BUNDLE`, `SSL_CERT_FILE` and `SSL_CERT_DIR` name PEM files, and without them the \
         roots that come with the program hold"
    )]
    NoCertificate { names: String },
    #[error("TLS can't be set up")]
    Tls(#[from] rustls::Error),
}

/// A client that trusts so, and gives up a TCP connection that isn't made in this time.
pub(super) fn client(trust: &Trust, connect_timeout: Duration) -> Result<SharedHttpClient, TrustError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_timeout));
    let https = HttpsConnector::from((tcp, tls(trust)?));
    let pool = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
    Ok(SharedHttpClient::new(Pool(pool)))
}

fn tls(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(trust)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(trust: &Trust) -> Result<RootCertStore, TrustError> {
    let (bundle, folder) = match trust {
        Trust::Mozilla => {
            return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
        }
        Trust::Files { bundle, folder } => (bundle.as_deref(), folder.as_deref()),
    };
    let mut roots = RootCertStore::empty();
    let read = rustls_native_certs::load_certs_from_paths(bundle, folder);
    for error in &read.errors {
        tracing::warn!(%error, "a certificate can't be read");
    }
    roots.add_parsable_certificates(read.certs);
    if roots.is_empty() {
        let names = [bundle, folder].into_iter().flatten().map(|path| format!("`{}`", path.display()));
        return Err(TrustError::NoCertificate { names: names.collect::<Vec<_>>().join(" or ") });
    }
    Ok(roots)
}

type Connections = Client<HttpsConnector<HttpConnector>, SdkBody>;

/// The connections, shared by all services.
#[derive(Debug, Clone)]
struct Pool(Connections);

impl HttpClient for Pool {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Sending { pool: self.0.clone(), patience: settings.read_timeout() })
    }
}

/// Sends the requests of one service's client.
#[derive(Debug)]
struct Sending {
    pool: Connections,
    /// For the head of an answer, with the making of a connection where that is needed.
    patience: Option<Duration>,
}

impl Connector for Sending {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        // After an answer such as 503 the SDK has the connection not used again.
        let capture = capture_connection(&mut request);
        if let Some(smithy) = request.extensions().get::<CaptureSmithyConnection>() {
            smithy.set_connection_retriever(move || connection(&capture));
        }
        let (answer, patience) = (self.pool.request(request), self.patience);
        HttpConnectorFuture::new(async move {
            let answer = match patience {
                None => answer.await,
                Some(patience) => tokio::time::timeout(patience, answer)
                    .await
                    .map_err(|_| ConnectorError::timeout(Box::new(NoAnswer(patience))))?,
            };
            let answer = answer.map_err(refused)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no answer began within {0:?}")]
pub(super) struct NoAnswer(pub(super) Duration);

/// The connection that a request went over, for the SDK to speak about.
fn connection(capture: &CaptureConnection) -> Option<ConnectionMetadata> {
    let mut extensions = http::Extensions::new();
    capture.connection_metadata().as_ref()?.get_extras(&mut extensions);
    let info = extensions.get::<HttpInfo>();
    let mut metadata = ConnectionMetadata::builder().proxied(false);
    metadata.set_local_addr(info.map(HttpInfo::local_addr));
    metadata.set_remote_addr(info.map(HttpInfo::remote_addr));
    let capture = capture.clone();
    let poison = move || {
        if let Some(connection) = capture.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(metadata.poison_fn(poison).build())
}

/// What a failed request means to the SDK, which decides by it whether to try again.
fn refused(error: ClientError) -> ConnectorError {
    if error.is_connect() {
        return ConnectorError::io(error.into());
    }
    match cause::<hyper::Error>(&error) {
        Some(http) if http.is_timeout() => ConnectorError::timeout(error.into()),
        Some(http) if http.is_user() => ConnectorError::user(error.into()),
        Some(http) if http.is_incomplete_message() => {
            ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
        }
        Some(http) if http.is_closed() || http.is_canceled() => ConnectorError::io(error.into()),
        Some(_) | None if cause::<io::Error>(&error).is_some() => ConnectorError::io(error.into()),
        Some(_) | None => ConnectorError::other(BoxError::from(error), None),
    }
}

/// The first error of this kind among an error's causes.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_roots_that_come_with_the_program_have_those_of_aws_among_them() {
        let roots = roots(&Trust::Mozilla).unwrap();
        assert!(roots.len() > 100, "{}", roots.len());
        let subjects: Vec<String> =
            roots.roots.iter().map(|root| String::from_utf8_lossy(&root.subject).into_owned()).collect();
        for of_aws in ["Amazon Root CA 1", "Amazon Root CA 2", "Amazon Root CA 3", "Amazon Root CA 4"] {
            assert!(subjects.iter().any(|subject| subject.contains(of_aws)), "{of_aws}");
        }
    }

    #[test]
    fn a_bundle_that_is_named_holds_alone_and_an_empty_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        let files = Trust::Files { bundle: Some(path.clone()), folder: None };
        fs::write(&path, "nothing").unwrap();
        let error = roots(&files).unwrap_err().to_string();
        assert!(error.contains("bundle.pem` ") || error.contains("bundle.pem`:"), "{error}");
        assert!(error.contains("`SSL_CERT_FILE`"), "{error}");

        fs::write(&path, include_str!("testing/root.pem")).unwrap();
        assert_eq!(roots(&files).unwrap().len(), 1);
        let whole = Trust::Files { bundle: None, folder: Some(folder.path().to_owned()) };
        assert_eq!(roots(&whole).unwrap().len(), 1);
        fs::remove_file(&path).unwrap();
        assert!(roots(&whole).is_err());
    }
}
