//! Inflating bodies: once for all transports, into a buffer that can't grow without bound.

use std::io::Read;

use bytes::Bytes;
use delta_core::{Failure, FailureKind};
use flate2::bufread::GzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response};

use crate::transport::Transport;

/// How large a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes after inflating.
    pub max_bytes: usize,
    /// How many times larger than on the wire a body may become, once it is larger than a mebibyte. Pages of events
    /// shrink to a sixth or an eighth; what shrinks to a hundredth is not a page.
    pub max_ratio: usize,
}

impl Default for BodyLimits {
    /// 64 MiB, and 100 times.
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_ratio: 100 }
    }
}

/// Bodies up to this size may have any ratio.
const FREE_RATIO: usize = 1 << 20;

impl BodyLimits {
    fn allowed(&self, wire: usize) -> usize {
        self.max_bytes.min(FREE_RATIO.max(wire.saturating_mul(self.max_ratio)))
    }
}

/// Sends a request that asks for gzip, and inflates what comes.
pub(crate) async fn exchange(
    transport: &dyn Transport,
    mut request: Request<Vec<u8>>,
    limits: &BodyLimits,
) -> Result<Response<Bytes>, Failure> {
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    inflate(transport.send(request).await?, limits)
}

/// Gives the response with its body inflated, if it came compressed.
fn inflate(response: Response<Bytes>, limits: &BodyLimits) -> Result<Response<Bytes>, Failure> {
    let (mut head, body) = response.into_parts();
    let encoding = head.headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let body = match encoding.as_deref() {
        None | Some(b"" | b"identity") if body.len() <= limits.max_bytes => body,
        None | Some(b"" | b"identity") => return Err(too_large(limits.max_bytes)),
        Some(b"gzip" | b"x-gzip") => gunzip(&body, limits)?,
        Some(_) => return Err(Failure::new(FailureKind::Decode, "it is compressed in a way that was not asked for")),
    };
    head.headers.remove(CONTENT_ENCODING);
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, body))
}

fn gunzip(wire: &[u8], limits: &BodyLimits) -> Result<Bytes, Failure> {
    let allowed = limits.allowed(wire.len());
    let mut decoder = GzDecoder::new(wire);
    // One byte more than allowed tells a body that fits from one that does not.
    let mut body = Vec::with_capacity(announced(wire).min(allowed).saturating_add(1));
    let cap = u64::try_from(allowed).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .by_ref()
        .take(cap)
        .read_to_end(&mut body)
        .map_err(|error| Failure::new(FailureKind::Decode, error.to_string()))?;
    if body.len() > allowed {
        return Err(too_large(allowed));
    }
    if !decoder.into_inner().is_empty() {
        return Err(Failure::new(FailureKind::Decode, "there is something behind its end"));
    }
    Ok(body.into())
}

/// How long the inflated body says it is, in its last four bytes: the buffer need not grow then. It is only believed as
/// far as a body may go.
fn announced(wire: &[u8]) -> usize {
    let length = wire.last_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn too_large(allowed: usize) -> Failure {
    Failure::new(FailureKind::BodyTooLarge, format!("{allowed} bytes are allowed"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn response(encoding: &str, body: Vec<u8>) -> Response<Bytes> {
        Response::builder().header(CONTENT_ENCODING, encoding).header(CONTENT_LENGTH, 1).body(body.into()).unwrap()
    }

    /// Small enough to test quickly.
    const LIMITS: BodyLimits = BodyLimits { max_bytes: 3 << 20, max_ratio: 100 };

    fn kind(encoding: &str, body: Vec<u8>) -> Result<usize, FailureKind> {
        inflate(response(encoding, body), &LIMITS).map(|response| response.body().len()).map_err(|f| f.kind)
    }

    #[test]
    fn a_body_comes_out_as_it_was() {
        let body = br#"{"value":[]}"#.to_vec();
        let inflated = inflate(response("GZip", gzip(&body)), &BodyLimits::default()).unwrap();
        assert_eq!(inflated.body(), &body);
        assert!(inflated.headers().is_empty());
        assert_eq!(kind("identity", body.clone()), Ok(body.len()));
    }

    #[test]
    fn a_decompression_bomb_is_stopped() {
        let noise: Vec<u8> = (0_u32..1 << 22).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        assert_eq!(kind("gzip", gzip(&noise)), Err(FailureKind::BodyTooLarge), "larger than allowed");
        let ratio = gzip(&vec![0; 2 << 20]);
        assert!(ratio.len() * LIMITS.max_ratio < 2 << 20);
        assert_eq!(kind("gzip", ratio), Err(FailureKind::BodyTooLarge), "smaller, but out of next to nothing");
        assert_eq!(kind("gzip", gzip(&vec![0; 1 << 20])), Ok(1 << 20));
        assert_eq!(kind("identity", vec![0; LIMITS.max_bytes + 1]), Err(FailureKind::BodyTooLarge));
    }

    #[test]
    fn what_is_not_one_whole_gzip_member_is_refused() {
        let whole = gzip(b"{}");
        for cut in 0..whole.len() {
            assert_eq!(kind("gzip", whole[..cut].to_vec()), Err(FailureKind::Decode), "{cut}");
        }
        assert_eq!(kind("gzip", [whole.clone(), whole].concat()), Err(FailureKind::Decode));
        assert_eq!(kind("br", Vec::new()), Err(FailureKind::Decode));
    }
}
