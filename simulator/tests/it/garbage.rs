//! What clients should never send, and a server that goes on all the same.

use std::time::Duration;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use simulator::Settings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    served::{Served, served},
    support::{locked, small},
};

const GOOD: &str = "SWBExternalService.ListInstances";

impl Served {
    async fn still_answers(&self) {
        let (status, body) = self.call(GOOD, "AKIAANY", b"{}").await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["Instances"].as_array().unwrap().len(), 1);
    }

    fn request(&self, body: &str) -> String {
        let headers = self.headers(GOOD, "AKIAANY");
        format!("POST / HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
    }

    /// Sends bytes, reads for a moment what comes, and goes away.
    async fn throw(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let mut answer = [0; 1024];
        let _ = tokio::time::timeout(Duration::from_millis(5), stream.read(&mut answer)).await;
    }
}

#[tokio::test]
async fn a_storm_of_garbage_leaves_the_server_as_it_was() {
    let served = served(small(Settings::default())).await;
    let before = locked(&served.world).assignments();
    let good = served.request("{}");
    for bytes in [
        &b"\0\0\0\0"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\nx-amz-target: \xff\xfe\r\n\r\n",
        b"GET /_usher/\xff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /_usher/faults HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n\xff\xff\xff",
    ] {
        served.throw(bytes).await;
    }
    let header = format!("POST / HTTP/1.1\r\nx-long: {}\r\n\r\n", "a".repeat(1_000_000));
    served.throw(header.as_bytes()).await;
    let many = format!("POST / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    served.throw(many.as_bytes()).await;
    // A good request that is cut at every eighth byte, and one with single bytes changed by chance.
    for end in (0..good.len()).step_by(8) {
        served.throw(&good.as_bytes()[..end]).await;
    }
    let seed = [7; 32];
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let changes = prop::collection::vec((0..good.len(), any::<u8>()), 1..6);
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    for _ in 0..60 {
        let mut bytes = good.clone().into_bytes();
        for (at, byte) in changes.new_tree(&mut runner).unwrap().current() {
            bytes[at] = byte;
        }
        served.throw(&bytes).await;
        served.throw(&noise.new_tree(&mut runner).unwrap().current()).await;
    }
    served.still_answers().await;
    assert_eq!(locked(&served.world).assignments(), before);
}

#[tokio::test]
async fn slow_and_silent_clients_hold_up_nobody() {
    let served = served(small(Settings::default())).await;
    let request = served.request("{}");
    let (first, second) = request.as_bytes().split_at(request.len() - 1);
    let mut open = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(first).await.unwrap();
        open.push(stream);
    }
    served.still_answers().await;
    // The last byte comes late, and is answered all the same.
    let mut patient = open.pop().unwrap();
    patient.write_all(second).await.unwrap();
    let mut answer = [0; 15];
    patient.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let served = served(small(Settings::default())).await;
    let unknown = served.request("{}").replace("ListInstances", "ListNothing");
    let last = served.request("{}").replace("\r\nhost", "\r\nconnection: close\r\nhost");
    let answers = served.exchange([served.request("{}"), unknown, last].concat().as_bytes()).await;
    let statuses: Vec<&str> =
        answers.split("HTTP/1.1 ").skip(1).map(|answer| answer.split(' ').next().unwrap()).collect();
    assert_eq!(statuses, ["200", "400", "200"]);
    assert!(answers.contains("UnknownOperationException"));
}

#[tokio::test]
async fn a_shutdown_waits_for_nobody_who_never_ends() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = std::sync::Arc::new(std::sync::Mutex::new(small(Settings::default())));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(simulator::http::serve(
        listener,
        world,
        crate::support::ManualClock::new() as _,
        simulator::http::Callers::default(),
        async move { ended.await.unwrap() },
    ));
    let mut stuck = TcpStream::connect(address).await.unwrap();
    stuck.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    end.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), serving)
        .await
        .expect("it waits for ever")
        .unwrap()
        .unwrap();
}
