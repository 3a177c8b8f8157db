//! A world that is served on a port, and a client that can send it anything.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use simulator::{Caller, CallerKind, World, http};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{ManualClock, account};

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) async fn served(world: World) -> Served {
    let member = Caller::new("app", account("333344445555"), CallerKind::Member);
    served_to(world, http::Callers::default().with("AKIAMEMBER", member)).await
}

/// A world that is served to these callers.
pub(crate) async fn served_to(world: World, callers: http::Callers) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = Arc::new(Mutex::new(world));
    let clock = ManualClock::new();
    tokio::spawn(http::serve(
        listener,
        Arc::clone(&world),
        Arc::clone(&clock) as _,
        callers,
        std::future::pending(),
    ));
    Served { address, world, clock }
}

impl Served {
    /// Sends bytes and reads until the server closes the connection; an error counts as nothing read.
    pub(crate) async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> (u16, String, Value) {
        self.answer(method, path, headers, body)
            .await
            .unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// The same; `None` where the connection is closed without an answer.
    async fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Option<(u16, String, Value)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        let answer = self.exchange(&[head.as_bytes(), body].concat()).await;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some((status, head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    #[expect(clippy::unused_self, reason = "a call is made with the server that it goes to")]
    /// The headers of a call, signed with a key for the target's service.
    pub(crate) fn headers(&self, target: &str, key: &str) -> String {
        let service = match target.split('.').next().unwrap_or_default() {
            "AWSOrganizationsV20161128" => "organizations",
            "AWSIdentityStore" => "identitystore",
            "ResourceGroupsTaggingAPI_20170126" => "tagging",
            "AWSEvents" => "events",
            _ => "sso",
        };
        format!(
            "x-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.1\r\nx-amz-date: 20261121T120000Z\r\nauthorization: \
             AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature={}\r\n",
            "0".repeat(64)
        )
    }

    pub(crate) async fn call(&self, target: &str, key: &str, body: &[u8]) -> (u16, Value) {
        self.try_call(target, key, body).await.unwrap_or_else(|| panic!("no answer to {target}"))
    }

    /// The same; `None` where the connection is closed without an answer.
    pub(crate) async fn try_call(&self, target: &str, key: &str, body: &[u8]) -> Option<(u16, Value)> {
        let (status, head, body) = self.answer("POST", "/", &self.headers(target, key), body).await?;
        assert!(head.to_lowercase().contains("x-amzn-requestid: "), "{head}");
        Some((status, body))
    }
}
