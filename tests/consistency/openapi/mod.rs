//! `openapi/` holds the OpenAPI documents of the doors, generated here from the registry and from the descriptions of
//! its rows. After a change, `HANDRAIL_UPDATE=1 cargo test --workspace --test consistency openapi` rewrites the files,
//! and a second run builds the service with them.

mod components;
mod document;
mod operation;

use std::collections::{BTreeMap, BTreeSet};

use handrail_runner::{BINARIES, DESCRIPTIONS};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::Endpoint;
use serde_json::Value;

use crate::project::root;
use document::document;

/// Doors and what each is for, in the order of the documents.
const DOORS: [(&str, &str); 6] = [
    ("decisions", "Agents ask a person for approval and get exactly one answer."),
    ("packets", "An agent passes its context to another agent, and at most one agent gets it."),
    ("routes", "An agent platform hands a conversation to a registered agent."),
    ("audit", "An account's journal for people outside of it."),
    ("slack", "Slack and its users."),
    ("docs", "The documents of these APIs."),
];

fn described() -> Vec<(Endpoint, Description)> {
    DESCRIPTIONS.iter().flat_map(|rows| rows.iter()).map(|(endpoint, describe)| (*endpoint, describe())).collect()
}

/// Returns the documents by the names of their files.
fn documents() -> BTreeMap<String, Value> {
    let all = described();
    let mut documents = BTreeMap::from([("openapi.json".to_owned(), document("Handrail", &DOORS, &all))]);
    for door in DOORS {
        let of_door: Vec<_> = all.iter().filter(|(endpoint, _)| endpoint.door.name == door.0).cloned().collect();
        documents.insert(format!("{}.json", door.0), document(&format!("Handrail: {}", door.0), &[door], &of_door));
    }
    documents
}

#[test]
fn openapi_documents_are_current() {
    let folder = root().join("openapi");
    let mut stale = Vec::new();
    for (name, document) in documents() {
        let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
        let path = folder.join(&name);
        if std::env::var_os("HANDRAIL_UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "HANDRAIL_UPDATE=1 rewrites {stale:?} in openapi/");
    let names: BTreeSet<String> = documents().into_keys().collect();
    let found = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names, found.collect::<BTreeSet<_>>());
    let served: BTreeSet<String> =
        handrail_docs::DOORS.map(|(name, _)| name.to_owned()).into_iter().chain(["openapi.json".to_owned()]).collect();
    assert_eq!(names, served);
}

/// Both lists of a crate come from one macro; this holds the lists of the runner together.
#[test]
fn every_row_of_the_registry_has_its_description() {
    let rows = |endpoint: &Endpoint| (endpoint.method.name(), endpoint.path);
    let registry: Vec<_> = BINARIES.iter().flat_map(|(_, endpoints)| endpoints.iter()).map(rows).collect();
    let with_description: Vec<_> = described().iter().map(|(endpoint, _)| rows(endpoint)).collect();
    assert_eq!(registry, with_description);
}

#[test]
fn every_operation_has_a_typed_success() {
    let mut untyped = Vec::new();
    for (endpoint, description) in described() {
        assert!(
            description.responses.keys().any(|status| (200..400).contains(status)),
            "{} describes no success",
            endpoint.function
        );
        assert!(description.problem_schema.is_some(), "{}", endpoint.function);
        let mut generator = document::generator(true);
        for content in description.responses.values().flatten() {
            // A document that another program reads is not described again.
            let is_document = endpoint.door.name == "docs";
            let schema = content.schema.map(|schema| schema(&mut generator));
            let is_any = schema.is_none_or(|schema| schema.as_bool() == Some(true));
            if content.content_type == "application/json" && is_any && !is_document {
                untyped.push(endpoint.function);
            }
        }
    }
    assert!(untyped.is_empty(), "responses without a type: {untyped:?}");
}

/// A summary is one sentence that a reader understands without the operation's name.
#[test]
fn every_operation_has_one_summary_of_its_own() {
    let mut summaries = BTreeMap::new();
    for (endpoint, _) in described() {
        let summary = endpoint.summary;
        assert!(summary.split(' ').count() >= 2 && !summary.ends_with('.'), "{}: {summary}", endpoint.function);
        assert_eq!(summaries.insert(summary, endpoint.function), None, "{} has another's summary", endpoint.function);
    }
}

/// A number at the end of a name comes from a second type of the same name: it needs a name of its own.
#[test]
fn every_component_has_a_name_of_its_own() {
    for (name, document) in documents() {
        let components = document["components"]["schemas"].as_object().unwrap();
        let numbered: Vec<&String> =
            components.keys().filter(|key| key.ends_with(|c: char| c.is_ascii_digit())).collect();
        assert!(numbered.is_empty(), "{name}: {numbered:?}");
        for key in components.keys() {
            assert!(
                !["RequestBody", "ResponseBody", "QueryParams", "Members"].contains(&key.as_str()),
                "{name}: {key}"
            );
        }
    }
}
