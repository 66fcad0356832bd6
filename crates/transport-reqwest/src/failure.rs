//! What reqwest's errors mean for a round.

use std::error::Error;
use std::io;

use delta_core::{Failure, FailureKind};

/// The kind of a failure, in words without URLs.
pub(crate) fn classify(error: &reqwest::Error, tls_hint: Option<&str>) -> Failure {
    let tls = find_tls(error);
    let kind = match () {
        () if tls.is_some() => FailureKind::Tls,
        () if error.is_timeout() => FailureKind::Timeout,
        () if error.is_connect() => FailureKind::Connect,
        () if error.is_builder() => FailureKind::Request,
        () => FailureKind::Interrupted,
    };
    let message = match (tls, tls_hint) {
        (Some(tls), Some(hint)) => format!("{tls}; {hint}"),
        (Some(tls), None) => tls,
        (None, _) => words(error),
    };
    Failure::new(kind, message)
}

/// The innermost words of an error. The outer ones name the URL.
pub(crate) fn words(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        words = error.to_string();
        source = error.source();
    }
    words
}

/// What rustls said, wherever it stands. It hides inside of `io::Error`s, whose `source` skips what they wrap.
fn find_tls(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    let inner =
        error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
    inner.and_then(find_tls).or_else(|| error.source().and_then(find_tls))
}
