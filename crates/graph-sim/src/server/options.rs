//! How a server serves, and what it tells of it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, StatusCode};

use crate::Strike;

/// Graph's own limit for one request.
const MAX_REQUEST_BODY: usize = 4 * 1024 * 1024;

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
type Observer = Arc<dyn Fn(&Access) + Send + Sync>;

/// How a [`Server`](super::Server) serves.
#[derive(Clone)]
pub struct ServerOptions {
    pub(super) tls: bool,
    pub(super) gzip: bool,
    pub(super) max_request_body: usize,
    clock: Clock,
    observer: Option<Observer>,
}

/// One answered request: neither its query, which may hold a state token, nor its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The method.
    pub method: Method,
    /// The path, as the client wrote it.
    pub path: String,
    /// The status of the answer.
    pub status: StatusCode,
    /// The fault that struck, if one did.
    pub fault: Option<Strike>,
}

impl ServerOptions {
    /// The default: plain http, gzip for whoever asks, bodies of up to 4 MiB, the system's clock.
    pub fn new() -> Self {
        Self {
            tls: false,
            gzip: true,
            max_request_body: MAX_REQUEST_BODY,
            clock: Arc::new(SystemTime::now),
            observer: None,
        }
    }

    /// Serves https, with a certificate by an authority of the server's own, both made at its start.
    /// [`Server::certificate_pem`](super::Server::certificate_pem) has the authority to trust.
    pub fn tls_self_signed(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Whether answers are compressed for clients that accept it.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// The longest request body in bytes; longer ones are answered with 413.
    pub fn max_request_body(mut self, bytes: usize) -> Self {
        self.max_request_body = bytes;
        self
    }

    /// Takes Graph's time from this clock. (Certificates go by the system's: so do the clients that check them.)
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Calls this for every request, once its answer is known.
    pub fn observer(mut self, observer: impl Fn(&Access) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    pub(super) fn observe(&self, access: &Access) {
        if let Some(observer) = &self.observer {
            observer(access);
        }
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("tls", &self.tls)
            .field("gzip", &self.gzip)
            .field("max_request_body", &self.max_request_body)
            .finish_non_exhaustive()
    }
}
