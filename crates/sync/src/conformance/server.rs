//! A server that says what it is told to, byte for byte, however wrong.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// How long the server puts up with a client that neither speaks nor hangs up. A transport that never gives up fails
/// its test after that, instead of blocking it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a [`Server`] does once it has said what it has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Waits for the next request, and says the same again.
    Next,
    /// Closes the connection.
    Close,
    /// Says nothing more and waits for the client to hang up.
    Silence,
}

/// A request, as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The request line and the headers, with the empty line behind them.
    pub head: String,
    /// The body, as long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl Received {
    /// The values of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }
}

/// A server on a loopback address, on threads of its own. Dropped, it stops listening.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Server {
    /// Serves each connection with a function.
    pub fn start(serve: impl Fn(&mut Connection) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let (seen, serve) = (server.seen.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if seen.lock().stopped {
                    break;
                }
                seen.update(|log| log.connections += 1);
                let (mut connection, serve) = (Connection { stream, seen: seen.clone() }, serve.clone());
                // What goes wrong on a connection shows at its other end.
                thread::spawn(move || drop(serve(&mut connection)));
            }
        });
        server
    }

    /// Says these bytes to each request.
    pub fn saying(answer: impl AsRef<[u8]>, then: Then) -> Self {
        let answer = answer.as_ref().to_vec();
        Self::start(move |connection| {
            while connection.receive()?.is_some() {
                connection.write(&answer)?;
                match then {
                    Then::Next => {}
                    Then::Close => break,
                    Then::Silence => return connection.await_hang_up(),
                }
            }
            Ok(())
        })
    }

    /// Says the first bytes to the first request, and the others one by one, with a pause before each.
    pub fn dripping(at_once: &'static [u8], drops: &'static [u8], pause: Duration) -> Self {
        Self::start(move |connection| {
            connection.receive()?;
            connection.write(at_once)?;
            for drop in drops.chunks(1) {
                if connection.is_hung_up_within(pause)? {
                    break;
                }
                connection.write(drop)?;
            }
            Ok(())
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its root for plain http, without a slash at the end.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came until now.
    pub fn received(&self) -> Vec<Received> {
        self.seen.lock().received.clone()
    }

    /// How many connections were made until now.
    pub fn connections(&self) -> usize {
        self.seen.lock().connections
    }

    /// Waits for the first request.
    pub async fn until_asked(&self) {
        self.seen.until(|log| (!log.received.is_empty()).then_some(())).await;
    }

    /// Waits until a client hangs up on the server's silence, and tells whether one did before patience ran out.
    pub async fn is_hung_up(&self) -> bool {
        self.seen.until(|log| log.hung_up).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.lock().stopped = true;
        // Wakes the thread that listens.
        drop(TcpStream::connect(self.address));
    }
}

/// One connection to a [`Server`].
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    seen: Arc<Seen>,
}

impl Connection {
    /// Reads a request. None if the client has hung up.
    ///
    /// # Errors
    /// If the connection breaks, or patience runs out.
    pub fn receive(&mut self) -> io::Result<Option<Received>> {
        self.stream.set_read_timeout(Some(PATIENCE))?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.extend_from_slice(&byte);
        }
        let mut received = Received { head: String::from_utf8_lossy(&head).into_owned(), body: Vec::new() };
        let length = received.header("content-length").first().and_then(|length| length.parse().ok()).unwrap_or(0);
        (&self.stream).take(length).read_to_end(&mut received.body)?;
        self.seen.update(|log| log.received.push(received.clone()));
        Ok(Some(received))
    }

    /// Says these bytes.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the client to hang up, as long as patience lasts.
    ///
    /// # Errors
    /// If the socket can't be waited for.
    pub fn await_hang_up(&mut self) -> io::Result<()> {
        let hung_up = self.is_hung_up_within(PATIENCE);
        self.seen.update(|log| log.hung_up = Some(*hung_up.as_ref().unwrap_or(&false)));
        hung_up.map(drop)
    }

    /// Waits so long, and tells whether the client hung up meanwhile. What it says is lost.
    fn is_hung_up_within(&mut self, pause: Duration) -> io::Result<bool> {
        self.stream.set_read_timeout(Some(pause))?;
        loop {
            match self.stream.read(&mut [0; 1024]) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Ok(false);
                }
                // A reset is a way to hang up.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    /// Passes everything on to another server and back, until one of the two has nothing more to say.
    ///
    /// # Errors
    /// If the other server can't be reached.
    pub fn tunnel_to(&mut self, address: SocketAddr) -> io::Result<()> {
        let there = TcpStream::connect(address)?;
        self.stream.set_read_timeout(None)?;
        let (mut from, mut to) = (there.try_clone()?, self.stream.try_clone()?);
        let back = thread::spawn(move || {
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Both));
        });
        drop(io::copy(&mut self.stream, &mut &there));
        drop(there.shutdown(Shutdown::Both));
        drop(back.join());
        Ok(())
    }
}

/// What a server has seen, and who waits for more.
#[derive(Debug, Default)]
struct Seen(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    connections: usize,
    received: Vec<Received>,
    hung_up: Option<bool>,
    stopped: bool,
    waiting: Vec<Waker>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Log)) {
        let mut log = self.lock();
        change(&mut log);
        log.waiting.drain(..).for_each(Waker::wake);
    }

    /// Waits until there is something to tell.
    async fn until<T>(&self, what: impl Fn(&Log) -> Option<T>) -> T {
        std::future::poll_fn(|context| {
            let mut log = self.lock();
            match what(&log) {
                Some(told) => Poll::Ready(told),
                None => {
                    log.waiting.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
