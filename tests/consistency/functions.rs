//! The template's functions match the registry: event sources, code, environment and timeouts.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::RequiredSetting;
use handrail_effects::{EventSource, Queue};
use handrail_runner::endpoints;
use handrail_workers::WORKERS;
use serde_json::Value;

use crate::project::{assert_same, pascal_case};
use crate::template::Template;

/// Function as the registry and the template describe it.
#[derive(Debug, PartialEq)]
struct Function {
    called_by: String,
    code: String,
    description: String,
}

#[test]
fn template_functions_match_the_registry() {
    let template = Template::read();
    let function = |name: &str, called_by: String, summary: &str| {
        let code = format!("../target/lambda/{name}/");
        (pascal_case(name), Function { called_by, code, description: summary.to_owned() })
    };
    let operations = endpoints().into_iter().map(|endpoint| {
        let route = format!("{} {}", endpoint.method.to_http(), endpoint.path);
        function(endpoint.function, route, endpoint.summary)
    });
    let workers =
        WORKERS.iter().map(|worker| function(worker.function, trigger_name(worker.event_source), worker.summary));
    let in_code: BTreeMap<String, Function> = operations.chain(workers).collect();
    assert_eq!(in_code.len(), endpoints().len() + WORKERS.len(), "two functions share a name");

    let found = template.functions().into_iter().map(|(id, properties)| {
        let called_by = callers(&template, &id, properties).join(" and ");
        let text = |name: &str| properties[name].as_str().unwrap_or_default().to_owned();
        (id, Function { called_by, code: text("CodeUri"), description: text("Description") })
    });
    assert_same("functions of the template", &in_code, &found.collect());
}

fn trigger_name(event_source: EventSource) -> String {
    match event_source {
        EventSource::Stream => "the table's stream".to_owned(),
        EventSource::Queue(queue) => format!("queue {}", queue_id(queue)),
        EventSource::Schedule => "a schedule".to_owned(),
    }
}

pub(crate) fn queue_id(queue: Queue) -> String {
    format!("{}Queue", pascal_case(queue.name()))
}

/// Returns all event sources of a function in the template.
fn callers(template: &Template, id: &str, properties: &Value) -> Vec<String> {
    let no_events = serde_json::Map::new();
    let events = properties["Events"].as_object().unwrap_or(&no_events).values();
    let events = events.map(|event| match event["Type"].as_str() {
        Some("HttpApi") => {
            let route = &event["Properties"];
            assert_eq!(route["ApiId"], "!Ref Api", "{id}");
            assert_eq!(route["PayloadFormatVersion"], "2.0", "{id}");
            format!("{} {}", route["Method"].as_str().unwrap_or_default(), route["Path"].as_str().unwrap_or_default())
        }
        Some("ScheduleV2") => "a schedule".to_owned(),
        other => panic!("{id}: {other:?} is no event source of the registry"),
    });
    let mappings = template.resources("AWS::Lambda::EventSourceMapping").into_iter();
    let mappings =
        mappings.filter(|(_, mapping)| mapping["FunctionName"] == format!("!Ref {id}")).map(|(_, mapping)| {
            assert_eq!(mapping["FunctionResponseTypes"], serde_json::json!(["ReportBatchItemFailures"]), "{id}");
            match mapping["EventSourceArn"].as_str().unwrap_or_default() {
                "!GetAtt Table.StreamArn" => "the table's stream".to_owned(),
                source => {
                    let queue = source.strip_prefix("!GetAtt ").and_then(|source| source.strip_suffix(".Arn"));
                    format!("queue {}", queue.unwrap_or(source))
                }
            }
        });
    events.chain(mappings).collect()
}

#[test]
fn every_event_source_calls_a_template_function() {
    let template = Template::read();
    let functions: BTreeSet<String> = template.functions().into_keys().map(|id| format!("!Ref {id}")).collect();
    for (id, mapping) in template.resources("AWS::Lambda::EventSourceMapping") {
        let function = mapping["FunctionName"].as_str().unwrap_or_default();
        assert!(functions.contains(function), "{id} calls {function}");
    }
}

#[test]
fn function_environments_match_required_settings() {
    let template = Template::read();
    let operations = endpoints().into_iter().map(|endpoint| (endpoint.function, endpoint.required_settings));
    let workers = WORKERS.iter().map(|worker| (worker.function, worker.required_settings));
    let in_code: BTreeMap<String, BTreeMap<String, String>> = operations
        .chain(workers)
        .map(|(function, required_settings)| {
            let variables =
                required_settings.iter().flat_map(|setting| setting.variables()).copied().chain(["RUST_LOG"]);
            (pascal_case(function), variables.map(|name| (name.to_owned(), value_of(name).to_owned())).collect())
        })
        .collect();
    let found = template.functions().into_iter().map(|(id, properties)| {
        let own = properties["Environment"]["Variables"].as_object();
        let defaults = template.function_defaults()["Environment"]["Variables"].as_object();
        let variables = defaults.into_iter().chain(own).flatten();
        (id, variables.map(|(name, value)| (name.clone(), text(value))).collect())
    });
    assert_same("environments of the template", &in_code, &found.collect());
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the template expression for a variable's value.
fn value_of(variable: &str) -> &'static str {
    match variable {
        "RUST_LOG" => "!Ref LogLevel",
        "HANDRAIL_TABLE" => "!Ref Table",
        "HANDRAIL_WEBHOOK_HOSTS" => "!Ref WebhookHosts",
        "HANDRAIL_METRICS_NETWORK" => "!Ref MetricsNetwork",
        "HANDRAIL_MASTER_KEY" => "!Sub {{resolve:secretsmanager:${MasterKey}:SecretString}}",
        "HANDRAIL_ORIGIN" => {
            r#"{"!If":["HasOrigin","!Ref Origin","!Sub https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"]}"#
        }
        "HANDRAIL_OWN_ORIGIN" => "!Ref Origin",
        "HANDRAIL_FILES_BUCKET" => "!Ref FilesBucket",
        "HANDRAIL_FILES_QUEUE" => "!Ref FilesQueue",
        "HANDRAIL_MAIL_FROM" => "!Ref MailFrom",
        "HANDRAIL_DELIVERIES_QUEUE" => "!Ref DeliveriesQueue",
        "HANDRAIL_NOTICES_QUEUE" => "!Ref NoticesQueue",
        "HANDRAIL_TIMERS_QUEUE" => "!Ref TimersQueue",
        "HANDRAIL_PAGES_PER_MINUTE" => "!Ref PagesPerMinute",
        "HANDRAIL_SIGN_INS_PER_MINUTE" => "!Ref SignInsPerMinute",
        "HANDRAIL_KEYS_PER_HOUR" => "!Ref KeysPerHour",
        "HANDRAIL_TIMERS_QUEUE_ARN" => "!GetAtt TimersQueue.Arn",
        "HANDRAIL_SCHEDULE_ROLE_ARN" => "!GetAtt ScheduleRole.Arn",
        "HANDRAIL_SCHEDULE_GROUP" => "!Ref ScheduleGroup",
        "HANDRAIL_SLACK_CLIENT_ID" => "!Ref SlackClientId",
        "HANDRAIL_SLACK_CLIENT_SECRET" => "!Ref SlackClientSecret",
        "HANDRAIL_SLACK_SIGNING_SECRET" => "!Ref SlackSigningSecret",
        other => panic!("{other} is a new variable: add its template expression here"),
    }
}

#[test]
fn master_key_reaches_only_functions_needing_it() {
    let operations = endpoints().into_iter().map(|endpoint| (endpoint.function, endpoint.required_settings));
    let workers = WORKERS.iter().map(|worker| (worker.function, worker.required_settings));
    let in_code: BTreeSet<String> = operations
        .chain(workers)
        .filter(|(_, required_settings)| required_settings.contains(&RequiredSetting::MasterKey))
        .map(|(function, _)| pascal_case(function))
        .collect();
    let template = Template::read();
    assert!(!template.function_defaults().to_string().contains("MasterKey"), "every function gets the master key");
    let receiving =
        template.functions().into_iter().filter(|(_, properties)| properties.to_string().contains("MasterKey"));
    assert_eq!(receiving.map(|(id, _)| id).collect::<BTreeSet<_>>(), in_code);
}

/// AWS recommends at least six times the timeout, so that a message is not redelivered while it is processed.
const VISIBILITY_TIMEOUT_FACTOR: u64 = 6;

#[test]
fn visibility_timeout_exceeds_function_timeout() {
    let template = Template::read();
    for worker in WORKERS {
        let EventSource::Queue(queue) = worker.event_source else { continue };
        let timeout_s = template.resource(&pascal_case(worker.function))["Timeout"].as_u64();
        let visibility_timeout_s = template.resource(&queue_id(queue))["VisibilityTimeout"].as_u64();
        assert_eq!(
            visibility_timeout_s,
            timeout_s.map(|seconds| seconds * VISIBILITY_TIMEOUT_FACTOR),
            "{}",
            worker.function
        );
    }
}
