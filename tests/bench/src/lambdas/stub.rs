//! The Lambda Runtime API and the services, as far as a start needs them.

use std::{
    io::{self, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use super::aws::Aws;

/// How long a function may take for anything: a sweep keeps to its share of AWS's rates.
const PATIENCE: Duration = Duration::from_mins(5);

/// The Runtime API: tells when the first event is asked for, gives so many, and lets the next wait for ever.
pub(super) struct RuntimeApi {
    address: String,
    asked: Receiver<Instant>,
    failed: Arc<AtomicUsize>,
}

impl RuntimeApi {
    pub(super) fn start(event: &str, events: usize) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (asking, asked) = mpsc::channel();
        let failed = Arc::new(AtomicUsize::new(0));
        let mut desk = Desk { event: event.to_owned(), left: events, asking, failed: Arc::clone(&failed) };
        thread::spawn(move || {
            // One process, one connection at a time. It ends with the process.
            for stream in listener.incoming().flatten() {
                if desk.serve(&stream).is_err() || desk.left == usize::MAX {
                    return;
                }
            }
        });
        Ok(Self { address, asked, failed })
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    /// When the first event was asked for.
    pub(super) fn first_asked(&self) -> io::Result<Instant> {
        self.asked.recv_timeout(PATIENCE).map_err(|_| io::Error::other("it never asked for an event"))
    }

    /// How many events the function told to have failed.
    pub(super) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until the event after the last was asked for.
    pub(super) fn all_taken(&self) -> io::Result<()> {
        self.first_asked().map(drop)
    }
}

struct Desk {
    event: String,
    left: usize,
    /// Told at the first question, and at the one that is not answered.
    asking: Sender<Instant>,
    failed: Arc<AtomicUsize>,
}

impl Desk {
    fn serve(&mut self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut writer = stream;
        let mut is_first = true;
        while let Some(Request { head, .. }) = read_request(&mut reader)? {
            if !head.starts_with("GET ") {
                self.failed.fetch_add(usize::from(head.contains("/error ")), Ordering::Relaxed);
                writer.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
                continue;
            }
            if is_first || self.left == 0 {
                let _ = self.asking.send(Instant::now());
            }
            is_first = false;
            if self.left == 0 {
                // The process is ended while it waits.
                let mut rest = Vec::new();
                let _ = reader.read_to_end(&mut rest);
                self.left = usize::MAX;
                return Ok(());
            }
            self.left -= 1;
            let (number, length, event) = (self.left, self.event.len(), &self.event);
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 lambda-runtime-aws-request-id: 00000000-0000-4000-8000-{number:012}\r\n\
                 lambda-runtime-deadline-ms: 4102444800000\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:111122223333:function:bench\r\n\r\n\
                 {event}"
            )?;
        }
        Ok(())
    }
}

/// An address for all services: over plain HTTP an AWS answers, over TLS it ends the handshake.
pub(super) struct Services {
    url: String,
}

impl Services {
    pub(super) fn start(aws: Option<&Arc<Aws>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let scheme = if aws.is_some() { "http" } else { "https" };
        let aws = aws.cloned();
        let url = format!("{scheme}://{}", listener.local_addr()?);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let aws = aws.clone();
                thread::spawn(move || match aws {
                    Some(aws) => answer(&stream, &aws),
                    None => hang_up(&stream),
                });
            }
        });
        Ok(Self { url })
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }
}

fn answer(stream: &TcpStream, aws: &Aws) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(request) = read_request(&mut reader)? {
        let (status, body) = aws.answer(&request);
        let length = body.len();
        write!(
            writer,
            "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
    }
    Ok(())
}

/// Reads the client's first words and ends the connection.
fn hang_up(mut stream: &TcpStream) -> io::Result<()> {
    let mut words = [0; 512];
    stream.read(&mut words).map(drop)
}

/// A request, as far as anybody here looks at it.
pub(super) struct Request {
    /// The first line.
    head: String,
    /// The operation of a service that has one address for all; empty for others.
    pub(super) target: String,
    pub(super) body: Vec<u8>,
}

/// `None` at the end of the connection.
fn read_request(reader: &mut impl io::BufRead) -> io::Result<Option<Request>> {
    let mut request = Request { head: String::new(), target: String::new(), body: Vec::new() };
    if reader.read_line(&mut request.head)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(':').filter(|_| !line.is_empty()) else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "x-amz-target" => value.trim().clone_into(&mut request.target),
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut request.body)?;
    Ok(Some(request))
}
