//! Compares the traffic of the tests with the OpenAPI document that the service serves: each response of an operation has
//! a documented status, content type and body, and each body that was accepted has the documented members.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http::{HeaderMap, Method};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(handrail_docs::ALL_DOORS).expect("the document is JSON"));

/// Validators of schemas, by their place in the document. Each is compiled when it is needed first.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// A response, and the request that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) text: &'a str,
    /// `Null` if the response is not JSON.
    pub(crate) json: &'a Value,
}

impl Exchange<'_> {
    /// Returns an empty string if the response does not have the header.
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Panics if the document does not describe the response, or the request that it accepts. Paths that are no operations,
/// such as the local pages of a laptop, are not checked.
#[track_caller]
pub(crate) fn check_exchange(exchange: &Exchange<'_>) {
    let path = path_of(exchange.url);
    let Some((template, methods)) = find_path(path) else { return };
    let method = exchange.method.as_str().to_lowercase();
    let Some(operation) = methods.get(&method) else {
        let refused = exchange.status == 405 || method == "options" || method == "head";
        assert!(refused, "{method} {path} is not in the OpenAPI document, and the status is {}", exchange.status);
        return;
    };
    let name = format!("{} {template}", method.to_uppercase());
    if let Err(difference) = check_response(operation, &name, exchange) {
        panic!("the OpenAPI document does not describe the response of {name}: {difference}\n{}", exchange.text);
    }
    // A batch reports what it refused as errors in its result.
    let is_accepted =
        (200..300).contains(&exchange.status) && exchange.json["errors"].as_array().is_none_or(Vec::is_empty);
    if is_accepted && let Err(difference) = check_request(operation, &name, exchange.body) {
        panic!("the OpenAPI document does not describe the request to {name}: {difference}");
    }
}

fn check_response(operation: &Value, name: &str, response: &Exchange<'_>) -> Result<(), String> {
    let status = response.status.to_string();
    let documented = operation["responses"].get(&status).ok_or_else(|| format!("the status {status} is missing"))?;
    if response.text.is_empty() {
        let may_be_empty = documented["content"].is_null() || documented["x-body-may-be-empty"] == true;
        // A file may have no bytes, and a stream none yet.
        let is_text = documented["content"].as_object().is_some_and(|contents| !contents.contains_key(JSON));
        return if may_be_empty || is_text { Ok(()) } else { Err(format!("{status} has no body")) };
    }
    let sent = response.header("content-type").split(';').next().unwrap_or_default().trim();
    let contents = documented["content"].as_object().ok_or_else(|| format!("{status} should have no body"))?;
    let content = contents.get(sent).or_else(|| contents.get("*/*"));
    let content = content.ok_or_else(|| format!("{status} has the content type {sent}"))?;
    if sent != JSON || content["schema"].is_null() {
        return Ok(());
    }
    let validator = validator(&format!("{name} {status}"), &content["schema"]);
    first_error(&validator, response.json).map_or(Ok(()), |error| Err(format!("{status}: {error}")))
}

const JSON: &str = "application/json";

fn check_request(operation: &Value, name: &str, body: &[u8]) -> Result<(), String> {
    let Some(schema) = operation["requestBody"]["content"].get(JSON).map(|content| &content["schema"]) else {
        return Ok(());
    };
    // The packets door accepts a byte order mark.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
    let validator = validator(&format!("{name} request"), schema);
    first_error(&validator, &body).map_or(Ok(()), Err)
}

fn validator(place: &str, schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || {
        let root = json!({"allOf": [schema], "components": DOCUMENT["components"]});
        Arc::new(jsonschema::draft202012::new(&root).unwrap_or_else(|error| panic!("{place}: {error}")))
    };
    Arc::clone(validators.entry(place.to_owned()).or_insert_with(compile))
}

fn first_error(validator: &Validator, value: &Value) -> Option<String> {
    validator.iter_errors(value).next().map(|error| format!("{error} at {:?}", error.instance_path().as_str()))
}

fn path_of(url: &str) -> &str {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}

/// Returns the path of the document that matches, preferring literal segments.
fn find_path(path: &str) -> Option<(&'static str, &'static Map<String, Value>)> {
    let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
    let matching = paths.iter().filter_map(|(template, methods)| {
        let (segments, own) = (path.split('/'), template.split('/'));
        let is_equal = segments.clone().count() == own.clone().count();
        let matches = segments
            .zip(own.clone())
            .all(|(segment, own)| own.starts_with('{') && !segment.is_empty() || own == segment);
        let literals = own.filter(|own| !own.starts_with('{')).count();
        (is_equal && matches).then_some((literals, template.as_str(), methods.as_object()?))
    });
    matching.max_by_key(|(literals, ..)| *literals).map(|(_, template, methods)| (template, methods))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `true` if a test with this exchange fails.
    fn differs(method: &Method, url: &str, body: &[u8], (status, json): (u16, &Value)) -> bool {
        let headers = [("content-type", "application/json"), ("content-length", "1")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let (headers, text) = (headers.into_iter().collect(), json.to_string());
        let exchange = Exchange { method, url, body, status, headers: &headers, text: &text, json };
        std::panic::catch_unwind(|| check_exchange(&exchange)).is_err()
    }

    #[test]
    fn undocumented_traffic_fails_the_test() {
        let health = json!({"status": "ok", "version": "1"});
        let url = "http://127.0.0.1:1/healthz?a=b";
        assert!(!differs(&Method::GET, url, b"", (200, &health)));
        for wrong in [(418, &health), (200, &json!({"status": "ok"})), (200, &json!([]))] {
            assert!(differs(&Method::GET, url, b"", wrong), "{wrong:?}");
        }
        assert!(differs(&Method::PUT, url, b"", (200, &health)));
        assert!(!differs(&Method::GET, "/local/mail", b"", (418, &json!(1))));
        let accepted = json!({"status": "accepted", "message": "m"});
        let login = |body: &[u8]| differs(&Method::POST, "/auth/login", body, (202, &accepted));
        assert!(!login(br#"{"email": "ann@example.com"}"#));
        assert!(login(br#"{"email": 1}"#));
    }
}
