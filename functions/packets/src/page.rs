//! One page of packets: how it is asked for, how it is answered.

use axum::response::Response;
use handrail_domain::packet::Packet;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{ListingCursor, Order, Page, Whole};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::{Part, flawed_at};
use crate::packing::{Packing, UNPACKED_BYTES_MAX};
use crate::shelf::Held;

const LIMIT_DEFAULT: usize = 50;
pub(crate) const LIMIT_MAX: usize = 200;

/// The packets of a page that is sent as it is, as JSON. Where they are full of quotes half as much is sent.
const PLAIN_BYTES_MAX: usize = 5 * 1024 * 1024;

/// What is shown of a page's packets beside what they carry: 2 KB each.
const SHOWN_BYTES_MAX: usize = 2 * 1024 * LIMIT_MAX;

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

/// Answers with the page that `find` finds, which is asked again for a smaller one where that is too large.
pub(crate) async fn answer<F>(
    packing: Packing,
    window: Window,
    after: Option<ListingCursor>,
    order: Order,
    find: impl Fn(Page) -> F,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<Packets, Fault>>,
{
    let Window { limit, offset } = window;
    let sizes = [UNPACKED_BYTES_MAX - SHOWN_BYTES_MAX, PLAIN_BYTES_MAX, PLAIN_BYTES_MAX / 2];
    for bytes_max in &sizes[usize::from(!packing.takes_gzip)..] {
        let page = Page { limit, offset, after: after.clone(), order, bytes_max: *bytes_max };
        let text = find(page).await?.json(window).to_string();
        if let Some(response) = packing.answer(text)? {
            return Ok(response);
        }
    }
    Err(Fault::broken("half a page is too large for an answer").into())
}

/// An empty text is as good as none.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// What the page before gave.
pub(crate) fn cursor(text: Option<&str>) -> Result<Option<ListingCursor>, Problem> {
    let Some(text) = given(text) else { return Ok(None) };
    let refuse = || Problem::Refused {
        status: StatusCode::BAD_REQUEST,
        code: "",
        message: "Invalid cursor".to_owned(),
        details: serde_json::Map::from_iter([("field".to_owned(), "cursor".into())]),
    };
    ListingCursor::parse(text).map(Some).ok_or_else(refuse)
}
