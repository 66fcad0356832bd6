//! The loopback redirect (RFC 8252, section 7.3): where the browser brings its code.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use auth::{Authorization, Error, Redemption};
use sync::Timer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::timer::SystemTimer;

/// The most that a browser says before it asks.
const LONGEST_HEAD: usize = 32 << 10;
/// How long one connection may take: browsers open some that they never use.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the browser.
pub(crate) struct Callback {
    port: u16,
    listeners: Vec<TcpListener>,
}

/// A query that came.
struct Arrival {
    query: String,
    /// Where its page is waited for.
    page: oneshot::Sender<Page>,
    /// Ends when the page was sent.
    sent: oneshot::Receiver<()>,
}

/// What the person reads.
#[derive(Clone, Copy)]
enum Page {
    Done,
    Refused,
    Foreign,
    Elsewhere,
}

impl Page {
    fn response(self) -> String {
        let (status, text) = match self {
            Self::Done => ("200 OK", "caldelta has what it needs: you may close this page."),
            Self::Refused => ("200 OK", "The login did not succeed: the terminal says why. You may close this page."),
            Self::Foreign => ("400 Bad Request", "This does not belong to the login that caldelta waits for."),
            Self::Elsewhere => ("404 Not Found", "There is nothing here."),
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\r\n{text}\n",
            text.len() + 1
        )
    }
}

impl Callback {
    /// Listens on this machine only; with port 0 at a free one.
    pub(crate) async fn listen(port: u16) -> io::Result<Self> {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = first.local_addr()?.port();
        let mut listeners = vec![first];
        // `localhost` may be either; where there is no IPv6, or somebody else has the port there, the other has to do.
        listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok());
        Ok(Self { port, listeners })
    }

    /// The address that the browser is sent back to: the registration names it without the port.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Waits for the answer to this login. Whatever else comes is turned away, and the wait goes on.
    pub(crate) async fn wait(self, login: &Authorization) -> Result<Redemption, Error> {
        let (arrived, mut arrivals) = mpsc::channel::<Arrival>(1);
        let mut tasks = JoinSet::new();
        for listener in self.listeners {
            tasks.spawn(accept(listener, arrived.clone()));
        }
        loop {
            let Some(Arrival { query, page, sent }) = arrivals.recv().await else { return Err(Error::Finished) };
            let answer = login.callback(&query, SystemTimer.now());
            let shown = match &answer {
                Ok(_) => Page::Done,
                Err(Error::Foreign) => Page::Foreign,
                Err(_) => Page::Refused,
            };
            // The browser may be gone. If it is not, it gets its page before everything is dropped.
            if page.send(shown).is_ok() {
                let _ = tokio::time::timeout(PATIENCE, sent).await;
            }
            if !matches!(answer, Err(Error::Foreign)) {
                return answer;
            }
        }
    }
}

async fn accept(listener: TcpListener, arrived: mpsc::Sender<Arrival>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(tokio::time::timeout(PATIENCE, serve(stream, arrived.clone())));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, arrived: mpsc::Sender<Arrival>) {
    let Some(query) = read(&mut stream).await else { return };
    let page = match query {
        None => Page::Elsewhere,
        Some(query) => {
            let ((page, shown), (done, sent)) = (oneshot::channel(), oneshot::channel());
            if arrived.send(Arrival { query, page, sent }).await.is_err() {
                return;
            }
            answer(&mut stream, shown.await.unwrap_or(Page::Refused)).await;
            drop(done);
            return;
        }
    };
    answer(&mut stream, page).await;
}

async fn answer(stream: &mut TcpStream, page: Page) {
    // The browser may be gone.
    let _ = stream.write_all(page.response().as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The query of a request for `/`; none within if it is for something else, none at all if it is no request.
async fn read(stream: &mut TcpStream) -> Option<Option<String>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let query = target.strip_prefix("/?").filter(|_| method == "GET");
    Some(query.map(str::to_owned))
}
