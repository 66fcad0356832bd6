//! Servers that answer what a test wants: also what Graph never would, or nothing at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The first line and the headers.
    pub(crate) head: String,
    /// What follows, as long as `Content-Length` says.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(Self { head, body })
    }
}

/// What to do about a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Answer with these bytes, and close.
    Bytes(Vec<u8>),
    /// Never answer.
    Silence,
}

impl Reply {
    /// An answer with a status, further header lines and a body.
    pub(crate) fn new(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
        Self::Bytes(format!("{head}{body}").into_bytes())
    }

    /// An answer of 200 with a JSON body.
    pub(crate) fn json(body: &str) -> Self {
        Self::new("200 OK", "Content-Type: application/json\r\n", body)
    }
}

/// A server on loopback. Its threads go with the test's process.
pub(crate) struct Server {
    pub(crate) root: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers the n-th request, counted from 0, as `reply` wants.
    pub(crate) fn start(reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, reply) = (Arc::clone(&seen), Arc::new(reply));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, reply) = (Arc::clone(&shared), Arc::clone(&reply));
                thread::spawn(move || answer(stream.unwrap(), &shared, reply.as_ref()));
            }
        });
        Self { root, seen }
    }

    /// Passes requests on to another server, as long as `goes_on` says so for the n-th one; then it is silent. What it
    /// asks for is not compressed, and its links lead here.
    pub(crate) fn in_front_of(authority: &str, goes_on: impl Fn(usize) -> bool + Send + Sync + 'static) -> Self {
        let authority = authority.to_owned();
        Self::start(move |number, request| {
            if !goes_on(number) {
                return Reply::Silence;
            }
            Reply::Bytes(pass_on(&authority, request))
        })
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, seen: &Mutex<Vec<Request>>, reply: &dyn Fn(usize, &Request) -> Reply) {
    let Some(request) = Request::read(&stream) else { return };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    match reply(number, &request) {
        // Whoever asked may be gone.
        Reply::Bytes(bytes) => drop((&stream).write_all(&bytes)),
        // Until the other side goes.
        Reply::Silence => drop((&stream).read(&mut [0])),
    }
}

/// What another server answers to a request.
pub(crate) fn pass_on(authority: &str, request: &Request) -> Vec<u8> {
    let dropped = ["accept-encoding:", "connection:"];
    let keep = |line: &&str| !dropped.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
    let head: Vec<&str> = request.head.trim_end().split("\r\n").filter(keep).collect();
    let mut bytes = format!("{}\r\nConnection: close\r\n\r\n", head.join("\r\n")).into_bytes();
    bytes.extend(&request.body);
    http::exchange(authority, &bytes)
}
