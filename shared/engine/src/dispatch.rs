//! From an `x-amz-target` to a call of the database, and from its answer to a status and a body.
//!
//! The connector calls this on the engine's thread. Every request gets an answer in the JSON 1.0
//! protocol's shape. Requests come from an SDK, so their bodies are well typed: a malformed body
//! is refused, but not always in the words that AWS would use.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

pub(crate) fn dispatch(database: &Database, target: &str, body: &[u8]) -> Answer {
    let Some(operation) = target.strip_prefix("DynamoDB_20120810.") else {
        return unknown_operation();
    };
    let outcome = match operation {
        "GetItem" => call(body, |request| database.get_item(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "Query" => call(body, |request| database.query(request)),
        "Scan" => call(body, |request| database.scan(request)),
        "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => call(body, |request| database.batch_write_item(request)),
        "TransactGetItems" => call(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
        "CreateTable" => call(body, |request| database.create_table(request)),
        "UpdateTable" => call(body, |request| database.update_table(request)),
        "DescribeTable" => call(body, |request| database.describe_table(request)),
        "DeleteTable" => call(body, |request| database.delete_table(request)),
        "ListTables" => call(body, |request| database.list_tables(request)),
        "UpdateTimeToLive" => call(body, |request| database.update_time_to_live(request)),
        "DescribeTimeToLive" => call(body, |request| database.describe_time_to_live(request)),
        _ => return unknown_operation(),
    };
    match outcome {
        Ok(body) => Answer { status: 200, body },
        Err(refusal) => {
            let status = refusal.status_code();
            if status >= 500 {
                tracing::error!(operation, %refusal, "the database failed");
            }
            Answer { status, body: refusal.to_json() }
        }
    }
}

fn call<Request: DeserializeOwned, Response: Serialize>(
    body: &[u8],
    work: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|fault| unreadable(&fault))?;
    let response = work(request)?;
    serde_json::to_string(&response).map_err(|fault| DynoxideError::InternalServerError(fault.to_string()))
}

/// The database checks a request while reading it, and puts the kind of a refusal before the
/// message.
fn unreadable(fault: &serde_json::Error) -> DynoxideError {
    let text = fault.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    match text.split_once(':') {
        Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", message)) => {
            DynoxideError::ValidationException(message.to_owned())
        }
        Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", message)) => {
            DynoxideError::SerializationException(message.to_owned())
        }
        _ => DynoxideError::SerializationException(text.to_owned()),
    }
}

fn unknown_operation() -> Answer {
    Answer { status: 400, body: r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#.to_owned() }
}
