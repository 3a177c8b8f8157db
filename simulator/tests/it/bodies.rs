//! Bodies that are longer than is taken, over a real socket: who sends them is told so, even if it listens only once it has sent all.

use serde_json::Value;
use simulator::Settings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    served::{Served, served},
    support::small,
};

const TARGET: &str = "AWSIdentityStore.GetGroupId";
const MIB: usize = 1024 * 1024;

/// A body in pieces whose lengths are told one by one.
fn chunked(length: usize) -> Vec<u8> {
    let piece = vec![b' '; 64 * 1024];
    let mut body = Vec::new();
    for _ in 0..length.div_ceil(piece.len()) {
        body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        body.extend_from_slice(&piece);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

async fn send_chunked(served: &Served, request: &str, headers: &str, length: usize) -> (u16, Value) {
    let head = format!(
        "{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}transfer-encoding: chunked\r\n\r\n"
    );
    let answer = served.exchange(&[head.as_bytes(), &chunked(length)].concat()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn a_body_that_is_too_long_is_told_so_however_it_comes() {
    let served = served(small(Settings::default())).await;
    let headers = served.headers(TARGET, "AKIAANY");
    for length in [2 * MIB, 20 * MIB] {
        let (status, body) = send_chunked(&served, "POST /", &headers, length).await;
        assert_eq!((status, body["__type"].as_str()), (413, Some("RequestEntityTooLargeException")));
        let (status, body) = served.call(TARGET, "AKIAANY", &vec![b' '; length]).await;
        assert_eq!((status, body["__type"].as_str()), (413, Some("RequestEntityTooLargeException")));
    }
    let too_long = |(status, body): (u16, Value)| {
        assert_eq!(status, 413);
        assert!(body["message"].as_str().unwrap().starts_with("the body is too long: at most"), "{body}");
    };
    too_long(send_chunked(&served, "POST /_usher/faults", "", 4 * MIB).await);
    too_long(send_chunked(&served, "PUT /_usher/state", "", 65 * MIB).await);
    for (method, path, length) in
        [("POST", "/_usher/faults", 4 * MIB), ("PUT", "/_usher/state", 64 * MIB + 1)]
    {
        let (status, _, body) = served.send(method, path, "", &vec![b' '; length]).await;
        too_long((status, body));
    }
    // What fits is taken, in pieces too; here it is read, and says nothing.
    let (status, body) = send_chunked(&served, "POST /", &headers, MIB).await;
    assert_eq!((status, body["__type"].as_str()), (400, Some("ValidationException")));
    let (status, body) = send_chunked(&served, "PUT /_usher/state", "", 3 * MIB).await;
    assert_eq!((status, body["line"].as_u64()), (400, Some(1)));
}

#[tokio::test]
async fn a_body_that_ends_early_is_told_so() {
    let served = served(small(Settings::default())).await;
    let headers = served.headers(TARGET, "AKIAANY");
    for (request, headers, expected) in [
        ("POST /", headers.as_str(), "SerializationException"),
        ("POST /_usher/faults", "", "the body ended before its end"),
        ("PUT /_usher/state", "", "the body ended before its end"),
    ] {
        let head = format!("{request} HTTP/1.1\r\nhost: a\r\n{headers}content-length: 100\r\n\r\n{{");
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(expected), "{answer}");
    }
}
