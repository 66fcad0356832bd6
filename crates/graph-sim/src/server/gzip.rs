//! Compression of answers.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue, Response};

/// Whether the client takes gzip.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// The same response with its body compressed; an empty body stays empty.
pub(super) fn compress(mut response: Response<Bytes>) -> Response<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail; if it did, the answer would go out as it is.
    let written = encoder.write_all(response.body()).and_then(|()| encoder.finish());
    if let (Ok(compressed), false) = (written, response.body().is_empty()) {
        *response.body_mut() = Bytes::from(compressed);
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_ask() {
        for (line, accepted) in
            [("gzip", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("deflate", false), ("gzip; q=0.0", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(line));
            assert_eq!(is_accepted(&headers), accepted, "{line}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
