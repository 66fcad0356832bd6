//! What the libraries below the transport log.
#![allow(clippy::unwrap_used)]

#[path = "../../transport-common/tests/logs/mod.rs"]
mod logs;

use transport_reqwest::ReqwestTransport;

#[test]
fn secrets_never_print() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(logs::secrets_never_print(|options| ReqwestTransport::new(options).unwrap()));
}
