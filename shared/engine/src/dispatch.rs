//! Dispatches requests by their `x-amz-target` header to the database, and encodes the responses.
//!
//! Responses have the form of the JSON 1.0 protocol. Requests come from an SDK, so their bodies are well typed; the
//! error message for a malformed body may differ from the message of AWS.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// HTTP response of the engine.
pub(crate) struct EngineResponse {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Runs the operation that `target` names.
pub(crate) fn dispatch(database: &Database, target: &str, body: &[u8]) -> EngineResponse {
    let Some(operation) = target.strip_prefix("DynamoDB_20120810.") else {
        return unknown_operation();
    };
    let outcome = match operation {
        "GetItem" => call_database(body, |request| database.get_item(request)),
        "PutItem" => call_database(body, |request| database.put_item(request)),
        "UpdateItem" => call_database(body, |request| database.update_item(request)),
        "DeleteItem" => call_database(body, |request| database.delete_item(request)),
        "Query" => call_database(body, |request| database.query(request)),
        "Scan" => call_database(body, |request| database.scan(request)),
        "BatchGetItem" => call_database(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => call_database(body, |request| database.batch_write_item(request)),
        "TransactGetItems" => call_database(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => call_database(body, |request| database.transact_write_items(request)),
        "CreateTable" => call_database(body, |request| database.create_table(request)),
        "UpdateTable" => call_database(body, |request| database.update_table(request)),
        "DescribeTable" => call_database(body, |request| database.describe_table(request)),
        "DeleteTable" => call_database(body, |request| database.delete_table(request)),
        "ListTables" => call_database(body, |request| database.list_tables(request)),
        "UpdateTimeToLive" => call_database(body, |request| database.update_time_to_live(request)),
        "DescribeTimeToLive" => call_database(body, |request| database.describe_time_to_live(request)),
        _ => return unknown_operation(),
    };
    match outcome {
        Ok(body) => EngineResponse { status: 200, body },
        Err(error) => {
            let status = error.status_code();
            if status >= 500 {
                tracing::error!(operation, %error, "the database failed");
            }
            EngineResponse { status, body: error.to_json() }
        }
    }
}

fn call_database<Request: DeserializeOwned, Response: Serialize>(
    body: &[u8],
    work: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|fault| deserialization_error(&fault))?;
    let response = work(request)?;
    serde_json::to_string(&response).map_err(|fault| DynoxideError::InternalServerError(fault.to_string()))
}

/// Converts a parse error. The database validates requests while parsing and prefixes the message with the kind of
/// error.
fn deserialization_error(fault: &serde_json::Error) -> DynoxideError {
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

fn unknown_operation() -> EngineResponse {
    EngineResponse {
        status: 400,
        body: r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#.to_owned(),
    }
}
