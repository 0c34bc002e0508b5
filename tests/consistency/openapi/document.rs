//! An OpenAPI document of some operations.

use handrail_web::descriptions::Description;
use handrail_web::endpoint::Endpoint;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::components::merge;
use super::operation::{Generators, operation};

/// Returns a generator of schemas, of what the service writes or of what it reads.
pub(super) fn generator(for_responses: bool) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12();
    let settings = if for_responses { settings.for_serialize() } else { settings.for_deserialize() };
    settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator()
}

pub(super) fn document(title: &str, doors: &[(&str, &str)], operations: &[(Endpoint, Description)]) -> Value {
    let mut generators = Generators { requests: generator(false), responses: generator(true) };
    let mut paths = Map::new();
    for (endpoint, description) in operations {
        let methods = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        methods[endpoint.method.name().to_lowercase()] = operation(endpoint, description, &mut generators);
    }
    let responses = generators.responses.take_definitions(true);
    let requests = generators.requests.take_definitions(true);
    let schemas = merge(responses, requests, paths.values_mut());
    let tags: Vec<Value> =
        doors.iter().map(|(name, description)| json!({"name": name, "description": description})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Handrail lets AI agents ask people for approval and hand work to each other.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": security_schemes()},
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-handrail-session",
            "description": "The session of the owner who signed in by a mailed link",
        },
        "slackSignature": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Slack-Signature",
            "description": "Slack's signature over the request",
        },
    })
}
