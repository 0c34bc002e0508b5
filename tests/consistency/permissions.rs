//! No function may do what its registry entry does not say. This judges the templates as they are and calls no code of the
//! generator.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::RequiredSetting;
use handrail_effects::{EventSource, Queue, WORKERS, Worker};
use handrail_runner::endpoints;
use handrail_web::endpoint::{Endpoint, Grant};
use serde_json::{Value, json};

use crate::project::pascal_case;
use crate::template::Template;

/// Permissions of a function, one line each: action, resource and condition.
type Permissions = BTreeSet<String>;

/// Types of resources in the nested stacks. Another type could carry permissions that this file does not read.
const NESTED_TYPES: [&str; 6] = [
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Serverless::Function",
];

/// Resources with a wildcard, and why they need it.
const WILDCARDS: [(&str, &str); 4] = [
    ("!Sub arn:${AWS::Partition}:s3:::${FilesBucketName}/*", "the objects of the one bucket"),
    ("!Sub ${TableArn}/stream/*", "ListStreams has no narrower resource"),
    (
        "!Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroupName}/*",
        "a schedule is named after its record",
    ),
    (
        "!Sub arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*",
        "the address or its domain is verified, and in the sandbox the recipient too; the sender is fixed by a condition",
    ),
];

#[test]
fn no_function_may_do_more_than_its_registry_entry_says() {
    let operations = endpoints().into_iter().map(|endpoint| (endpoint.function, permissions_of_operation(&endpoint)));
    let workers = WORKERS.iter().map(|worker| (worker.function, permissions_of_worker(worker)));
    let in_code: BTreeMap<&str, Permissions> = operations.chain(workers).collect();
    let mut checked = 0;
    for (name, stack) in Template::root().nested() {
        for (id, function) in stack.template.functions() {
            let serves = function["Environment"]["Variables"]["HANDRAIL_FUNCTION"].as_str().unwrap_or_default();
            let declared = in_code.get(serves).unwrap_or_else(|| panic!("{name}: {id} serves {serves}"));
            let found = permissions_in(&id, stack.template.resource(&format!("{id}Role")));
            let undeclared: Vec<&String> = found.difference(declared).collect();
            assert!(undeclared.is_empty(), "{name}: {id} may do what its entry does not say: {undeclared:#?}");
            checked += 1;
        }
    }
    assert_eq!(checked, in_code.len());
}

#[test]
fn every_function_has_a_role_of_its_own_and_no_other_permissions() {
    for (name, stack) in Template::root().nested() {
        let template = &stack.template;
        for (id, resource) in template.all_resources() {
            let resource_type = resource["Type"].as_str().unwrap_or_default();
            assert!(NESTED_TYPES.contains(&resource_type), "{name}: {id} is a {resource_type}");
        }
        let functions = template.functions();
        for (id, function) in &functions {
            assert_eq!(function["Role"], format!("!GetAtt {id}Role.Arn"), "{name}: {id}");
            for extra in ["Policies", "Events", "FunctionUrlConfig", "AssumeRolePolicyDocument"] {
                assert!(function[extra].is_null() && template.function_defaults()[extra].is_null(), "{id}: {extra}");
            }
        }
        let roles: BTreeSet<String> = template.resources("AWS::IAM::Role").into_keys().collect();
        assert_eq!(roles, functions.keys().map(|id| format!("{id}Role")).collect(), "{name}");
        for (id, role) in template.resources("AWS::IAM::Role") {
            let names: BTreeSet<&str> = role.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, BTreeSet::from(["AssumeRolePolicyDocument", "Policies"]), "{id}");
            assert_assumed_only_by(&id, role, "lambda.amazonaws.com");
        }
    }
}

#[test]
fn only_named_resources_have_wildcards_and_no_action_has_one() {
    let mut used = BTreeSet::new();
    let root = Template::root();
    let nested = root.nested();
    for template in nested.values().map(|stack| &stack.template).chain([&root]) {
        for (id, role) in template.resources("AWS::IAM::Role") {
            for statement in statements_in(&id, role) {
                for action in list(&statement["Action"]) {
                    assert!(!action.contains('*'), "{id}: {action}");
                }
                for resource in list(&statement["Resource"]).into_iter().filter(|resource| resource.contains('*')) {
                    let known = WILDCARDS.iter().find(|(known, _)| *known == resource);
                    let (known, _) = known.unwrap_or_else(|| panic!("{id}: {resource} needs a reason in WILDCARDS"));
                    used.insert(*known);
                }
            }
        }
    }
    assert_eq!(used, WILDCARDS.iter().map(|(resource, _)| *resource).collect(), "a reason is not needed any more");
}

/// Keys, sessions and tenants say who may do what, so only the functions that make or change them may write them. The
/// function that shows a page is not among them.
#[test]
fn only_named_functions_write_keys_sessions_and_tenants() {
    let writers_of = |partition: &str| -> BTreeSet<String> {
        let nested = Template::root().nested();
        let functions = nested
            .values()
            .flat_map(|stack| stack.template.functions().into_iter().map(move |(id, function)| (stack, id, function)));
        let writing = functions.filter(|(stack, id, _)| {
            let role = stack.template.resource(&format!("{id}Role"));
            statements_in(id, role).iter().any(|statement| writes_to(statement, partition))
        });
        let name = |function: &Value| {
            function["Environment"]["Variables"]["HANDRAIL_FUNCTION"].as_str().unwrap_or_default().to_owned()
        };
        writing.map(|(_, _, function)| name(function)).collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(writers_of("key#"), names(&KEY_WRITERS));
    assert_eq!(writers_of("session#"), names(&["auth-login-use", "auth-logout"]));
    assert_eq!(writers_of("account#"), names(&TENANT_WRITERS));
}

const KEY_WRITERS: [&str; 8] = [
    "account-key-create",
    "account-key-revoke",
    "auth-keys-change",
    "auth-keys-create",
    "auth-keys-revoke",
    "keys-create",
    "keys-revoke",
    "keys-rotate",
];
const TENANT_WRITERS: [&str; 3] = ["tenants-change", "tenants-create", "tenants-delete"];

/// Returns `true` if the statement allows to write items of the partitions that begin with this text.
fn writes_to(statement: &Value, partition: &str) -> bool {
    const WRITES: [&str; 4] =
        ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"];
    if !list(&statement["Action"]).iter().any(|action| WRITES.contains(&action.as_str())) {
        return false;
    }
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let begins = |key: &String| {
        let start = key.trim_end_matches('*');
        start.starts_with(partition) || partition.starts_with(start)
    };
    keys.is_null() || list(keys).iter().any(begins)
}

/// Each call on the table itself is allowed for certain partitions only. A query on an index is not: its partitions are
/// named after the list, and the index of due records has the same partitions for all tenants.
#[test]
fn every_permission_on_the_table_names_its_partitions() {
    for (name, stack) in Template::root().nested() {
        for (id, role) in stack.template.resources("AWS::IAM::Role") {
            for statement in statements_in(&id, role) {
                let on_table = list(&statement["Resource"]).iter().any(|resource| resource == "!Ref TableArn");
                let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                assert!(!on_table || !keys.is_null(), "{name}: {id} may use every partition: {statement}");
            }
        }
    }
}

#[test]
fn only_workers_send() {
    const SENDING: [&str; 5] = ["sqs:", "ses:", "scheduler:", "iam:", "lambda:"];
    for (name, stack) in Template::root().nested().into_iter().filter(|(name, _)| name != "workers") {
        for (id, role) in stack.template.resources("AWS::IAM::Role") {
            for action in statements_in(&id, role).iter().flat_map(|statement| list(&statement["Action"])) {
                assert!(!SENDING.iter().any(|service| action.starts_with(service)), "{name}: {id} may {action}");
            }
        }
    }
}

#[test]
fn only_the_api_calls_an_operation_and_only_for_its_route() {
    for (_, stack) in Template::root().nested() {
        let template = &stack.template;
        for (id, permission) in template.resources("AWS::Lambda::Permission") {
            let function = permission["FunctionName"].as_str().and_then(|name| name.strip_prefix("!Ref "));
            let function = function.unwrap_or_else(|| panic!("{id} names no function"));
            let served = template.resource(function)["Environment"]["Variables"]["HANDRAIL_FUNCTION"].clone();
            let endpoint = endpoints().into_iter().find(|endpoint| served == endpoint.function);
            let endpoint = endpoint.unwrap_or_else(|| panic!("{id} is for {served}"));
            let path = endpoint.path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
            let path = path.collect::<Vec<_>>().join("/");
            let api = "!Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${ApiId}/*/";
            assert_eq!(permission["SourceArn"], format!("{api}{}{path}", endpoint.method.name()), "{id}");
            assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{id}");
            assert_eq!(permission["Action"], "lambda:InvokeFunction", "{id}");
        }
    }
}

#[test]
fn schedules_may_only_start_timers_and_the_sweep() {
    let root = Template::root();
    let roles = root.resources("AWS::IAM::Role");
    let found: BTreeMap<&str, Permissions> =
        roles.iter().map(|(id, role)| (id.as_str(), permissions_in(id, role))).collect();
    let sweep = "!Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Workers.Outputs.Sweep}";
    let expected = BTreeMap::from([
        ("ScheduleRole", Permissions::from([permission("sqs:SendMessage", "!GetAtt TimersQueue.Arn", None)])),
        ("SweepScheduleRole", Permissions::from([permission("lambda:InvokeFunction", sweep, None)])),
    ]);
    assert_eq!(found, expected);
    roles.iter().for_each(|(id, role)| assert_assumed_only_by(id, role, "scheduler.amazonaws.com"));
}

fn assert_assumed_only_by(id: &str, role: &Value, service: &str) {
    let statements = role["AssumeRolePolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
    let [statement] = statements.as_slice() else { panic!("{id}: {statements:?}") };
    let found = (&statement["Effect"], &statement["Action"], &statement["Principal"]);
    assert_eq!(found, (&json!("Allow"), &json!("sts:AssumeRole"), &json!({"Service": service})), "{id}");
}

fn permissions_of_operation(endpoint: &Endpoint) -> Permissions {
    let grants = endpoint.accesses.iter().flat_map(|access| access.grants()).map(grant_line);
    let files = endpoint.accesses.iter().flat_map(|access| access.file_actions()).map(|action| file_permission(action));
    let secrets = secret_permissions(endpoint.required_settings);
    grants.chain(files).chain(secrets).chain(own_log()).collect()
}

/// Returns the permissions to fetch the secrets of a function, each named by a parameter such as `FilesKeyArn`.
fn secret_permissions(required: &[RequiredSetting]) -> Vec<String> {
    let variables =
        required.iter().filter(|setting| setting.secret().is_some()).flat_map(|setting| setting.variables());
    let parameter = |variable: &str| {
        let words = variable.trim_start_matches("HANDRAIL_").to_lowercase().replace('_', "-");
        pascal_case(&words)
    };
    variables
        .map(|variable| permission("secretsmanager:GetSecretValue", &format!("!Ref {}", parameter(variable)), None))
        .collect()
}

fn own_log() -> [String; 2] {
    ["logs:CreateLogStream", "logs:PutLogEvents"].map(|action| permission(action, "!GetAtt Log.Arn", None))
}

fn grant_line(grant: &Grant) -> String {
    let resource = match grant.index {
        Some(index) => format!("!Sub ${{TableArn}}/index/{index}"),
        None => "!Ref TableArn".to_owned(),
    };
    let condition = grant.leading_key.map(|key| json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": key}}));
    permission(grant.action, &resource, condition.as_ref())
}

fn file_permission(action: &str) -> String {
    let bucket = "!Sub arn:${AWS::Partition}:s3:::${FilesBucketName}";
    let of_bucket = action == "s3:ListBucket";
    permission(action, &if of_bucket { bucket.to_owned() } else { format!("{bucket}/*") }, None)
}

fn permission(action: &str, resource: &str, condition: Option<&Value>) -> String {
    match condition {
        Some(condition) => format!("{action} on {resource} where {condition}"),
        None => format!("{action} on {resource}"),
    }
}

fn permissions_of_worker(worker: &Worker) -> Permissions {
    let table = worker.grants.iter().map(grant_line);
    let others = worker.actions.iter().flat_map(|action| permissions_of_action(worker, action));
    let secrets = secret_permissions(worker.required_settings);
    table.chain(others).chain(secrets).chain(event_source_permissions(worker.event_source)).chain(own_log()).collect()
}

/// Returns the permissions of a worker's action outside the table.
fn permissions_of_action(worker: &Worker, action: &str) -> Vec<String> {
    match action {
        "sqs:SendMessage" => {
            let variables: Vec<&str> =
                worker.required_settings.iter().flat_map(|setting| setting.variables()).copied().collect();
            let queues = Queue::ALL.into_iter().filter(|queue| variables.contains(&variable_of(*queue)));
            queues.map(|queue| permission(action, &queue_arn(queue), None)).collect()
        }
        "scheduler:CreateSchedule" => {
            let group =
                "!Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroupName}/*";
            vec![permission(action, group, None)]
        }
        "iam:PassRole" => {
            let only_for_scheduler = json!({"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}});
            vec![permission(action, "!Ref ScheduleRoleArn", Some(&only_for_scheduler))]
        }
        "ses:SendEmail" => {
            let identities = "!Sub arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*";
            let only_from_sender = json!({"StringEquals": {"ses:FromAddress": "!Ref MailFrom"}});
            vec![permission(action, identities, Some(&only_from_sender))]
        }
        "s3:DeleteObjectTagging" => vec![file_permission(action)],
        other => panic!("{}: {other} is a new action: add its resource here", worker.function),
    }
}

fn variable_of(queue: Queue) -> &'static str {
    match queue {
        Queue::Deliveries => "HANDRAIL_DELIVERIES_QUEUE",
        Queue::Notices => "HANDRAIL_NOTICES_QUEUE",
        Queue::Timers => "HANDRAIL_TIMERS_QUEUE",
        Queue::Files => "HANDRAIL_FILES_QUEUE",
    }
}

fn queue_arn(queue: Queue) -> String {
    format!("!Ref {}QueueArn", pascal_case(queue.name()))
}

/// Returns the permissions with which Lambda fetches the function's events.
fn event_source_permissions(event_source: EventSource) -> Vec<String> {
    match event_source {
        EventSource::Stream => {
            let stream_actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
            let stream_actions = stream_actions.map(|action| permission(action, "!Ref TableStreamArn", None));
            let streams = permission("dynamodb:ListStreams", "!Sub ${TableArn}/stream/*", None);
            let dead_letters = permission("sqs:SendMessage", "!Ref DispatchDeadQueueArn", None);
            stream_actions.into_iter().chain([streams, dead_letters]).collect()
        }
        EventSource::Queue(queue) => {
            let queue_actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            queue_actions.map(|action| permission(action, &queue_arn(queue), None)).to_vec()
        }
        // EventBridge invokes the function, so nothing is fetched.
        EventSource::Schedule => Vec::new(),
    }
}

/// Returns the permissions of a role. A condition with several values is a permission for each value.
fn permissions_in(id: &str, role: &Value) -> Permissions {
    let mut permissions = Permissions::new();
    for statement in statements_in(id, role) {
        for action in list(&statement["Action"]) {
            for resource in list(&statement["Resource"]) {
                for condition in single_conditions(id, &statement["Condition"]) {
                    permissions.insert(permission(&action, &resource, condition.as_ref()));
                }
            }
        }
    }
    permissions
}

fn statements_in(id: &str, role: &Value) -> Vec<Value> {
    let policies = role["Policies"].as_array().unwrap_or_else(|| panic!("{id} has no policies"));
    let statements: Vec<Value> = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array())
        .flatten()
        .cloned()
        .collect();
    assert!(!statements.is_empty(), "{id} has no statements");
    for statement in &statements {
        assert_eq!(statement["Effect"], "Allow", "{id}");
        let names: Vec<&str> = statement.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert!(
            names.iter().all(|name| ["Effect", "Action", "Resource", "Condition"].contains(name)),
            "{id}: {names:?}"
        );
    }
    statements
}

/// Returns a condition for each of its values, or `None` alone if there is no condition.
fn single_conditions(id: &str, condition: &Value) -> Vec<Option<Value>> {
    let Some(operators) = condition.as_object() else { return vec![None] };
    let pairs: Vec<(&String, &String, &Value)> = operators
        .iter()
        .flat_map(|(operator, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, value)| (operator, key, value))
        })
        .collect();
    let [(operator, key, values)] = pairs.as_slice() else { panic!("{id}: {condition}") };
    list(values).into_iter().map(|value| Some(json!({operator.as_str(): {key.as_str(): value}}))).collect()
}

fn list(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned();
    value.as_array().map_or_else(|| vec![text(value)], |items| items.iter().map(text).collect())
}
