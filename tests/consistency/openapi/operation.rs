//! An operation as an OpenAPI object.

use std::collections::{BTreeMap, BTreeSet};

use handrail_web::descriptions::{Content, Description, HTML, JSON, ProblemFormat};
use handrail_web::door::Credential;
use handrail_web::endpoint::{Auth, Endpoint};
use http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub(super) struct Generators {
    pub(super) requests: SchemaGenerator,
    pub(super) responses: SchemaGenerator,
}

pub(super) fn operation(endpoint: &Endpoint, description: &Description, generators: &mut Generators) -> Value {
    let mut operation = json!({
        "operationId": endpoint.function,
        "summary": endpoint.summary,
        "tags": [endpoint.door.name],
        "security": security(endpoint),
    });
    let parameters = parameters(endpoint, description);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = &description.body {
        let contents = contents(&body.contents, &mut generators.requests);
        operation["requestBody"] = json!({"required": body.is_required, "content": contents});
    }
    operation["responses"] = responses(description, &mut generators.responses);
    operation
}

fn security(endpoint: &Endpoint) -> Value {
    let by_key = |scope: &str| match endpoint.door.caller_rules.credential {
        Credential::Bearer => json!({"bearer": [scope]}),
        Credential::ApiKeyHeader => json!({"apiKey": [scope]}),
    };
    match endpoint.auth {
        Auth::ApiKey(scope) => json!([by_key(scope.name())]),
        Auth::ApiKeyOrSession(scope) => json!([by_key(scope.name()), {"session": []}]),
        Auth::Session => json!([{"session": []}]),
        Auth::SlackSignature => json!([{"slackSignature": []}]),
        // The link or the state is the credential.
        Auth::Link | Auth::OAuthState | Auth::Public => json!([]),
    }
}

fn parameters(endpoint: &Endpoint, description: &Description) -> Vec<Value> {
    let mut parameters = Vec::new();
    for part in endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let schema = match description.path_parameter {
            Some(schema) => inline(schema),
            None => json!({"type": "string"}),
        };
        parameters.push(json!({"name": part, "in": "path", "required": true, "schema": schema}));
    }
    for query in &description.queries {
        let schema = inline(*query);
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let mut member = member.clone();
            // A parameter that is sent is never null.
            if let Some(types) = member["type"].as_array() {
                member["type"] = types.iter().find(|name| *name != "null").cloned().unwrap_or_default();
            }
            let text = member.as_object_mut().and_then(|member| member.shift_remove("description"));
            let mut parameter =
                json!({"name": name, "in": "query", "required": required.contains(name.as_str()), "schema": member});
            if let Some(text) = text {
                parameter["description"] = text;
            }
            parameters.push(parameter);
        }
    }
    for header in &description.headers {
        parameters.push(json!({
            "name": header.name,
            "in": "header",
            "required": false,
            "description": header.description,
            "schema": {"type": "string"},
        }));
    }
    parameters
}

/// Returns a schema without references.
fn inline(schema: handrail_web::descriptions::SchemaOf) -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true);
    schema(&mut settings.into_generator()).to_value()
}

fn contents(contents: &[Content], generator: &mut SchemaGenerator) -> Map<String, Value> {
    let content = |content: &Content| {
        let value = match (content.schema, content.content_type) {
            (Some(schema), _) => json!({"schema": schema(generator).to_value()}),
            (None, text) if text.starts_with("text/") => json!({"schema": {"type": "string"}}),
            (None, _) => json!({}),
        };
        (content.content_type.to_owned(), value)
    };
    contents.iter().map(content).collect()
}

fn responses(description: &Description, generator: &mut SchemaGenerator) -> Value {
    let mut by_status: BTreeMap<u16, Map<String, Value>> = BTreeMap::new();
    for (status, found) in &description.responses {
        by_status.entry(*status).or_default().extend(contents(found, generator));
    }
    let problem = description.problem_schema.map(|schema| schema(generator).to_value());
    for status in &description.problems {
        let response = by_status.entry(*status).or_default();
        if description.problem_format != ProblemFormat::Json {
            response.entry(HTML).or_insert_with(|| json!({"schema": {"type": "string"}}));
        }
        if description.problem_format != ProblemFormat::Page
            && let Some(problem) = &problem
        {
            match response.get_mut(JSON) {
                // A status that is an error and a result has either form.
                Some(content) => content["schema"] = json!({"anyOf": [content["schema"], problem]}),
                None => {
                    response.insert(JSON.to_owned(), json!({"schema": problem}));
                }
            }
        }
    }
    let responses = by_status.into_iter().map(|(status, contents)| {
        let mut response = json!({"description": words(status)});
        if !contents.is_empty() {
            response["content"] = contents.into();
        }
        if description.may_be_empty.contains(&status) {
            response["x-body-may-be-empty"] = true.into();
        }
        (status.to_string(), response)
    });
    responses.collect::<Map<String, Value>>().into()
}

/// Words for a status.
fn words(status: u16) -> String {
    let known = match status {
        200 => "The result",
        201 => "Created",
        202 => "Accepted: the work is done later",
        204 => "Done",
        302 | 303 => "Another address, in the header Location",
        304 => "Not changed since the ETag",
        400 => "The request is invalid",
        401 => "No credentials, or none that work",
        403 => "The caller may not do this",
        404 => "Not found, or not visible to the caller",
        409 => "In conflict with the present state, or with an earlier request of the same Idempotency-Key",
        410 => "The time for this is over",
        413 => "The body is too large",
        422 => "Fields of the request are invalid",
        429 => "A limit is reached; Retry-After has the seconds to wait",
        500 => "The service failed; the log has the request id",
        503 => "Busy: a repeat may succeed in a moment",
        other => return StatusCode::from_u16(other).unwrap().canonical_reason().unwrap_or_default().to_owned(),
    };
    known.to_owned()
}
