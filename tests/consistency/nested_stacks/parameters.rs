//! Parameters of the nested stacks, and the value of each environment variable in terms of them.

use std::fmt::Write as _;

/// Everything that the root template may pass to a nested stack. Each stack declares only what it uses.
const PARAMETERS: [(&str, &str); 39] = [
    ("ApiId", "The HTTP API"),
    ("ApiKeysKeyArn", "Secret of the key for API keys"),
    ("ApprovalLinksKeyArn", "Secret of the key for links to approval requests"),
    ("Architecture", "Processor that the functions are built for"),
    ("CallbacksKeyArn", "Secret of the key for callbacks"),
    ("DeliveriesQueueArn", "Queue of callbacks and webhook deliveries"),
    ("DeliveriesQueueUrl", "Queue of callbacks and webhook deliveries"),
    ("DispatchDeadQueueArn", "Queue of stream records that dispatch gave up"),
    ("FilesBucketName", "Bucket of files"),
    ("FilesKeyArn", "Secret of the key for links to files"),
    ("FilesQueueArn", "Queue of files to retain"),
    ("FilesQueueUrl", "Queue of files to retain"),
    ("JournalCheckpointsKeyArn", "Secret of the key for journal checkpoints"),
    ("KeysPerHour", "API keys that an account may make in an hour"),
    ("LargeMemorySize", "Memory of a function that holds files, in MB"),
    ("LogLevel", "What the functions log, in the syntax of RUST_LOG"),
    ("MailFrom", "Sender address of mails"),
    ("MemorySize", "Memory of a function, in MB"),
    ("MetricsNetwork", "Network that reads the metrics without a key, or empty"),
    ("NoticesQueueArn", "Queue of messages to people"),
    ("NoticesQueueUrl", "Queue of messages to people"),
    ("Origin", "Where people reach the service"),
    ("PagesPerMinute", "Pages that a client address may open in a minute"),
    ("ReceiptsKeyArn", "Secret of the key for receipts"),
    ("ScheduleGroupName", "Group of the schedules of late timers"),
    ("ScheduleRoleArn", "Role of these schedules"),
    ("SignInKeyArn", "Secret of the key for links that sign in"),
    ("SignInsPerMinute", "Sign-ins of a client address or mailbox in a minute"),
    ("SlackClientId", "Client id of the app at Slack, or empty"),
    ("SlackClientSecretArn", "Secret with the client secret of the app at Slack"),
    ("SlackKeyArn", "Secret of the key for Slack"),
    ("SlackSigningSecretArn", "Secret with the signing secret of the app at Slack"),
    ("TableArn", "The table"),
    ("TableName", "The table"),
    ("TableStreamArn", "Stream of the table"),
    ("TimersQueueArn", "Queue of due timers"),
    ("TimersQueueUrl", "Queue of due timers"),
    ("WebhookHosts", "Hosts in private networks that callbacks may reach, or empty"),
    ("WebhooksKeyArn", "Secret of the key for stored secrets of webhooks"),
];

/// Returns the declarations of the parameters that the text of a stack refers to.
pub(super) fn declarations(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let words: std::collections::BTreeSet<&str> = text.split(|c: char| !is_word(c)).collect();
    let mut declarations = String::from("Parameters:\n");
    for (name, description) in PARAMETERS.iter().filter(|(name, _)| words.contains(name)) {
        write!(declarations, "  {name}:\n    Type: String\n    Description: {description}\n").unwrap();
    }
    declarations
}

pub(super) fn value_of_variable(variable: &str) -> &'static str {
    match variable {
        "HANDRAIL_API_KEYS_KEY_ARN" => "!Ref ApiKeysKeyArn",
        "HANDRAIL_APPROVAL_LINKS_KEY_ARN" => "!Ref ApprovalLinksKeyArn",
        "HANDRAIL_CALLBACKS_KEY_ARN" => "!Ref CallbacksKeyArn",
        "HANDRAIL_DELIVERIES_QUEUE" => "!Ref DeliveriesQueueUrl",
        "HANDRAIL_FILES_BUCKET" => "!Ref FilesBucketName",
        "HANDRAIL_FILES_KEY_ARN" => "!Ref FilesKeyArn",
        "HANDRAIL_FILES_QUEUE" => "!Ref FilesQueueUrl",
        "HANDRAIL_KEYS_PER_HOUR" => "!Ref KeysPerHour",
        "HANDRAIL_MAIL_FROM" => "!Ref MailFrom",
        "HANDRAIL_METRICS_NETWORK" => "!Ref MetricsNetwork",
        "HANDRAIL_NOTICES_QUEUE" => "!Ref NoticesQueueUrl",
        "HANDRAIL_ORIGIN" => "!Ref Origin",
        "HANDRAIL_PAGES_PER_MINUTE" => "!Ref PagesPerMinute",
        "HANDRAIL_RECEIPTS_KEY_ARN" => "!Ref ReceiptsKeyArn",
        "HANDRAIL_SCHEDULE_GROUP" => "!Ref ScheduleGroupName",
        "HANDRAIL_SCHEDULE_ROLE_ARN" => "!Ref ScheduleRoleArn",
        "HANDRAIL_SIGN_INS_PER_MINUTE" => "!Ref SignInsPerMinute",
        "HANDRAIL_JOURNAL_CHECKPOINTS_KEY_ARN" => "!Ref JournalCheckpointsKeyArn",
        "HANDRAIL_SIGN_IN_KEY_ARN" => "!Ref SignInKeyArn",
        "HANDRAIL_SLACK_CLIENT_ID" => "!Ref SlackClientId",
        "HANDRAIL_SLACK_CLIENT_SECRET_ARN" => "!Ref SlackClientSecretArn",
        "HANDRAIL_SLACK_KEY_ARN" => "!Ref SlackKeyArn",
        "HANDRAIL_SLACK_SIGNING_SECRET_ARN" => "!Ref SlackSigningSecretArn",
        "HANDRAIL_TABLE" => "!Ref TableName",
        "HANDRAIL_TIMERS_QUEUE" => "!Ref TimersQueueUrl",
        "HANDRAIL_TIMERS_QUEUE_ARN" => "!Ref TimersQueueArn",
        "HANDRAIL_WEBHOOKS_KEY_ARN" => "!Ref WebhooksKeyArn",
        "HANDRAIL_WEBHOOK_HOSTS" => "!Ref WebhookHosts",
        other => panic!("{other} is a new variable: add its value here, and its parameter above"),
    }
}
