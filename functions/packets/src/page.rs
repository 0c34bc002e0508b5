//! One page of packets: how it is asked for, how it is answered.

use std::io::Write;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use handrail_domain::packet::Packet;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{ListingCursor, Whole};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::request::Parts;
use serde_json::{Value, json};

use crate::dialect::{Part, flawed_at};
use crate::shelf::Held;

const LIMIT_DEFAULT: usize = 50;
pub(crate) const LIMIT_MAX: usize = 200;

/// A function answers 6 MB at most. The packets of a page that is sent as it is, as JSON.
const PLAIN_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Of a page that is packed: 200 packets of 64 KB each, as much as a published client may ask for.
const UNPACKED_BYTES_MAX: usize = 14 * 1024 * 1024;
/// A packed answer grows by a third on its way out of a function.
const PACKED_BYTES_MAX: usize = 4_400_000;

/// The window that a client wants to see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub limit: usize,
    pub offset: usize,
}

impl Window {
    pub(crate) fn read(limit: Option<&str>, offset: Option<&str>) -> Result<Self, Problem> {
        let between = |name, text: Option<&str>, range: std::ops::RangeInclusive<usize>, default| {
            let Some(text) = text else { return Ok(default) };
            text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
                let message = match *range.end() {
                    usize::MAX => format!("Input should be a whole number from {}", range.start()),
                    end => format!("Input should be a whole number from {} to {end}", range.start()),
                };
                flawed_at(Part::Query, name, message, "int_parsing")
            })
        };
        Ok(Self {
            limit: between("limit", limit, 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
            offset: between("offset", offset, 0..=usize::MAX, 0)?,
        })
    }
}

/// What was found, in the words of this door.
pub(crate) struct Packets {
    packets: Vec<Value>,
    total: u64,
    next: Option<ListingCursor>,
}

impl Packets {
    pub(crate) fn of(
        cx: &Cx,
        records: Vec<Whole<Packet>>,
        total: Option<u64>,
        next: Option<ListingCursor>,
    ) -> Result<Self, Fault> {
        let packets = records.into_iter().map(|whole| Ok(Held::of(whole)?.view(cx)));
        let packets = packets.collect::<Result<Vec<_>, Fault>>()?;
        Ok(Self { total: total.unwrap_or(packets.len() as u64), packets, next })
    }

    fn json(self, window: Window) -> Value {
        json!({
            "packets": self.packets,
            "total": self.total,
            "limit": window.limit,
            "offset": window.offset,
            "next_cursor": self.next.map(|cursor| cursor.text()),
        })
    }
}

/// How much a page may hold depends on how it may be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    takes_gzip: bool,
}

impl FromRequestParts<Cx> for Packing {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Cx) -> Result<Self, Self::Rejection> {
        let accepted = parts.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let mut names = accepted.flat_map(|value| value.split(',')).map(str::trim);
        // With any weight, but for "gzip;q=0".
        let takes_gzip = names.any(|name| {
            let (name, weight) = name.split_once(';').unwrap_or((name, ""));
            name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        Ok(Self { takes_gzip })
    }
}

impl Packing {
    /// Answers with a page that `find` makes, of so many bytes at most.
    pub(crate) async fn answer<F>(self, window: Window, find: impl Fn(usize) -> F) -> Result<Response, Problem>
    where
        F: Future<Output = Result<Packets, Problem>>,
    {
        if self.takes_gzip {
            let text = find(UNPACKED_BYTES_MAX).await?.json(window).to_string();
            if text.len() <= PLAIN_BYTES_MAX {
                return Ok(reply(Body::from(text), false));
            }
            let packed = packed(&text)?;
            if packed.len() <= PACKED_BYTES_MAX {
                return Ok(reply(Body::from(packed), true));
            }
        }
        Ok(reply(Body::from(find(PLAIN_BYTES_MAX).await?.json(window).to_string()), false))
    }
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
