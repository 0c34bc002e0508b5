//! Pages of packets: query parameters and responses.

use axum::response::{IntoResponse as _, Response};
use handrail_context::cx::Cx;
use handrail_domain::field_error::RequestPart;
use handrail_domain::packet::Packet;
use handrail_packet_records::PacketWithContent;
use handrail_platform::fault::Fault;
use handrail_store::{Cursor, LIST_OFFSET_MAX, Order, PageRequest, RecordWithBody, Total};
use handrail_web::headers::total_header;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::errors::field_error;
use crate::response_encoding::{ResponseEncoding, UNCOMPRESSED_BYTES_MAX, response_json};
use crate::view::PacketView;

const LIMIT_DEFAULT: usize = 50;
pub(crate) const LIMIT_MAX: usize = 200;

/// Content of an uncompressed page. JSON full of quotes grows when escaped, so then half of it is tried.
const UNCOMPRESSED_CONTENT_BYTES_MAX: usize = 5 * 1024 * 1024;

/// JSON of a page besides the packets' content: 2 KB per packet.
const METADATA_BYTES_MAX: usize = 2 * 1024 * LIMIT_MAX;

/// Requested limit and offset of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageParams {
    pub limit: usize,
    pub offset: usize,
}

impl PageParams {
    pub(crate) fn parse(limit: Option<&str>, offset: Option<&str>) -> Result<Self, Problem> {
        let parse_in_range = |name, text: Option<&str>, range: std::ops::RangeInclusive<usize>, default, hint| {
            let Some(text) = text else { return Ok(default) };
            text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
                let message = format!("Input should be a whole number from {} to {}{hint}", range.start(), range.end());
                field_error(RequestPart::Query, name, message, "int_parsing")
            })
        };
        let hint = ". Continue with the cursor of the previous page, or filter by time";
        Ok(Self {
            limit: parse_in_range("limit", limit, 1..=LIMIT_MAX, LIMIT_DEFAULT, "")?,
            offset: parse_in_range("offset", offset, 0..=LIST_OFFSET_MAX, 0, hint)?,
        })
    }
}

/// Response with a page of packets.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PacketList {
    packets: Vec<PacketView>,
    /// Packets on all pages.
    total: u64,
    limit: usize,
    offset: usize,
    /// Cursor of the next page; null on the last.
    next_cursor: Option<String>,
}

/// Page of packets as JSON views.
pub(crate) struct PacketPage {
    packets: Vec<PacketView>,
    total: Total,
    next_cursor: Option<Cursor>,
}

impl PacketPage {
    pub(crate) fn new(
        cx: &Cx,
        records: Vec<RecordWithBody<Packet>>,
        total: Total,
        next: Option<Cursor>,
    ) -> Result<Self, Fault> {
        let packets = records
            .into_iter()
            .map(|record_with_body| Ok(PacketView::as_of_now(cx, &PacketWithContent::from_record(record_with_body)?)));
        let packets = packets.collect::<Result<Vec<_>, Fault>>()?;
        Ok(Self { total, packets, next_cursor: next })
    }

    fn into_list(self, params: PageParams) -> PacketList {
        PacketList {
            packets: self.packets,
            total: self.total.count,
            limit: params.limit,
            offset: params.offset,
            next_cursor: self.next_cursor.map(|cursor| cursor.encode()),
        }
    }
}

/// Builds the response from the page that `find` returns. Calls `find` again for a smaller page if a page is too large.
pub(crate) async fn page_response<F>(
    encoding: ResponseEncoding,
    params: PageParams,
    cursor: Option<Cursor>,
    order: Order,
    find: impl Fn(PageRequest) -> F,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<PacketPage, Fault>>,
{
    let PageParams { limit, offset } = params;
    let sizes = [
        UNCOMPRESSED_BYTES_MAX - METADATA_BYTES_MAX,
        UNCOMPRESSED_CONTENT_BYTES_MAX,
        UNCOMPRESSED_CONTENT_BYTES_MAX / 2,
    ];
    for bytes_max in &sizes[usize::from(!encoding.accepts_gzip)..] {
        let page = PageRequest { limit, offset, cursor: cursor.clone(), order, bytes_max: *bytes_max };
        let found = find(page).await?;
        let total = found.total;
        if let Some(response) = encoding.try_encode(response_json(&found.into_list(params))?)? {
            return Ok((total_header(total), response).into_response());
        }
    }
    Err(Fault::internal("half a page exceeds the response limit").into())
}

/// Returns `None` for a blank text.
pub(crate) fn non_blank(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// Parses the `next_cursor` of the previous page.
pub(crate) fn parse_cursor(text: Option<&str>) -> Result<Option<Cursor>, Problem> {
    let Some(text) = non_blank(text) else { return Ok(None) };
    let refuse = || Problem::Refused {
        status: StatusCode::BAD_REQUEST,
        code: "",
        message: "Invalid cursor".to_owned(),
        details: serde_json::Map::from_iter([("field".to_owned(), "cursor".into())]),
    };
    Cursor::parse(text).map(Some).ok_or_else(refuse)
}
