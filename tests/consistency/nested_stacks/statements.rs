//! IAM statements that follow from a row of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use handrail_context::settings::RequiredSetting;
use handrail_effects::{EventSource, Queue, Worker};
use handrail_web::endpoint::{Endpoint, Grant};

use super::parameters::value_of_variable;
use crate::project::pascal_case;

struct Statement {
    actions: BTreeSet<&'static str>,
    resources: Vec<String>,
    /// Operator, key and values.
    condition: Option<(&'static str, &'static str, Vec<String>)>,
}

impl Statement {
    fn new(actions: impl IntoIterator<Item = &'static str>, resource: impl Into<String>) -> Self {
        Self { actions: actions.into_iter().collect(), resources: vec![resource.into()], condition: None }
    }

    fn to_yaml(&self) -> String {
        let list = |items: Vec<&str>| match items.as_slice() {
            [single] => (*single).to_owned(),
            items => format!("[{}]", items.join(", ")),
        };
        let actions = list(self.actions.iter().copied().collect());
        let mut yaml = format!("              - Effect: Allow\n                Action: {actions}\n");
        match self.resources.as_slice() {
            [single] => writeln!(yaml, "                Resource: {single}").unwrap(),
            resources => {
                yaml.push_str("                Resource:\n");
                resources.iter().for_each(|resource| writeln!(yaml, "                  - {resource}").unwrap());
            }
        }
        if let Some((operator, key, values)) = &self.condition {
            let values = list(values.iter().map(String::as_str).collect());
            writeln!(yaml, "                Condition: {{\"{operator}\": {{\"{key}\": {values}}}}}").unwrap();
        }
        yaml
    }
}

/// Returns the statements of an operation's role, as a list in YAML.
pub(super) fn of_operation(endpoint: &Endpoint) -> String {
    let grants: BTreeSet<Grant> = endpoint.accesses.iter().flat_map(|access| access.grants()).copied().collect();
    let files = endpoint.accesses.iter().flat_map(|access| access.file_actions()).copied().collect();
    let secrets = on_secrets(endpoint.required_settings);
    to_yaml([own_log()].into_iter().chain(on_table(&grants)).chain(secrets).chain(on_files(&files)))
}

/// Returns the statements of a worker's role, as a list in YAML.
pub(super) fn of_worker(worker: &Worker) -> String {
    let grants = worker.grants.iter().copied().collect();
    let actions = worker.actions.iter().flat_map(|action| on_service(worker, action));
    to_yaml(
        [own_log()]
            .into_iter()
            .chain(from_event_source(worker.event_source))
            .chain(on_table(&grants))
            .chain(on_secrets(worker.required_settings))
            .chain(actions),
    )
}

fn to_yaml(statements: impl Iterator<Item = Statement>) -> String {
    statements.map(|statement| statement.to_yaml()).collect()
}

fn own_log() -> Statement {
    Statement::new(["logs:CreateLogStream", "logs:PutLogEvents"], "!GetAtt Log.Arn")
}

fn on_table(grants: &BTreeSet<Grant>) -> Vec<Statement> {
    let indexes: BTreeSet<&str> = grants.iter().filter_map(|grant| grant.index).collect();
    let mut keys_of_action: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for grant in grants.iter().filter(|grant| grant.index.is_none()) {
        keys_of_action.entry(grant.action).or_default().extend(grant.leading_key);
    }
    let mut actions_on_keys: BTreeMap<BTreeSet<&str>, BTreeSet<&'static str>> = BTreeMap::new();
    for (action, keys) in keys_of_action {
        actions_on_keys.entry(keys).or_default().insert(action);
    }
    let mut statements = Vec::new();
    if !indexes.is_empty() {
        let resources = indexes.iter().map(|index| format!("!Sub ${{TableArn}}/index/{index}")).collect();
        statements.push(Statement { resources, ..Statement::new(["dynamodb:Query"], "") });
    }
    statements.extend(actions_on_keys.into_iter().map(|(keys, actions)| {
        let keys = keys.iter().map(|key| format!("\"{key}\"")).collect();
        let condition = Some(("ForAllValues:StringLike", "dynamodb:LeadingKeys", keys));
        Statement { condition, ..Statement::new(actions, "!Ref TableArn") }
    }));
    statements
}

/// Returns the statement for the secrets that the function fetches when it starts.
fn on_secrets(required: &[RequiredSetting]) -> Option<Statement> {
    let secrets = required.iter().filter_map(|setting| setting.secret());
    let resources: Vec<String> = secrets.map(|secret| value_of_variable(secret.arn).to_owned()).collect();
    let fetches = !resources.is_empty();
    fetches.then(|| Statement { resources, ..Statement::new(["secretsmanager:GetSecretValue"], "") })
}

fn on_files(actions: &BTreeSet<&'static str>) -> Vec<Statement> {
    const BUCKET: &str = "!Sub arn:${AWS::Partition}:s3:::${FilesBucketName}";
    let (on_bucket, on_objects): (BTreeSet<_>, BTreeSet<_>) =
        actions.iter().partition(|action| **action == "s3:ListBucket");
    let statements = [(on_bucket, BUCKET.to_owned()), (on_objects, format!("{BUCKET}/*"))];
    let needed = statements.into_iter().filter(|(actions, _)| !actions.is_empty());
    needed.map(|(actions, resource)| Statement::new(actions, resource)).collect()
}

/// Returns the statements for a worker's action on another service than the table.
fn on_service(worker: &Worker, action: &'static str) -> Vec<Statement> {
    let only_if = |statement: Statement, key: &'static str, value: &str| Statement {
        condition: Some(("StringEquals", key, vec![value.to_owned()])),
        ..statement
    };
    match action {
        "sqs:SendMessage" => {
            let settings: Vec<&str> =
                worker.required_settings.iter().flat_map(|setting| setting.variables()).copied().collect();
            let uses =
                |queue: &Queue| settings.contains(&format!("HANDRAIL_{}_QUEUE", queue.name().to_uppercase()).as_str());
            let resources = Queue::ALL.iter().filter(|queue| uses(queue)).map(|queue| queue_arn(*queue)).collect();
            vec![Statement { resources, ..Statement::new([action], "") }]
        }
        "scheduler:CreateSchedule" => {
            let schedules =
                "!Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroupName}/*";
            vec![Statement::new([action], schedules)]
        }
        "iam:PassRole" => {
            vec![only_if(
                Statement::new([action], "!Ref ScheduleRoleArn"),
                "iam:PassedToService",
                "scheduler.amazonaws.com",
            )]
        }
        "ses:SendEmail" => {
            let identities = "!Sub arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*";
            vec![only_if(Statement::new([action], identities), "ses:FromAddress", "!Ref MailFrom")]
        }
        "s3:DeleteObjectTagging" => on_files(&BTreeSet::from([action])),
        other => panic!("{}: {other} is a new action: add its resource here", worker.function),
    }
}

fn queue_arn(queue: Queue) -> String {
    format!("!Ref {}QueueArn", pascal_case(queue.name()))
}

/// Returns the statements with which Lambda fetches the function's events.
fn from_event_source(event_source: EventSource) -> Vec<Statement> {
    match event_source {
        EventSource::Stream => vec![
            Statement::new(
                ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                "!Ref TableStreamArn",
            ),
            Statement::new(["dynamodb:ListStreams"], "!Sub ${TableArn}/stream/*"),
            Statement::new(["sqs:SendMessage"], "!Ref DispatchDeadQueueArn"),
        ],
        EventSource::Queue(queue) => {
            let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            vec![Statement::new(actions, queue_arn(queue))]
        }
        // EventBridge invokes the function, so nothing is fetched.
        EventSource::Schedule => Vec::new(),
    }
}
