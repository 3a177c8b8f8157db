//! The Lambda Runtime API and the services, as far as a start needs them.

use std::{
    io::{self, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

/// How long a function may take for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// The Runtime API: tells when the first event is asked for, gives so many, and lets the next wait for ever.
pub(super) struct RuntimeApi {
    address: String,
    asked: Receiver<Instant>,
}

impl RuntimeApi {
    pub(super) fn start(event: &str, events: usize) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (asking, asked) = mpsc::channel();
        let mut desk = Desk { event: event.to_owned(), left: events, asking };
        thread::spawn(move || {
            // One process, one connection at a time. It ends with the process.
            for stream in listener.incoming().flatten() {
                if desk.serve(&stream).is_err() || desk.left == usize::MAX {
                    return;
                }
            }
        });
        Ok(Self { address, asked })
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    /// When the first event was asked for.
    pub(super) fn first_asked(&self) -> io::Result<Instant> {
        self.asked.recv_timeout(PATIENCE).map_err(|_| io::Error::other("it never asked for an event"))
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
}

impl Desk {
    fn serve(&mut self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut writer = stream;
        let mut is_first = true;
        while let Some(head) = read_request(&mut reader)? {
            if !head.starts_with("GET ") {
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

/// An address for all services: over plain HTTP it refuses every request in words, over TLS it ends the handshake.
pub(super) struct Services {
    url: String,
}

impl Services {
    pub(super) fn start(plain: bool) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let scheme = if plain { "http" } else { "https" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || if plain { refuse(&stream) } else { hang_up(&stream) });
            }
        });
        Ok(Self { url })
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }
}

fn refuse(stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while read_request(&mut reader)?.is_some() {
        writer.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}")?;
    }
    Ok(())
}

/// Reads the client's first words and ends the connection.
fn hang_up(mut stream: &TcpStream) -> io::Result<()> {
    let mut words = [0; 512];
    stream.read(&mut words).map(drop)
}

/// The first line of a request; its body is read and dropped. `None` at the end of the connection.
fn read_request(reader: &mut impl io::BufRead) -> io::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(Some(first))
}
