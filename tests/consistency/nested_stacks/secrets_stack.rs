//! The stack of the secrets: one for each purpose of a key, and those of the app at Slack.

use std::fmt::Write as _;

use handrail_secrets::keys::KeyPurpose;

/// Secrets that the operator enters, and what each is.
const OF_SLACK: [(&str, &str); 2] = [
    ("SlackClientSecret", "Client secret of the app at Slack"),
    ("SlackSigningSecret", "Signing secret of the app at Slack"),
];

/// Returns the stack of the secrets.
pub(super) fn secrets_stack() -> String {
    let mut text = String::from(
        r#"# Generated from KeyPurpose by tests/consistency/nested_stacks. Do not edit: after a change of its purposes run
# HANDRAIL_UPDATE=1 cargo test --workspace --test consistency nested_stacks
AWSTemplateFormatVersion: "2010-09-09"
Description: "Handrail: the secrets of its functions"

Parameters:
"#,
    );
    for (name, description) in OF_SLACK {
        let rest = "    Type: String\n    NoEcho: true\n";
        write!(text, "  {name}:\n{rest}    Description: {description}, or empty\n").unwrap();
    }
    text.push_str("\nConditions:\n");
    for (name, _) in OF_SLACK {
        writeln!(text, "  Has{name}: !Not [!Equals [!Ref {name}, \"\"]]").unwrap();
    }
    text.push_str("\n# A deleted secret can't be made again, and with it go the links and signatures that depend on it.\nResources:\n");
    for purpose in KeyPurpose::ALL {
        let value = "      GenerateSecretString: {PasswordLength: 64, ExcludePunctuation: true}\n";
        text.push_str(&secret(&format!("{purpose:?}Key"), &format!("Key of {}", description(purpose)), value));
    }
    // Without Slack nobody knows the secret, so nobody can sign with it.
    for (name, description) in OF_SLACK {
        let value = format!(
            "      SecretString: !If [Has{name}, !Ref {name}, !Ref AWS::NoValue]\n      \
             GenerateSecretString: !If [Has{name}, !Ref AWS::NoValue, {{PasswordLength: 64}}]\n"
        );
        text.push_str(&secret(&format!("Stored{name}"), description, &value));
    }
    text.push_str("Outputs:\n");
    let keys = KeyPurpose::ALL.into_iter().map(|purpose| format!("{purpose:?}Key"));
    for id in keys {
        write!(text, "  {id}Arn:\n    Value: !Ref {id}\n").unwrap();
    }
    for (name, _) in OF_SLACK {
        write!(text, "  {name}Arn:\n    Value: !Ref Stored{name}\n").unwrap();
    }
    text
}

fn secret(id: &str, description: &str, value: &str) -> String {
    format!(
        r#"  {id}:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      Description: "Handrail: {description}"
{value}
"#
    )
}

fn description(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::ApiKeys => "API keys that a repeated request returns again",
        KeyPurpose::ApprovalLinks => "links that open an approval request",
        KeyPurpose::Callbacks => "signatures of callbacks",
        KeyPurpose::Files => "links to files",
        KeyPurpose::JournalCheckpoints => "signatures of journal checkpoints",
        KeyPurpose::Receipts => "signatures of receipts",
        KeyPurpose::SignIn => "links that sign a person in",
        KeyPurpose::Slack => "buttons and tokens of Slack",
        KeyPurpose::Webhooks => "stored secrets of webhooks",
    }
}
