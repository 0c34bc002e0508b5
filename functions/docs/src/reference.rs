//! The page about all operations. It is plain HTML that works without scripts and loads nothing; a small script searches.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use handrail_web::pages::{HtmlPage, html_response};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::documents::{ALL_DOORS, DOORS};

const SCRIPT: &str = include_str!("reference.js");
/// References and parts that are followed to describe a type in words. A deeper type is named only.
const DEPTH_MAX: usize = 4;

/// Body of the page, which is the same for every request.
static BODY: LazyLock<String> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(ALL_DOORS).unwrap_or_default();
    body(&document).into_string()
});

pub(crate) fn reference_page() -> Response {
    let page = HtmlPage::new("Operations", maud::PreEscaped(BODY.clone())).wide().script(SCRIPT);
    html_response(StatusCode::OK, &page).into_response()
}

fn body(document: &Value) -> Markup {
    html! {
        h1 { "Operations" }
        p {
            "Everything that programs and people can request of this service. The same as OpenAPI documents: "
            a href="openapi.json" { "all" }
            @for (name, _) in DOORS { ", " a href=(format!("openapi/{name}")) { (name.trim_end_matches(".json")) } }
            "."
        }
        p hidden { label for="search" { "Search " } input id="search" type="search"; " " span id="found" role="status" {} }
        @for tag in members_of(&document["tags"]) {
            h2 { (text(&tag["name"])) }
            p { (text(&tag["description"])) }
            @for (path, method, operation) in operations_of(document, text(&tag["name"])) {
                (operation_view(document, path, method, operation))
            }
        }
    }
}

/// Returns the operations of a tag, with their paths and methods.
fn operations_of<'a>(document: &'a Value, tag: &str) -> Vec<(&'a str, &'a str, &'a Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    operations.filter(|(_, _, operation)| operation["tags"][0] == tag).collect()
}

fn operation_view(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
    let words = format!("{method} {path} {summary}").to_lowercase();
    html! {
        details class="operation" id=(id) data-words=(words) {
            summary { code { (method.to_uppercase()) " " (path) } " " (summary) }
            p { (credentials(&operation["security"])) }
            @let parameters = members_of(&operation["parameters"]);
            @if !parameters.is_empty() {
                h3 { "Parameters" }
                ul {
                    @for parameter in parameters {
                        li {
                            code { (text(&parameter["name"])) } " in the " (text(&parameter["in"]))
                            @if parameter["required"] == true { ", required" }
                            @let description = text(&parameter["description"]);
                            @if !description.is_empty() { ": " (description) }
                        }
                    }
                }
            }
            @if let Some(contents) = operation["requestBody"]["content"].as_object() {
                h3 { "Body" }
                (contents_view(document, contents))
            }
            h3 { "Responses" }
            @for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                p { strong { (status) } " " (text(&response["description"])) }
                @if let Some(contents) = response["content"].as_object().filter(|_| !is_error(status)) {
                    (contents_view(document, contents))
                }
            }
        }
    }
}

/// Returns `true` for the status of an error. All errors of a door have one form, which is not repeated.
fn is_error(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn credentials(security: &Value) -> String {
    let kinds: Vec<String> = members_of(security)
        .into_iter()
        .filter_map(|kind| kind.as_object()?.iter().next())
        .map(|(scheme, scopes)| {
            let name = match scheme.as_str() {
                "bearer" => "an API key as Authorization: Bearer",
                "apiKey" => "an API key as X-API-Key",
                "session" => "the session of the signed-in owner",
                "slackSignature" => "Slack's signature",
                other => other,
            };
            match scopes[0].as_str() {
                Some(scope) => format!("{name}, with the scope {scope}"),
                None => name.to_owned(),
            }
        })
        .collect();
    if kinds.is_empty() { "Needs no key.".to_owned() } else { format!("Needs {}.", kinds.join(", or ")) }
}

fn contents_view(document: &Value, contents: &Map<String, Value>) -> Markup {
    html! {
        @for (content_type, content) in contents {
            p { code { (content_type) } }
            (schema_view(document, &content["schema"]))
        }
    }
}

/// Shows the members of an object, or of the objects in a list.
fn schema_view(document: &Value, schema: &Value) -> Markup {
    let schema = resolve(document, schema);
    let schema = if schema["items"].is_object() { resolve(document, &schema["items"]) } else { schema };
    html! {
        @if let Some(members) = schema["properties"].as_object() {
            ul {
                @for (name, member) in members {
                    li {
                        code { (name) } " " (type_words(document, member, DEPTH_MAX))
                        @if members_of(&schema["required"]).iter().any(|required| *required == name) { ", always present" }
                        @let description = text(&member["description"]);
                        @if !description.is_empty() { ": " (description) }
                    }
                }
            }
        }
    }
}

/// Follows a reference to a component.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(schema),
        None => schema,
    }
}

/// Describes a type in a few words, such as "text or null".
fn type_words(document: &Value, schema: &Value, depth_left: usize) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = resolve(document, schema);
        let name = reference.rsplit('/').next().unwrap_or_default();
        return if found["enum"].is_array() { enum_words(found) } else { name.to_owned() };
    }
    if schema["enum"].is_array() {
        return enum_words(schema);
    }
    let choices = members_of(&schema["anyOf"]);
    if !choices.is_empty() && depth_left > 0 {
        let words: Vec<String> =
            choices.into_iter().map(|choice| type_words(document, choice, depth_left - 1)).collect();
        return words.join(" or ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return "any value".to_owned(),
    };
    let words = names.into_iter().map(|name| match name {
        "array" if depth_left > 0 => format!("list of {}", type_words(document, &schema["items"], depth_left - 1)),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn enum_words(schema: &Value) -> String {
    let names: Vec<&str> = members_of(&schema["enum"]).into_iter().filter_map(Value::as_str).collect();
    format!("one of {}", names.join(", "))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members_of(list: &Value) -> Vec<&Value> {
    list.as_array().into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_describes_every_operation_of_the_document() {
        let document: Value = serde_json::from_str(ALL_DOORS).unwrap();
        let page = body(&document).into_string();
        let mut operations = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("id=\"{id}\"")), "{method} {path} is not on the page");
                operations += 1;
            }
        }
        assert_eq!(page.matches("<details").count(), operations);
        assert!(operations > 80 && page.contains("an API key as X-API-Key, with the scope packets:read"));
    }
}
