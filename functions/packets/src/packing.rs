//! How an answer is sent: as it is, or packed where the client takes that, and never larger than a function may send.

use std::io::Write;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::request::Parts;
use serde_json::Value;

/// A function sends 6 MB at most, with some room for headers.
const SENT_BYTES_MAX: usize = 6_000_000;
/// A packed answer grows by a third on its way out of a function.
const PACKED_BYTES_MAX: usize = 4_400_000;
/// Of an answer that is packed: 200 packets of 64 KB each, as much as a published client may ask for.
pub(crate) const UNPACKED_BYTES_MAX: usize = 14 * 1024 * 1024;
/// Of an answer around the entries of one list.
pub(crate) const ENVELOPE_BYTES_MAX: usize = 1_024;
/// Below this it is not worth to find out how small something becomes.
const PACK_FROM_BYTES: usize = 16 * 1024;

/// What the client takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    pub(crate) takes_gzip: bool,
}

impl FromRequestParts<Cx> for Packing {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Cx) -> Result<Self, Self::Rejection> {
        let accepted = parts.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let mut names = accepted.flat_map(|value| value.split(',')).map(str::trim);
        // With any weight, but for "gzip;q=0".
        let takes_gzip = names.any(|name| {
            let (name, weight) = name.split_once(';').unwrap_or((name, ""));
            let weight = weight.trim().to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("gzip") && !matches!(&*weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        Ok(Self { takes_gzip })
    }
}

impl Packing {
    /// `None`: it is too large to be sent.
    pub(crate) fn answer(self, text: String) -> Result<Option<Response>, Fault> {
        if sent_bytes(&text) <= SENT_BYTES_MAX {
            return Ok(Some(reply(Body::from(text), false)));
        }
        if !self.takes_gzip || text.len() > UNPACKED_BYTES_MAX {
            return Ok(None);
        }
        let packed = packed(&text)?;
        Ok((packed.len() <= PACKED_BYTES_MAX).then(|| reply(Body::from(packed), true)))
    }

    /// The same for what was put together so that it can be sent.
    pub(crate) fn answer_of(self, whole: &Value) -> Result<Response, Fault> {
        self.answer(whole.to_string())?.ok_or_else(|| Fault::broken("what had room in an answer is too large for one"))
    }

    /// The room of an answer that holds so many bytes beside what takes room.
    pub(crate) fn room_beside(self, bytes: usize) -> Room {
        Room { packing: self, sent: bytes, unpacked: bytes, packed: bytes }
    }
}

/// What is left of an answer while it is put together.
#[derive(Debug)]
pub(crate) struct Room {
    packing: Packing,
    sent: usize,
    unpacked: usize,
    packed: usize,
}

impl Room {
    /// Takes room for this and some bytes more. `false`: there is none left, and none is taken.
    pub(crate) fn take(&mut self, text: &str, more: usize) -> Result<bool, Fault> {
        let sent = self.sent + sent_bytes(text) + more;
        let unpacked = self.unpacked + text.len() + more;
        let packed = match self.packing.takes_gzip && text.len() >= PACK_FROM_BYTES {
            // Together they pack no worse.
            true => self.packed + packed(text)?.len() + more,
            false => self.packed + text.len() + more,
        };
        let fits_packed = self.packing.takes_gzip && unpacked <= UNPACKED_BYTES_MAX && packed <= PACKED_BYTES_MAX;
        if sent > SENT_BYTES_MAX && !fits_packed {
            return Ok(false);
        }
        (self.sent, self.unpacked, self.packed) = (sent, unpacked, packed);
        Ok(true)
    }

    /// Room for one more of a list's entries.
    pub(crate) fn take_entry(&mut self, entry: &Value) -> Result<bool, Fault> {
        self.take(&entry.to_string(), ",".len())
    }
}

/// An answer leaves a function as a text within JSON, where each of these takes one byte more.
fn sent_bytes(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

fn packed(text: &str) -> Result<Vec<u8>, Fault> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    let wrote = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    wrote.map_err(|error| Fault::broken_by("compression failed", error))
}

fn reply(body: Body, gzip: bool) -> Response {
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

    fn noise(bytes: usize) -> String {
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
    async fn gzip_is_taken_however_it_is_written_and_not_where_it_weighs_nothing() {
        let desk = crate::testing::Desk::new().await;
        for (accepted, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            (", ,gzip ; q=1", true),
            ("gzip;q=0", false),
            ("gzip; Q=0.000", false),
            ("x-gzip, deflate, br, *", false),
            ("", false),
        ] {
            let request = http::Request::builder().header(ACCEPT_ENCODING, accepted).body(()).unwrap();
            let packing = Packing::from_request_parts(&mut request.into_parts().0, &desk.cx).await.unwrap();
            assert_eq!(packing.takes_gzip, takes, "{accepted}");
        }
    }

    #[test]
    fn an_answer_is_measured_as_it_leaves_a_function() {
        let text = json!({"quoted": "a \"b\" \\ \u{1}", "list": ["", "", ""]}).to_string();
        let in_json = json!({ "body": text }).to_string();
        assert_eq!(sent_bytes(&text), in_json.len() - json!({"body": ""}).to_string().len());
    }

    #[test]
    fn what_is_too_large_is_packed_or_not_sent() {
        let (plain, gzip) = (Packing { takes_gzip: false }, Packing { takes_gzip: true });
        let quotes = "\"".repeat(SENT_BYTES_MAX / 2);
        assert!(plain.answer(quotes.clone()).unwrap().is_some());
        assert!(plain.answer(format!("{quotes}\"")).unwrap().is_none());
        assert!(gzip.answer(format!("{quotes}\"")).unwrap().unwrap().headers().contains_key(CONTENT_ENCODING));
        assert!(gzip.answer(noise(6_500_000)).unwrap().is_none());
        assert!(gzip.answer("x".repeat(UNPACKED_BYTES_MAX + 1)).unwrap().is_none());
    }

    #[test]
    fn what_took_room_can_be_sent_together() {
        for (takes_gzip, text, fit) in [
            (false, "x".repeat(1_000_000), 5),
            (true, "x".repeat(1_000_000), 14),
            (true, noise(1_000_000), 5),
            (false, "\"".repeat(1_000_000), 2),
        ] {
            let packing = Packing { takes_gzip };
            let (mut room, mut all) = (packing.room_beside(0), String::new());
            while room.take(&text, 4_000).unwrap() {
                all.push_str(&text);
            }
            assert_eq!(all.len() / text.len(), fit);
            assert!(packing.answer(all).unwrap().is_some());
        }
    }
}
