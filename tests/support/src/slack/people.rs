//! People at the stand-in: what their taps and their dialogs send to Handrail, signed as Slack signs.

use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_kernel::master::hmac_sha256;
use http::Method;
use serde_json::{Map, Value, json};

use super::{SIGNING_SECRET, SlackMessage, SlackStandIn, TEAM};
use crate::client::{Answer, Client};
use crate::world::{World, WorldOptions};

/// What Slack sends when somebody does something, ready to be sent, and sent again.
#[derive(Clone, Debug)]
pub struct Tap {
    pub payload: Value,
    pub at: Timestamp,
    pub signing_secret: String,
}

impl SlackStandIn {
    /// A tap on the button of this action.
    #[track_caller]
    pub fn tap(&self, message: &SlackMessage, action: &str, user: &str, at: Timestamp) -> Tap {
        let button = message.elements().find(|element| element["action_id"] == action);
        let button = button.unwrap_or_else(|| panic!("no button {action} in {:?}", message.buttons()));
        let trigger = {
            let mut book = self.lock();
            book.counted += 1;
            let trigger = format!("trigger.{}", book.counted);
            book.triggers.insert(trigger.clone());
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
        Tap::of(payload, at)
    }

    /// The dialog is filled in and sent: for each block its element's state, as `{"value": ..}` and the like.
    pub fn submit(&self, view: &Value, state: &[(&str, Value)], user: &str, at: Timestamp) -> Tap {
        let mut values = Map::new();
        for block in view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input") {
            let (block_id, action_id) = (block["block_id"].as_str(), block["element"]["action_id"].as_str());
            let (block_id, action_id) =
                (block_id.expect("an input has a name"), action_id.expect("an input has a name"));
            let given = state.iter().find(|(name, _)| *name == block_id).map(|(_, value)| value.clone());
            let mut given = given.unwrap_or_else(|| json!({"value": null}));
            given["type"] = block["element"]["type"].clone();
            values.insert(block_id.to_owned(), json!({action_id: given}));
        }
        let mut sent = view.clone();
        sent["id"] = "V0STANDIN".into();
        sent["state"] = json!({"values": values});
        let payload = json!({
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "standin"},
            "user": {"id": user, "username": "somebody", "team_id": TEAM},
            "api_app_id": "A0HANDRAIL",
            "token": "deprecated",
            "trigger_id": "unused",
            "view": sent,
            "response_urls": [],
            "is_enterprise_install": false,
            "enterprise": null,
        });
        Tap::of(payload, at)
    }
}

impl Tap {
    pub fn of(payload: Value, at: Timestamp) -> Self {
        Self { payload, at, signing_secret: SIGNING_SECRET.to_owned() }
    }

    /// The body as Slack sends it, and its signature's headers.
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

    pub async fn send(&self, handrail: &Client) -> Answer {
        let (body, headers) = self.signed();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        handrail.without_key().send(Method::POST, "/slack/interactions", &headers, body.into_bytes()).await
    }
}

/// An admin's browser on its way through Slack.
impl SlackStandIn {
    /// Asks Handrail for the address and follows it: where the browser comes back to Handrail.
    pub async fn way_back(&self, admin: &Client, code: &str) -> String {
        let asked = admin.post("/slack/install", &json!({})).await.expect(200);
        let address = asked.json["install_url"].as_str().expect("an address").to_owned();
        let (place, query) = address.split_once('?').expect("the address has a query");
        assert_eq!(place, format!("{}/oauth/v2/authorize", self.site));
        let asked: std::collections::HashMap<_, _> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((asked["client_id"].as_str(), asked["scope"].as_str()), (super::CLIENT_ID, super::SCOPES));
        format!("/slack/oauth/callback?code={code}&state={}", asked["state"])
    }

    /// Lets Handrail in, for the account of this admin.
    pub async fn connect(&self, admin: &Client) {
        let back = self.way_back(admin, &self.grants()).await;
        admin.without_key().get(&back).await.expect(200);
    }
}

impl World {
    /// A world whose account is connected to a workspace.
    pub async fn in_slack() -> (Self, SlackStandIn) {
        let slack = SlackStandIn::start().await;
        let world = Self::with(WorldOptions { slack: slack.settings(), ..WorldOptions::default() }).await;
        slack.connect(&world.admin).await;
        slack.calls();
        (world, slack)
    }

    /// Asks as [`World::ask`] does, in Slack, with these changes. The decision's id.
    pub async fn asked_in_slack(&self, changes: Value) -> String {
        let mut ask = self.ask();
        ask["channel"] = "slack".into();
        if let (Value::Object(ask), Value::Object(changes)) = (&mut ask, changes) {
            ask.extend(changes);
        }
        let id = self.admin.post("/decisions", &ask).await.expect(201).id();
        self.settle().await;
        id
    }

    /// What the asker reads.
    pub async fn decision(&self, id: &str) -> Value {
        self.admin.get(&format!("/decisions/{id}")).await.expect(200).json
    }
}
