//! The permissions of each function in the template match its registry entry, action by action.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::RequiredSetting;
use handrail_effects::{EventSource, Queue, Worker};
use handrail_runner::endpoints;
use handrail_web::endpoint::Grant;
use handrail_workers::WORKERS;
use serde_json::{Value, json};

use crate::functions::queue_id;
use crate::project::{assert_same, pascal_case};
use crate::template::Template;

/// Permissions of a function, one line each: action, resource and condition.
type Permissions = BTreeSet<String>;

#[test]
fn function_permissions_match_the_registry() {
    let template = Template::read();
    let operations = endpoints().into_iter().map(|endpoint| {
        let grants = endpoint.accesses.iter().flat_map(|access| access.grants());
        let file_permission =
            endpoint.accesses.iter().flat_map(|access| access.file_actions()).map(|action| file_permission(action));
        (pascal_case(endpoint.function), grants.map(grant_line).chain(file_permission).collect())
    });
    let workers = WORKERS.iter().map(|worker| (pascal_case(worker.function), permissions_of(worker)));
    let in_code: BTreeMap<String, Permissions> = operations.chain(workers).collect();
    let found = template.functions().into_iter().map(|(id, properties)| {
        let permissions = permissions_in(&id, &properties["Policies"]);
        (id, permissions)
    });
    assert_same("permissions of the template's functions", &in_code, &found.collect());
}

fn grant_line(grant: &Grant) -> String {
    let resource = match grant.index {
        Some(index) => format!("!Sub ${{Table.Arn}}/index/{index}"),
        None => "!GetAtt Table.Arn".to_owned(),
    };
    let condition = grant.leading_key.map(|key| json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}}));
    permission(grant.action, &resource, condition.as_ref())
}

fn file_permission(action: &str) -> String {
    let is_bucket_action = action == "s3:ListBucket";
    permission(action, if is_bucket_action { "!GetAtt FilesBucket.Arn" } else { "!Sub ${FilesBucket.Arn}/*" }, None)
}

fn permission(action: &str, resource: &str, condition: Option<&Value>) -> String {
    match condition {
        Some(condition) => format!("{action} on {resource} where {condition}"),
        None => format!("{action} on {resource}"),
    }
}

fn permissions_of(worker: &Worker) -> Permissions {
    let table = worker.grants.iter().map(grant_line);
    let permissions_of_action = worker.actions.iter().flat_map(|action| permissions_of_action(worker, action));
    table.chain(permissions_of_action).chain(event_source_permissions(worker.event_source)).collect()
}

/// Returns the permissions of a worker's action outside the table.
fn permissions_of_action(worker: &Worker, action: &str) -> Vec<String> {
    match action {
        "sqs:SendMessage" => {
            let queues = Queue::ALL.into_iter().filter(|queue| worker.required_settings.contains(&setting_of(*queue)));
            queues.map(|queue| permission(action, &format!("!GetAtt {}.Arn", queue_id(queue)), None)).collect()
        }
        "scheduler:CreateSchedule" => {
            let group =
                "!Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroup}/*";
            vec![permission(action, group, None)]
        }
        "iam:PassRole" => {
            let only_for_scheduler = json!({"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}});
            vec![permission(action, "!GetAtt ScheduleRole.Arn", Some(&only_for_scheduler))]
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

fn setting_of(queue: Queue) -> RequiredSetting {
    match queue {
        Queue::Deliveries => RequiredSetting::DeliveriesQueue,
        Queue::Notices => RequiredSetting::NoticesQueue,
        Queue::Timers => RequiredSetting::TimersQueue,
        Queue::Files => RequiredSetting::FilesQueue,
    }
}

/// Returns the permissions with which Lambda fetches the function's events.
fn event_source_permissions(event_source: EventSource) -> Vec<String> {
    match event_source {
        EventSource::Stream => {
            let stream_actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
            let stream_actions = stream_actions.map(|action| permission(action, "!GetAtt Table.StreamArn", None));
            let streams = permission("dynamodb:ListStreams", "!Sub ${Table.Arn}/stream/*", None);
            let dead_letters = permission("sqs:SendMessage", "!GetAtt DispatchDeadQueue.Arn", None);
            stream_actions.into_iter().chain([streams, dead_letters]).collect()
        }
        EventSource::Queue(queue) => {
            let queue_actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            queue_actions.map(|action| permission(action, &format!("!GetAtt {}.Arn", queue_id(queue)), None)).to_vec()
        }
        // EventBridge invokes the function, so nothing is fetched.
        EventSource::Schedule => Vec::new(),
    }
}

/// Returns the permissions in a function's policies. Named policies are not allowed, because they hide their
/// statements.
fn permissions_in(id: &str, policies: &Value) -> Permissions {
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        single => vec![single.clone()],
    };
    let mut permissions = Permissions::new();
    for policy in policies.as_array().unwrap_or_else(|| panic!("{id} has no policies, not even an empty list")) {
        for statement in policy["Statement"].as_array().unwrap_or_else(|| panic!("{id}: {policy} has no statements")) {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            for action in list(&statement["Action"]) {
                for resource in list(&statement["Resource"]) {
                    let (action, resource) =
                        (action.as_str().unwrap_or_default(), resource.as_str().unwrap_or_default());
                    let permission = permission(action, resource, statement.get("Condition"));
                    assert!(permissions.insert(permission.clone()), "{id} is allowed twice: {permission}");
                }
            }
        }
    }
    permissions
}
