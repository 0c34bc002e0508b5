//! What a function may do is what its registry entry says that it does, action by action.

use std::collections::{BTreeMap, BTreeSet};

use handrail_effects::{Queue, Trigger, Worker};
use handrail_kernel::endpoint::Grant;
use handrail_kernel::settings::Need;
use handrail_runner::endpoints;
use handrail_workers::WORKERS;
use serde_json::{Value, json};

use crate::functions::queue_id;
use crate::project::{assert_same, pascal_case};
use crate::template::Template;

/// One permission as a line: action, resource, and the condition if there is one.
type Permissions = BTreeSet<String>;

#[test]
fn a_function_may_do_what_the_registry_says_and_nothing_else() {
    let template = Template::read();
    let operations = endpoints().into_iter().map(|endpoint| {
        let grants = endpoint.touches.iter().flat_map(|touch| touch.grants());
        let on_files = endpoint.touches.iter().flat_map(|touch| touch.file_actions()).map(|action| on_files(action));
        (pascal_case(endpoint.function), grants.map(granted).chain(on_files).collect())
    });
    let workers = WORKERS.iter().map(|worker| (pascal_case(worker.function), permissions_of(worker)));
    let in_code: BTreeMap<String, Permissions> = operations.chain(workers).collect();
    let found = template.functions().into_iter().map(|(id, properties)| {
        let permissions = stated(&id, &properties["Policies"]);
        (id, permissions)
    });
    assert_same("permissions of the template's functions", &in_code, &found.collect());
}

fn granted(grant: &Grant) -> String {
    let resource = match grant.index {
        Some(index) => format!("!Sub ${{Table.Arn}}/index/{index}"),
        None => "!GetAtt Table.Arn".to_owned(),
    };
    let condition = grant.leading_key.map(|key| json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}}));
    line(grant.action, &resource, condition.as_ref())
}

fn on_files(action: &str) -> String {
    let whole = action == "s3:ListBucket";
    line(action, if whole { "!GetAtt FilesBucket.Arn" } else { "!Sub ${FilesBucket.Arn}/*" }, None)
}

fn line(action: &str, resource: &str, condition: Option<&Value>) -> String {
    match condition {
        Some(condition) => format!("{action} on {resource} where {condition}"),
        None => format!("{action} on {resource}"),
    }
}

fn permissions_of(worker: &Worker) -> Permissions {
    let table = worker.grants.iter().map(granted);
    let elsewhere = worker.actions.iter().flat_map(|action| elsewhere(worker, action));
    table.chain(elsewhere).chain(taking_events(worker.trigger)).collect()
}

/// On what a worker does the things that it does elsewhere than in the table.
fn elsewhere(worker: &Worker, action: &str) -> Vec<String> {
    match action {
        "sqs:SendMessage" => {
            let queues = Queue::ALL.into_iter().filter(|queue| worker.needs.contains(&need_of(*queue)));
            queues.map(|queue| line(action, &format!("!GetAtt {}.Arn", queue_id(queue)), None)).collect()
        }
        "scheduler:CreateSchedule" => {
            let group =
                "!Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroup}/*";
            vec![line(action, group, None)]
        }
        "iam:PassRole" => {
            let to_the_scheduler = json!({"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}});
            vec![line(action, "!GetAtt ScheduleRole.Arn", Some(&to_the_scheduler))]
        }
        "ses:SendEmail" => {
            let identities = "!Sub arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*";
            let as_us = json!({"StringEquals": {"ses:FromAddress": "!Ref MailFrom"}});
            vec![line(action, identities, Some(&as_us))]
        }
        "s3:DeleteObjectTagging" => vec![on_files(action)],
        other => panic!("{}: {other} is new: say here on what", worker.function),
    }
}

fn need_of(queue: Queue) -> Need {
    match queue {
        Queue::Deliveries => Need::DeliveriesQueue,
        Queue::Notices => Need::NoticesQueue,
        Queue::Timers => Need::TimersQueue,
        Queue::Files => Need::FilesQueue,
    }
}

/// What Lambda does in a function's name to fetch its events.
fn taking_events(trigger: Trigger) -> Vec<String> {
    match trigger {
        Trigger::Stream => {
            let reading = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
            let reading = reading.map(|action| line(action, "!GetAtt Table.StreamArn", None));
            let streams = line("dynamodb:ListStreams", "!Sub ${Table.Arn}/stream/*", None);
            let dead = line("sqs:SendMessage", "!GetAtt DispatchDeadQueue.Arn", None);
            reading.into_iter().chain([streams, dead]).collect()
        }
        Trigger::Queue(queue) => {
            let taking = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            taking.map(|action| line(action, &format!("!GetAtt {}.Arn", queue_id(queue)), None)).to_vec()
        }
        // EventBridge calls the function; the function fetches nothing.
        Trigger::Schedule => Vec::new(),
    }
}

/// The permissions that a function's policies state. A policy by name would hide what it allows, so there is none.
fn stated(id: &str, policies: &Value) -> Permissions {
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let mut permissions = Permissions::new();
    for policy in policies.as_array().unwrap_or_else(|| panic!("{id} has no policies, not even an empty list")) {
        for statement in policy["Statement"].as_array().unwrap_or_else(|| panic!("{id}: {policy} states nothing")) {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            for action in list(&statement["Action"]) {
                for resource in list(&statement["Resource"]) {
                    let (action, resource) =
                        (action.as_str().unwrap_or_default(), resource.as_str().unwrap_or_default());
                    let permission = line(action, resource, statement.get("Condition"));
                    assert!(permissions.insert(permission.clone()), "{id} is allowed twice: {permission}");
                }
            }
        }
    }
    permissions
}
