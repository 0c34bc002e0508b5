//! `GET /audit/export`: the rows of the journal, in parts.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::TenantId;
use handrail_domain::journal_export::{ExportFormat, ExportedRow};
use handrail_domain::merkle_tree::MerkleTree;
use handrail_domain::personal_values::HashedEntry;
use handrail_domain::read_time::read_query_time;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::JournalEntry;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "audit-export",
    method: HttpMethod::Get,
    path: "/audit/export",
    auth: Auth::ApiKeyOrSession(Scope::AuditRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ReadJournal,
    ],
    summary: "Export the journal of the account, with the hashes of its rows",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, "application/x-ndjson").text(200, "text/csv")
}

const ROWS_DEFAULT: usize = 1_000;
const ROWS_MAX: usize = 10_000;
/// Size at which a part ends. Lambda returns at most 6 MB, with each quote and backslash of the body escaped by one more
/// byte: at worst twice this size, and one row beyond it.
const PART_BYTES: usize = 2_400_000;
/// Queries of one part at most. Each reads 1 MB, and a part must end long before API Gateway gives up.
const QUERIES_MAX: usize = 12;

/// Number after which the next part begins. A response without it is the last part.
static NEXT_AFTER: HeaderName = HeaderName::from_static("x-next-after");

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// `jsonl` or `csv`.
    format: Option<String>,
    /// Time or date of the first row.
    from: Option<String>,
    /// Time or date before which the export ends.
    to: Option<String>,
    /// Number of the last row that the client has.
    after: Option<String>,
    /// Rows of the part: 1 to 10,000.
    limit: Option<String>,
}

/// Requested part of the journal.
struct PartRequest {
    format: ExportFormat,
    start: Start,
    /// The part ends before the first row at which the journal has reached this time.
    to: Option<Timestamp>,
    limit: usize,
}

enum Start {
    AfterNumber(u64),
    /// The first row at which the journal has reached this time.
    AtTime(Timestamp),
}

/// Part of an export.
struct Part {
    text: String,
    /// Number of the part's last row, if there are more rows.
    next_after: Option<u64>,
}

async fn handler(
    State(cx): State<Cx>,
    admin: TenantAdmin<scopes::AuditRead>,
    query: Result<Query<QueryParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = query.map_err(|_| Problem::invalid_request("The query can't be read"))?;
    let request = PartRequest::parse(&params)?;
    admin.check_limit(&cx).await?;
    let part = read_part(&cx, admin.tenant(), &request).await?;
    let (content_type, disposition) = match request.format {
        ExportFormat::Jsonl => ("application/x-ndjson", "attachment; filename=\"audit.jsonl\""),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
    };
    let mut response = part.text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    if let Some(number) = part.next_after {
        headers.insert(NEXT_AFTER.clone(), HeaderValue::from(number));
    }
    Ok(response)
}

impl PartRequest {
    fn parse(params: &QueryParams) -> Result<Self, Problem> {
        let format = match params.format.as_deref() {
            None => ExportFormat::Jsonl,
            Some(name) => ExportFormat::from_name(name).ok_or_else(|| {
                Problem::invalid(
                    "format",
                    format!("must be one of {}", ExportFormat::ALL.map(ExportFormat::name).join(", ")),
                )
            })?,
        };
        let from = params.from.as_deref().map(|text| parse_time("from", text)).transpose()?;
        let start = match (params.after.as_deref(), from) {
            (Some(after), _) => Start::AfterNumber(parse_number("after", after, u64::MAX - 1)?),
            (None, Some(from)) => Start::AtTime(from),
            (None, None) => Start::AfterNumber(0),
        };
        let to = params.to.as_deref().map(|text| parse_time("to", text)).transpose()?;
        let limit = match params.limit.as_deref() {
            None => ROWS_DEFAULT,
            Some(text) => usize::try_from(parse_number("limit", text, ROWS_MAX as u64)?).unwrap_or(ROWS_MAX),
        };
        if limit == 0 {
            return Err(Problem::invalid("limit", format!("must be a number from 1 to {ROWS_MAX}")));
        }
        Ok(Self { format, start, to, limit })
    }
}

fn parse_time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    read_query_time(text)
        .ok_or_else(|| Problem::invalid(name, "must be a time such as 2026-01-31T09:30:00Z, or a date"))
}

fn parse_number(name: &str, text: &str, max: u64) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|number| *number <= max);
    number.ok_or_else(|| Problem::invalid(name, format!("must be a whole number up to {max}")))
}

async fn read_part(cx: &Cx, tenant: TenantId, request: &PartRequest) -> Result<Part, Fault> {
    let mut text = request.format.header().unwrap_or_default();
    let Some(after) = number_before_start(cx, tenant, &request.start).await? else {
        return Ok(Part { text, next_after: None });
    };
    // The row before the part is read for its tree.
    let (mut tree_before, mut last) = (None, after.saturating_sub(1));
    let mut rows = 0;
    for _ in 0..QUERIES_MAX {
        let missing = request.limit - rows + 2;
        let entries = cx.store.journal_entries_after(tenant, last, i32::try_from(missing).unwrap_or(i32::MAX)).await?;
        if entries.is_empty() {
            return Ok(Part { text, next_after: None });
        }
        for entry in entries {
            last = entry.number;
            if entry.number <= after {
                tree_before = entry.tree;
                continue;
            }
            if request.to.is_some_and(|to| entry.latest_at >= to) {
                return Ok(Part { text, next_after: None });
            }
            let line = request.format.encode(&exported_row(entry, tree_before.take().filter(|_| rows == 0)));
            if rows == request.limit || (rows > 0 && text.len() + line.len() > PART_BYTES) {
                return Ok(Part { text, next_after: Some(last - 1) });
            }
            text.push_str(&line);
            rows += 1;
        }
    }
    Ok(Part { text, next_after: Some(last) })
}

/// Returns the number of the row before the part, or 0 if the part begins with the first row. Returns `None` if the part
/// has no row.
async fn number_before_start(cx: &Cx, tenant: TenantId, start: &Start) -> Result<Option<u64>, Fault> {
    let from = match start {
        Start::AfterNumber(number) => return Ok(Some(*number)),
        Start::AtTime(from) => *from,
    };
    let Some(newest) = cx.store.newest_journal_entry(tenant).await? else { return Ok(None) };
    let before = cx.store.last_entry_before(tenant, &newest, from).await?;
    Ok(Some(before.map_or(0, |entry| entry.number)))
}

fn exported_row(entry: JournalEntry, tree_before: Option<MerkleTree>) -> ExportedRow {
    let (from, to) = entry.states.map_or((None, None), |states| (states.from, Some(states.to)));
    let hashed = HashedEntry::of_stored(&entry.event);
    let row = ExportedRow {
        number: entry.number,
        at: entry.at,
        kind: entry.kind,
        record: entry.record.to_string(),
        seq: entry.seq,
        from,
        to,
        entry: hashed.text,
        previous_hash: entry.hashes.map(|hashes| hashes.previous.to_hex()),
        hash: entry.hashes.map(|hashes| hashes.own.to_hex()),
        tree_before: tree_before.map(|tree| tree.to_string()),
        personal: hashed.personal,
    };
    // While an update replaces the processes, one of the version that hashed the whole text may append a new event.
    let is_hashed_whole = matches!(row.hashes(), Ok(Some(hashes)) if hashes.computed != hashes.stated);
    let whole = is_hashed_whole.then(|| ExportedRow { entry: entry.event, personal: None, ..row.clone() });
    whole.filter(|whole| matches!(whole.hashes(), Ok(Some(hashes)) if hashes.computed == hashes.stated)).unwrap_or(row)
}

#[cfg(test)]
mod tests {
    use handrail_domain::journal_export::ExportFormat;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ADMIN, AGENT, TestApp, TestResponse};

    async fn export(app: &TestApp, query: &str) -> TestResponse {
        app.get(ENDPOINT, &format!("/audit/export{query}"), ADMIN).await
    }

    fn rows(format: ExportFormat, response: &TestResponse) -> Vec<ExportedRow> {
        assert_eq!(response.status.as_u16(), 200, "{}", response.json);
        let text = std::str::from_utf8(&response.body).unwrap();
        let lines = text.strip_prefix(&format.header().unwrap_or_default()).unwrap().split_inclusive('\n');
        lines.map(|line| format.decode(line).unwrap()).collect()
    }

    fn next_after(response: &TestResponse) -> Option<&str> {
        response.headers.get(&NEXT_AFTER).map(|value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn export_has_every_row_with_matching_hashes() {
        let app = TestApp::new().await;
        app.create_decisions(3).await;
        let jsonl = export(&app, "").await;
        assert_eq!(jsonl.headers[CONTENT_TYPE], "application/x-ndjson");
        let found = rows(ExportFormat::Jsonl, &jsonl);
        let csv = export(&app, "?format=csv").await;
        assert_eq!(rows(ExportFormat::Csv, &csv), found);
        assert_eq!(found.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3]);
        let mut previous = None;
        for row in &found {
            let hashes = row.hashes().unwrap().unwrap();
            assert!(hashes.computed == hashes.stated && row.is_consistent());
            assert!(previous.is_none_or(|previous| previous == hashes.previous));
            previous = Some(hashes.stated);
        }
        assert_eq!(next_after(&jsonl), None);
    }

    #[tokio::test]
    async fn personal_values_are_beside_the_hashed_text() {
        let app = TestApp::new().await;
        app.create_decisions(1).await;
        let text = |seq| json!({"at": crate::testing::NOON, "seq": seq, "by": {"email": "ann@example.com"}});
        let mut salted = text(2);
        salted["personal"] = json!(["/by/email"]);
        salted["salt"] = json!("00".repeat(16));
        let hashed = HashedEntry::of_stored(&salted.to_string());
        app.put_chained_row(2, &salted.to_string(), &hashed.text).await;
        // A worker of the version before appends the same event with a hash over the whole text.
        app.put_chained_row(3, &salted.to_string(), &salted.to_string()).await;
        let found = rows(ExportFormat::Jsonl, &export(&app, "").await);
        assert!(found.iter().all(|row| row.hashes().unwrap().is_some_and(|hashes| hashes.computed == hashes.stated)));
        assert!(found.iter().all(ExportedRow::has_matching_personal_values));
        assert!(found[0].personal.as_deref().is_some_and(|personal| personal.contains("/event/ask_sha256")));
        assert_eq!((&found[1].entry, &found[1].personal), (&hashed.text, &hashed.personal));
        assert!(!found[1].entry.contains("ann@example.com"));
        assert_eq!((&found[2].entry, &found[2].personal), (&salted.to_string(), &None));
    }

    #[tokio::test]
    async fn parts_continue_each_other_with_their_tree() {
        let app = TestApp::new().await;
        app.create_decisions(5).await;
        let whole = rows(ExportFormat::Jsonl, &export(&app, "").await);
        let first = export(&app, "?limit=2").await;
        assert_eq!((rows(ExportFormat::Jsonl, &first).len(), next_after(&first)), (2, Some("2")));
        let second = export(&app, "?limit=3&after=2").await;
        let second_rows = rows(ExportFormat::Jsonl, &second);
        assert_eq!((second_rows.len(), next_after(&second)), (3, None));
        assert_eq!(second_rows[0].tree_before().unwrap().map(|tree| tree.size()), Some(2));
        assert_eq!(ExportedRow { tree_before: None, ..second_rows[0].clone() }, whole[2]);
        assert_eq!(second_rows[1..], whole[3..]);
        assert!(rows(ExportFormat::Jsonl, &export(&app, "?after=5").await).is_empty());
    }

    #[tokio::test]
    async fn times_select_rows_in_the_order_of_the_journal() {
        let app = TestApp::new().await;
        for _ in 0..4 {
            app.create_decisions(1).await;
            app.advance_ms(60_000);
        }
        let at = |minutes: i64| crate::testing::NOON.plus_ms(minutes * 60_000);
        for (from, to, expected) in [(0, 9, vec![1, 2, 3, 4]), (1, 3, vec![2, 3]), (0, 0, vec![]), (9, 10, vec![])] {
            let found = rows(ExportFormat::Jsonl, &export(&app, &format!("?from={}&to={}", at(from), at(to))).await);
            assert_eq!(found.iter().map(|row| row.number).collect::<Vec<_>>(), expected, "{from} to {to}");
        }
    }

    #[tokio::test]
    async fn large_rows_end_the_part() {
        let app = TestApp::new().await;
        for number in 1..=200 {
            app.put_row(number, json!({"at": crate::testing::NOON, "notes": "\"\\".repeat(4_000)}).to_string()).await;
        }
        let (mut found, mut after, mut parts) = (Vec::new(), 0, 0);
        while parts < 10 {
            parts += 1;
            let part = export(&app, &format!("?after={after}&limit=10000")).await;
            let escaped = serde_json::to_string(&String::from_utf8_lossy(&part.body)).unwrap();
            assert!(escaped.len() < 6_000_000, "{} bytes", escaped.len());
            found.extend(rows(ExportFormat::Jsonl, &part).into_iter().map(|row| row.number));
            match next_after(&part) {
                Some(number) => after = number.parse().unwrap(),
                None => break,
            }
        }
        assert_eq!(found, (1..=200).collect::<Vec<u64>>());
        assert!(parts > 1, "the rows do not fit into one part");
    }

    #[tokio::test]
    async fn invalid_query_is_refused_by_field() {
        let app = TestApp::new().await;
        for (query, field) in [
            ("?format=xml", "format"),
            ("?from=yesterday", "from"),
            ("?to=x", "to"),
            ("?after=-1", "after"),
            ("?limit=0", "limit"),
            ("?limit=10001", "limit"),
        ] {
            let refused = export(&app, query).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
    }

    #[tokio::test]
    async fn export_needs_the_scope_and_has_only_own_rows() {
        let app = TestApp::new().await;
        app.create_decisions(1).await;
        let refused = app.get(ENDPOINT, "/audit/export", AGENT).await;
        assert_eq!((refused.status.as_u16(), &refused.json["code"]), (403, &Value::from("FORBIDDEN")));
        let other = app.get(ENDPOINT, "/audit/export", crate::testing::OTHER_TENANT).await;
        assert!(rows(ExportFormat::Jsonl, &other).is_empty());
    }
}
