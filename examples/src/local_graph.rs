//! A Graph on loopback, in a thread of its own.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use graph_sim::server::{Server, ServerOptions};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::{Result, simulator};

/// A simulator of Graph behind a socket. Its runtime lives in its thread, so that an example can have another one, or
/// none. It stops when it is dropped.
#[derive(Debug)]
pub struct LocalGraph {
    root: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalGraph {
    /// Serves [`simulator`] on a free port.
    ///
    /// # Errors
    /// If there is no runtime, thread or port.
    pub fn start() -> Result<Self> {
        let simulator = simulator()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel::<io::Result<String>>();
        let serve = async move {
            let server = Server::bind("127.0.0.1:0", simulator, ServerOptions::new()).await;
            // Whoever started this waits for the root, so somebody receives it.
            let _ = started.send(server.as_ref().map(Server::graph_root).map_err(|error| error.kind().into()));
            if let Ok(server) = server {
                let _ = stopped.await;
                server.shutdown().await;
            }
        };
        let thread = thread::Builder::new().name("graph".into()).spawn(move || runtime.block_on(serve))?;
        Ok(Self { root: start.recv()??, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is, such as `http://127.0.0.1:8080`.
    pub fn root(&self) -> &str {
        &self.root
    }
}

impl Drop for LocalGraph {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the local Graph has crashed");
        }
    }
}
