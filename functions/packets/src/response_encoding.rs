//! Encoding of large responses: plain, or gzip if the client accepts that, and within Lambda's response limit.

use handrail_web::descriptions::{Argument, Description};
use serde::Serialize;
use std::io::Write;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::request::Parts;

/// Lambda's response limit of 6 MB, less some bytes for headers. The body is escaped as a JSON string.
const ESCAPED_BYTES_MAX: usize = 6_000_000;
/// Limit of a compressed body, which Lambda returns as base64 and so a third larger.
const COMPRESSED_BYTES_MAX: usize = 4_400_000;
/// Limit of a body before compression: 200 packets of 64 KB each, the largest page a published client may request.
pub(crate) const UNCOMPRESSED_BYTES_MAX: usize = 14 * 1024 * 1024;
/// Bytes of a response around the entries of its list.
pub(crate) const ENVELOPE_BYTES_MAX: usize = 1_024;
/// Smaller texts are counted uncompressed, as measuring them costs more than it saves.
const COMPRESS_FROM_BYTES: usize = 16 * 1024;

/// Encodings that the client accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseEncoding {
    pub(crate) accepts_gzip: bool,
}

impl Argument for ResponseEncoding {
    fn describe(_: &mut Description) {}
}

impl FromRequestParts<Cx> for ResponseEncoding {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Cx) -> Result<Self, Self::Rejection> {
        let accepted = parts.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let mut names = accepted.flat_map(|value| value.split(',')).map(str::trim);
        // Any weight counts except zero.
        let accepts_gzip = names.any(|name| {
            let (name, weight) = name.split_once(';').unwrap_or((name, ""));
            let weight = weight.trim().to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("gzip") && !matches!(&*weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        Ok(Self { accepts_gzip })
    }
}

impl ResponseEncoding {
    /// Builds the response, or returns `None` if the text is too large to be sent.
    pub(crate) fn try_encode(self, text: String) -> Result<Option<Response>, Fault> {
        if json_escaped_len(&text) <= ESCAPED_BYTES_MAX {
            return Ok(Some(build_response(Body::from(text), false)));
        }
        if !self.accepts_gzip || text.len() > UNCOMPRESSED_BYTES_MAX {
            return Ok(None);
        }
        let compressed = compress(&text)?;
        Ok((compressed.len() <= COMPRESSED_BYTES_MAX).then(|| build_response(Body::from(compressed), true)))
    }

    /// Builds the response from JSON that was composed within a [`SizeBudget`].
    pub(crate) fn encode(self, body: &impl Serialize) -> Result<Response, Fault> {
        self.try_encode(response_json(body)?)?
            .ok_or_else(|| Fault::internal("response exceeds the limit despite its size budget"))
    }

    /// Returns the budget of a response after `bytes` for everything outside the budgeted entries.
    pub(crate) fn budget_after(self, bytes: usize) -> SizeBudget {
        SizeBudget { encoding: self, escaped_bytes: bytes, uncompressed_bytes: bytes, compressed_bytes: bytes }
    }
}

/// Bytes used of a response while its entries are collected.
#[derive(Debug)]
pub(crate) struct SizeBudget {
    encoding: ResponseEncoding,
    escaped_bytes: usize,
    uncompressed_bytes: usize,
    compressed_bytes: usize,
}

impl SizeBudget {
    /// Reserves room for the text and some extra bytes. Returns `false` if there is too little room, and reserves none.
    pub(crate) fn reserve(&mut self, text: &str, extra_bytes: usize) -> Result<bool, Fault> {
        let escaped = self.escaped_bytes + json_escaped_len(text) + extra_bytes;
        let uncompressed = self.uncompressed_bytes + text.len() + extra_bytes;
        let compressed = match self.encoding.accepts_gzip && text.len() >= COMPRESS_FROM_BYTES {
            // Texts compressed together are no larger than compressed separately.
            true => self.compressed_bytes + compress(text)?.len() + extra_bytes,
            false => self.compressed_bytes + text.len() + extra_bytes,
        };
        let fits_compressed =
            self.encoding.accepts_gzip && uncompressed <= UNCOMPRESSED_BYTES_MAX && compressed <= COMPRESSED_BYTES_MAX;
        if escaped > ESCAPED_BYTES_MAX && !fits_compressed {
            return Ok(false);
        }
        (self.escaped_bytes, self.uncompressed_bytes, self.compressed_bytes) = (escaped, uncompressed, compressed);
        Ok(true)
    }

    /// Reserves room for one entry of a list.
    pub(crate) fn reserve_entry(&mut self, entry: &impl Serialize) -> Result<bool, Fault> {
        self.reserve(&response_json(entry)?, ",".len())
    }
}

/// Returns the JSON of a response or of a part of one.
pub(crate) fn response_json(body: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(body)
        .map_err(|error| Fault::internal_with_source("a response can't be written as JSON", error))
}

/// Length of the text within a JSON string, where Lambda puts the body: quotes and backslashes take one byte more.
fn json_escaped_len(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

fn compress(text: &str) -> Result<Vec<u8>, Fault> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    let result = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    result.map_err(|error| Fault::internal_with_source("compression failed", error))
}

fn build_response(body: Body, gzip: bool) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    headers.insert(VARY, http::HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn incompressible_text(bytes: usize) -> String {
        let mut state = 88_172_645_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from(b'#' + u8::try_from((state >> 8) % 57).unwrap())
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[tokio::test]
    async fn accept_encoding_gzip_is_parsed() {
        let app = crate::testing::TestApp::new().await;
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            (", ,gzip ; q=1", true),
            ("gzip;q=0", false),
            ("gzip; Q=0.000", false),
            ("x-gzip, deflate, br, *", false),
            ("", false),
        ] {
            let request = http::Request::builder().header(ACCEPT_ENCODING, accepted).body(()).unwrap();
            let encoding = ResponseEncoding::from_request_parts(&mut request.into_parts().0, &app.cx).await.unwrap();
            assert_eq!(encoding.accepts_gzip, expected, "{accepted}");
        }
    }

    #[test]
    fn response_size_counts_json_escapes() {
        let text = json!({"quoted": "a \"b\" \\ \u{1}", "list": ["", "", ""]}).to_string();
        let in_json = json!({ "body": text }).to_string();
        assert_eq!(json_escaped_len(&text), in_json.len() - json!({"body": ""}).to_string().len());
    }

    #[test]
    fn large_response_is_compressed_or_not_sent() {
        let (plain, gzip) = (ResponseEncoding { accepts_gzip: false }, ResponseEncoding { accepts_gzip: true });
        let quotes = "\"".repeat(ESCAPED_BYTES_MAX / 2);
        assert!(plain.try_encode(quotes.clone()).unwrap().is_some());
        assert!(plain.try_encode(format!("{quotes}\"")).unwrap().is_none());
        assert!(gzip.try_encode(format!("{quotes}\"")).unwrap().unwrap().headers().contains_key(CONTENT_ENCODING));
        assert!(gzip.try_encode(incompressible_text(6_500_000)).unwrap().is_none());
        assert!(gzip.try_encode("x".repeat(UNCOMPRESSED_BYTES_MAX + 1)).unwrap().is_none());
    }

    #[test]
    fn reserved_entries_fit_in_one_response() {
        for (accepts_gzip, text, fit) in [
            (false, "x".repeat(1_000_000), 5),
            (true, "x".repeat(1_000_000), 14),
            (true, incompressible_text(1_000_000), 5),
            (false, "\"".repeat(1_000_000), 2),
        ] {
            let encoding = ResponseEncoding { accepts_gzip };
            let (mut budget, mut all) = (encoding.budget_after(0), String::new());
            while budget.reserve(&text, 4_000).unwrap() {
                all.push_str(&text);
            }
            assert_eq!(all.len() / text.len(), fit);
            assert!(encoding.try_encode(all).unwrap().is_some());
        }
    }
}
