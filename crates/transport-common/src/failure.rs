//! What a client's errors mean for a round.

use std::error::Error;
use std::io;

use delta_core::{Failure, FailureKind};

/// The failure behind a client's error: of [`FailureKind::Tls`] if rustls stands behind it, else of the kind that the
/// client tells. `hint` is what is worth knowing when a certificate is refused.
///
/// The outermost words are left out: clients name the URL there.
pub fn failure(error: &(dyn Error + 'static), kind: FailureKind, hint: Option<&str>) -> Failure {
    match (find_tls(error), hint) {
        (Some(tls), Some(hint)) => Failure::new(FailureKind::Tls, format!("{tls}; {hint}")),
        (Some(tls), None) => Failure::new(FailureKind::Tls, tls.to_string()),
        (None, _) => Failure::new(kind, words(error)),
    }
}

/// The innermost words of an error, which name no URL. None if there is nothing inside.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        words = error.to_string();
        source = error.source();
    }
    words
}

/// What rustls said, wherever it stands. It hides inside of `io::Error`s, whose `source` skips what they wrap.
fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let wrapped = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static));
    wrapped.and_then(find_tls).or_else(|| error.source().and_then(find_tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_found_inside_of_nested_io_errors() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        let failure = failure(&nested, FailureKind::Connect, Some("a hint"));
        assert_eq!(failure.kind, FailureKind::Tls);
        assert!(failure.message.contains("UnknownIssuer; a hint"), "{failure}");
    }

    #[test]
    fn other_errors_keep_their_kind_and_only_their_innermost_words() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let text = refused.to_string();
        let outer = with_url("https://graph.microsoft.com/?$deltatoken=SECRET", refused);
        assert_eq!(failure(&outer, FailureKind::Connect, Some("a hint")), Failure::new(FailureKind::Connect, text));
    }

    fn with_url(words: &'static str, source: io::Error) -> impl Error {
        #[derive(Debug)]
        struct Outer(&'static str, io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.1)
            }
        }
        Outer(words, source)
    }
}
