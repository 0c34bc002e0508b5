//! Users of the fake Slack: requests that their clicks and dialogs send to Handrail, signed as by Slack.

use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_secrets::purpose_key::hmac_sha256;
use http::Method;
use serde_json::{Map, Value, json};

use super::fake_slack::FakeSlack;
use super::message::SlackMessage;
use super::state::{CLIENT_ID, SCOPES, SIGNING_SECRET, TEAM};
use crate::client::{Client, TestResponse};
use crate::test_server::{TestServer, TestServerOptions};

/// Slack interaction request; it can be sent repeatedly.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub payload: Value,
    pub at: Timestamp,
    pub signing_secret: String,
}

impl FakeSlack {
    /// Returns the interaction of a click on the button with this action.
    #[track_caller]
    pub fn tap(&self, message: &SlackMessage, action: &str, user: &str, at: Timestamp) -> Interaction {
        let button = message.elements().find(|element| element["action_id"] == action);
        let button = button.unwrap_or_else(|| panic!("no button {action} in {:?}", message.buttons()));
        let trigger = {
            let mut server_state = self.lock();
            server_state.id_counter += 1;
            let trigger = format!("trigger.{}", server_state.id_counter);
            server_state.triggers.insert(trigger.clone());
            trigger
        };
        let payload = json!({
            "type": "block_actions",
            "user": {"id": user, "username": "somebody", "team_id": TEAM},
            "api_app_id": "A0HANDRAIL",
            "token": "deprecated",
            "container": {
                "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": false,
            },
            "trigger_id": trigger,
            "team": {"id": TEAM, "domain": "standin"},
            "enterprise": null,
            "is_enterprise_install": false,
            "channel": {"id": message.channel, "name": "directmessage"},
            "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
            "response_url": "https://hooks.slack.com/actions/none",
            "actions": [{
                "type": "button",
                "action_id": action,
                "block_id": "b1",
                "text": button["text"],
                "value": button["value"],
                "action_ts": "1790000000.000001",
            }],
        });
        Interaction::of(payload, at)
    }

    /// Returns the interaction of a submitted dialog. `state` holds the element state of each block, for example
    /// `{"value": ..}`.
    pub fn submit(&self, view: &Value, state: &[(&str, Value)], user: &str, at: Timestamp) -> Interaction {
        let mut values = Map::new();
        for block in view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input") {
            let (block_id, action_id) = (block["block_id"].as_str(), block["element"]["action_id"].as_str());
            let (block_id, action_id) =
                (block_id.expect("an input has a name"), action_id.expect("an input has a name"));
            let element = state.iter().find(|(name, _)| *name == block_id).map(|(_, value)| value.clone());
            let mut element = element.unwrap_or_else(|| json!({"value": null}));
            element["type"] = block["element"]["type"].clone();
            values.insert(block_id.to_owned(), json!({action_id: element}));
        }
        let mut submitted = view.clone();
        submitted["id"] = "V0STANDIN".into();
        submitted["state"] = json!({"values": values});
        let payload = json!({
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "standin"},
            "user": {"id": user, "username": "somebody", "team_id": TEAM},
            "api_app_id": "A0HANDRAIL",
            "token": "deprecated",
            "trigger_id": "unused",
            "view": submitted,
            "response_urls": [],
            "is_enterprise_install": false,
            "enterprise": null,
        });
        Interaction::of(payload, at)
    }
}

impl Interaction {
    pub fn of(payload: Value, at: Timestamp) -> Self {
        Self { payload, at, signing_secret: SIGNING_SECRET.to_owned() }
    }

    /// Returns the form body and the headers, with the signature.
    pub fn signed(&self) -> (String, [(&'static str, String); 3]) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &self.payload.to_string())
            .finish();
        let at = self.at.as_unix_seconds().to_string();
        let mac = hmac_sha256(self.signing_secret.as_bytes(), &[b"v0:", at.as_bytes(), b":", body.as_bytes()]);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("x-slack-request-timestamp", at),
            ("x-slack-signature", format!("v0={}", hex(&mac))),
        ];
        (body, headers)
    }

    pub async fn send(&self, handrail: &Client) -> TestResponse {
        let (body, headers) = self.signed();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        handrail.without_key().send(Method::POST, "/slack/interactions", &headers, body.into_bytes()).await
    }
}

/// The OAuth installation, as an admin's browser walks it.
impl FakeSlack {
    /// Requests the install URL, checks its query, and returns the path at which the browser comes back to Handrail.
    pub async fn oauth_redirect(&self, admin: &Client, code: &str) -> String {
        let install = admin.post("/slack/install", &json!({})).await.expect(200);
        let address = install.json["install_url"].as_str().expect("an address").to_owned();
        let (base, query) = address.split_once('?').expect("the address has a query");
        assert_eq!(base, format!("{}/oauth/v2/authorize", self.site));
        let params: std::collections::HashMap<_, _> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((params["client_id"].as_str(), params["scope"].as_str()), (CLIENT_ID, SCOPES));
        format!("/slack/oauth/callback?code={code}&state={}", params["state"])
    }

    /// Installs Handrail in the workspace for the tenant of this admin.
    pub async fn connect(&self, admin: &Client) {
        let back = self.oauth_redirect(admin, &self.issue_code()).await;
        admin.without_key().get(&back).await.expect(200);
    }
}

impl TestServer {
    /// Starts a server whose tenant is connected to a Slack workspace.
    pub async fn with_slack() -> (Self, FakeSlack) {
        let slack = FakeSlack::start().await;
        let server = Self::with(TestServerOptions { slack: slack.settings(), ..TestServerOptions::default() }).await;
        slack.connect(&server.admin).await;
        slack.calls();
        (server, slack)
    }

    /// Creates a decision from [`TestServer::decision_body`] on channel `slack`, with these changes. Returns its id.
    pub async fn create_slack_decision(&self, changes: Value) -> String {
        let mut body = self.decision_body();
        body["channel"] = "slack".into();
        if let (Value::Object(fields), Value::Object(changes)) = (&mut body, changes) {
            fields.extend(changes);
        }
        let id = self.admin.post("/decisions", &body).await.expect(201).id();
        self.run_due_work().await;
        id
    }

    /// Does all due work, and asserts that this user's only Slack message shows the outcome `words` and no buttons.
    #[track_caller]
    pub fn expect_slack_outcome(&self, slack: &FakeSlack, user: &str, words: &str) -> impl Future<Output = ()> {
        let location = std::panic::Location::caller();
        async move {
            self.run_due_work().await;
            let message = slack.message_to(user);
            let shows_outcome = message.buttons().is_empty() && message.visible_text().contains(words);
            assert!(shows_outcome, "{location}: {:?}: {}", message.buttons(), message.visible_text());
        }
    }

    /// Returns the decision's JSON as the requester reads it.
    pub async fn decision(&self, id: &str) -> Value {
        self.admin.get(&format!("/decisions/{id}")).await.expect(200).json
    }
}
