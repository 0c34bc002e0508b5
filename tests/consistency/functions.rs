//! What calls a function in the templates, and which operation or worker the function then serves.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::RequiredSetting;
use handrail_effects::{EventSource, Queue, WORKERS};
use handrail_runner::{BINARIES, endpoints};
use handrail_secrets::keys::KeyPurpose;
use serde_json::{Value, json};

use crate::project::{assert_same, files, pascal_case};
use crate::template::{Template, texts};

/// Program of a function, and the operation or worker that it serves.
#[derive(Debug, PartialEq)]
struct Program {
    folder: String,
    function: String,
}

fn program_of(properties: &Value) -> Program {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Program {
        folder: text(&properties["CodeUri"]),
        function: text(&properties["Environment"]["Variables"]["HANDRAIL_FUNCTION"]),
    }
}

fn program(binary: &str, function: &str) -> Program {
    Program { folder: format!("../functions/{binary}"), function: function.to_owned() }
}

#[test]
fn every_route_calls_the_function_that_serves_it() {
    let in_code: BTreeMap<String, Program> = BINARIES
        .iter()
        .flat_map(|(binary, endpoints)| endpoints.iter().map(move |endpoint| (binary, endpoint)))
        .map(|(binary, endpoint)| {
            let route = format!("{} {}", endpoint.method.to_http(), endpoint.path);
            (route, program(binary, endpoint.function))
        })
        .collect();
    assert_eq!(in_code.len(), endpoints().len(), "two operations share a route");
    let mut found = BTreeMap::new();
    for (name, stack) in Template::root().nested() {
        let template = &stack.template;
        let mut called = BTreeSet::new();
        for (id, route) in template.resources("AWS::ApiGatewayV2::Route") {
            let target = route["Target"].as_str().unwrap_or_default();
            let integration = target.strip_prefix("!Sub integrations/${").and_then(|rest| rest.strip_suffix('}'));
            let integration = template.resource(integration.unwrap_or_else(|| panic!("{id}: {target}")));
            for resource in [route, integration] {
                assert_eq!(resource["ApiId"], "!Ref ApiId", "{id}");
            }
            assert_eq!(integration["PayloadFormatVersion"], "2.0", "{id}");
            let function = integration["IntegrationUri"].as_str().unwrap_or_default();
            let function = function.strip_prefix("!GetAtt ").and_then(|rest| rest.strip_suffix(".Arn"));
            let function = function.unwrap_or_else(|| panic!("{id} calls no function"));
            called.insert(function.to_owned());
            let key = route["RouteKey"].as_str().unwrap_or_default().to_owned();
            assert_eq!(found.insert(key, program_of(template.resource(function))), None, "{id} has another's route");
        }
        let functions: BTreeSet<String> = template.functions().into_keys().collect();
        assert!(
            name == "workers" && called.is_empty() || called == functions,
            "{name}: not every function has a route"
        );
    }
    assert_same("routes of the nested stacks", &in_code, &found);
}

#[test]
fn every_event_source_calls_its_worker() {
    let in_code: BTreeMap<String, Program> = WORKERS
        .iter()
        .map(|worker| {
            let source = match worker.event_source {
                EventSource::Stream => "!GetAtt Table.StreamArn".to_owned(),
                EventSource::Queue(queue) => format!("!GetAtt {}.Arn", queue_id(queue)),
                EventSource::Schedule => "rate(5 minutes)".to_owned(),
            };
            (source, program("workers", worker.function))
        })
        .collect();
    let (root, workers) = (Template::root(), Template::workers());
    let output = |name: &str| {
        let id = workers.output(name).strip_prefix("!Ref ").unwrap_or_else(|| panic!("there is no output {name}"));
        program_of(workers.resource(id))
    };
    let mappings = root.resources("AWS::Lambda::EventSourceMapping").into_iter().map(|(id, mapping)| {
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{id}");
        let function = mapping["FunctionName"].as_str().unwrap_or_default();
        let function = function.strip_prefix("!GetAtt Workers.Outputs.").unwrap_or_else(|| panic!("{id}: {function}"));
        (mapping["EventSourceArn"].as_str().unwrap_or_default().to_owned(), output(function))
    });
    let schedules = root.resources("AWS::Scheduler::Schedule").into_iter().map(|(id, schedule)| {
        let function = schedule["Target"]["Arn"].as_str().unwrap_or_default();
        let function = function.rsplit_once("function:${Workers.Outputs.").and_then(|(_, name)| name.strip_suffix('}'));
        let function = function.unwrap_or_else(|| panic!("{id} calls no worker"));
        (schedule["ScheduleExpression"].as_str().unwrap_or_default().to_owned(), output(function))
    });
    assert_same("event sources of the workers", &in_code, &mappings.chain(schedules).collect());
    assert_eq!(workers.functions().len(), WORKERS.len());
}

pub(crate) fn queue_id(queue: Queue) -> String {
    format!("{}Queue", pascal_case(queue.name()))
}

#[test]
fn every_crate_of_functions_has_a_nested_stack() {
    let files = files();
    let crates: BTreeSet<&str> =
        files.keys().filter_map(|path| path.strip_prefix("functions/")?.strip_suffix("/Cargo.toml")).collect();
    let stacks = Template::root().nested();
    assert_eq!(stacks.keys().map(String::as_str).collect::<BTreeSet<_>>(), crates);
    for (name, stack) in stacks {
        for (id, function) in stack.template.functions() {
            assert_eq!(function["CodeUri"], format!("../functions/{name}"), "{id}");
            // SAM builds a folder once for all functions with this build method.
            assert_eq!(
                stack.template.all_resources()[&id]["Metadata"],
                json!({"BuildMethod": "rust-cargolambda"}),
                "{id}"
            );
        }
    }
}

#[test]
fn every_nested_stack_gets_the_parameters_it_declares() {
    for (name, stack) in Template::root().nested() {
        let declared: BTreeMap<String, String> = stack
            .template
            .parameters()
            .into_iter()
            .map(|parameter| {
                let value = value_of_parameter(&parameter);
                (parameter, value)
            })
            .collect();
        assert_same(&format!("parameters of infra/{name}.yaml"), &declared, &stack.arguments);
    }
}

/// Returns the root template's expression for a parameter of the nested stacks. Most have the name of a root parameter.
fn value_of_parameter(parameter: &str) -> String {
    let special = match parameter {
        "ApiId" => "!Ref Api",
        "DeliveriesQueueArn" => "!GetAtt DeliveriesQueue.Arn",
        "DeliveriesQueueUrl" => "!Ref DeliveriesQueue",
        "DispatchDeadQueueArn" => "!GetAtt DispatchDeadQueue.Arn",
        "FilesBucketName" => "!Ref FilesBucket",
        "FilesQueueArn" => "!GetAtt FilesQueue.Arn",
        "FilesQueueUrl" => "!Ref FilesQueue",
        "NoticesQueueArn" => "!GetAtt NoticesQueue.Arn",
        "NoticesQueueUrl" => "!Ref NoticesQueue",
        "Origin" => r#"{"!If":["HasOrigin","!Ref Origin","!GetAtt Api.ApiEndpoint"]}"#,
        "ScheduleGroupName" => "!Ref ScheduleGroup",
        "ScheduleRoleArn" => "!GetAtt ScheduleRole.Arn",
        "TableArn" => "!GetAtt Table.Arn",
        "TableName" => "!Ref Table",
        "TableStreamArn" => "!GetAtt Table.StreamArn",
        "TimersQueueArn" => "!GetAtt TimersQueue.Arn",
        "TimersQueueUrl" => "!Ref TimersQueue",
        secret if secret.ends_with("KeyArn") || secret.ends_with("SecretArn") => {
            return format!("!GetAtt Secrets.Outputs.{secret}");
        }
        other => return format!("!Ref {other}"),
    };
    special.to_owned()
}

#[test]
fn function_environments_match_required_settings() {
    let operations = endpoints().into_iter().map(|endpoint| (endpoint.function, endpoint.required_settings));
    let workers = WORKERS.iter().map(|worker| (worker.function, worker.required_settings));
    let in_code: BTreeMap<String, BTreeSet<String>> = operations
        .chain(workers)
        .map(|(function, required_settings)| {
            let variables = required_settings.iter().flat_map(|setting| setting.variables()).copied();
            (pascal_case(function), variables.chain(["HANDRAIL_FUNCTION", "RUST_LOG"]).map(str::to_owned).collect())
        })
        .collect();
    let mut found = BTreeMap::new();
    for (_, stack) in Template::root().nested() {
        let defaults = texts(&stack.template.function_defaults()["Environment"]["Variables"]);
        for (id, properties) in stack.template.functions() {
            let own = texts(&properties["Environment"]["Variables"]);
            for (name, value) in &own {
                let is_secret = name.contains("SECRET") || name.ends_with("_KEY") || value.contains("resolve:");
                assert!(!is_secret || name.ends_with("_ARN"), "{id} has a secret in its environment: {name}");
            }
            found.insert(id, own.into_keys().chain(defaults.clone().into_keys()).collect());
        }
    }
    assert_same("environments of the functions", &in_code, &found);
}

/// The stack of the secrets holds nothing else, keeps them when it is deleted, and makes a value for each that the operator
/// does not enter.
#[test]
fn every_secret_is_kept_and_has_a_value() {
    let stack = Template::root().secrets();
    for (id, resource) in stack.template.all_resources() {
        assert_eq!(resource["Type"], "AWS::SecretsManager::Secret", "{id}");
        assert_eq!(
            (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain"))
        );
        assert!(!resource["Properties"]["GenerateSecretString"].is_null(), "{id}");
        assert_eq!(stack.template.output(&format!("{}Arn", id.trim_start_matches("Stored"))), format!("!Ref {id}"));
    }
    let needed = RequiredSetting::SLACK.into_iter().filter_map(RequiredSetting::secret).count() + KeyPurpose::ALL.len();
    assert_eq!(stack.template.all_resources().len(), needed);
    let expected = ["SlackClientSecret", "SlackSigningSecret"].map(|name| (name.to_owned(), format!("!Ref {name}")));
    assert_eq!(stack.arguments, BTreeMap::from(expected));
}

/// AWS recommends at least six times the timeout, so that a message is not redelivered while it is processed.
const VISIBILITY_TIMEOUT_FACTOR: u64 = 6;

#[test]
fn visibility_timeout_exceeds_function_timeout() {
    let (root, workers) = (Template::root(), Template::workers());
    for worker in WORKERS {
        let EventSource::Queue(queue) = worker.event_source else { continue };
        let timeout_s = workers.resource(&pascal_case(worker.function))["Timeout"].as_u64();
        let visibility_timeout_s = root.resource(&queue_id(queue))["VisibilityTimeout"].as_u64();
        assert_eq!(
            visibility_timeout_s,
            timeout_s.map(|seconds| seconds * VISIBILITY_TIMEOUT_FACTOR),
            "{}",
            worker.function
        );
    }
}

/// API Gateway gives up after 30 seconds, and a function must have answered by then.
const API_TIMEOUT_SECONDS: u64 = 30;

#[test]
fn operations_time_out_before_the_api() {
    for (name, stack) in Template::root().nested() {
        for (id, function) in stack.template.functions().into_iter().filter(|_| name != "workers") {
            assert!(function["Timeout"].as_u64().is_some_and(|seconds| seconds < API_TIMEOUT_SECONDS), "{id}");
        }
    }
}

/// CloudFormation allows 500 resources in a stack. A new door needs room.
const RESOURCES_PER_STACK_MAX: usize = 350;
/// API Gateway allows 300 routes in an API, unless AWS is asked for more.
const ROUTES_MAX: usize = 250;
/// CloudFormation allows 200.
const PARAMETERS_PER_STACK_MAX: usize = 60;

/// Prints what is left, for `--nocapture`.
#[test]
fn stacks_and_routes_stay_below_their_limits() {
    let root = Template::root();
    let nested = root.nested();
    let stacks = nested.iter().map(|(name, stack)| (name.as_str(), &stack.template)).chain([("root", &root)]);
    for (name, template) in stacks {
        let (resources, parameters) = (template.all_resources().len(), template.parameters().len());
        println!("{name}: {resources} of {RESOURCES_PER_STACK_MAX} resources, {parameters} parameters");
        assert!(resources <= RESOURCES_PER_STACK_MAX, "{name} has {resources} resources");
        assert!(parameters <= PARAMETERS_PER_STACK_MAX, "{name} has {parameters} parameters");
    }
    let routes: usize = nested.values().map(|stack| stack.template.resources("AWS::ApiGatewayV2::Route").len()).sum();
    println!("API: {routes} of {ROUTES_MAX} routes");
    assert!(routes <= ROUTES_MAX, "{routes} routes");
}
