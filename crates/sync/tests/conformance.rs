//! The conformance kit notices: a transport that takes everything for an empty page passes none of it.
#![allow(missing_docs)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use sync::{Transport, TransportLimits, transport_fn};

fn fails<F: Future>(future: F) {
    let outcome = catch_unwind(AssertUnwindSafe(|| pollster::block_on(future)));
    assert!(outcome.is_err(), "it passes");
}

fn transport(_: TransportLimits) -> impl Transport {
    transport_fn(|_| async { Ok(http::Response::default()) })
}

sync::transport_conformance! { run: fails, make: transport }
