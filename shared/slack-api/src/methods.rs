//! Functions for Slack's methods, with the arguments that Handrail uses.

use handrail_domain::text::EmailAddress;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bot_token::BotToken;
use crate::client::{Slack, basic_auth};
use crate::fault::SlackFault;

/// Installation of the app in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    pub team: String,
    pub team_name: String,
    pub bot_user: String,
    /// Slack user who installed the app.
    pub installed_by: String,
    pub scopes: Vec<String>,
    pub token: BotToken,
}

/// Reference of a posted message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MessageRef {
    pub channel: String,
    pub ts: String,
}

#[derive(Deserialize)]
struct EmptyResponse {}

#[derive(Deserialize)]
struct NamedObject {
    id: String,
    #[serde(default)]
    name: String,
}

impl Slack {
    /// Exchanges the OAuth code of an admin's browser for a token. Each code works once.
    pub async fn oauth_access(&self, client_id: &str, client_secret: &str, code: &str) -> Result<Install, SlackFault> {
        const METHOD: &str = "oauth.v2.access";
        #[derive(Deserialize)]
        struct AccessResponse {
            access_token: String,
            #[serde(default)]
            expires_in: Option<u64>,
            #[serde(default)]
            scope: String,
            bot_user_id: String,
            team: Option<NamedObject>,
            authed_user: NamedObject,
        }
        let refused = |error: &str| SlackFault::Refused { method: METHOD, error: error.to_owned() };
        let granted: AccessResponse =
            self.call_form(METHOD, basic_auth(client_id, client_secret), &[("code", code)]).await?;
        if granted.expires_in.is_some() {
            return Err(refused("token_rotation_is_on"));
        }
        // An installation for a whole organisation has no workspace.
        let team = granted.team.ok_or_else(|| refused("no_workspace"))?;
        Ok(Install {
            team: team.id,
            team_name: team.name,
            bot_user: granted.bot_user_id,
            installed_by: granted.authed_user.id,
            scopes: granted.scope.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            token: BotToken::new(granted.access_token),
        })
    }

    /// Returns the id of the Slack user with this mail address.
    pub async fn user_by_email(&self, token: &BotToken, email: &EmailAddress) -> Result<String, SlackFault> {
        const METHOD: &str = "users.lookupByEmail";
        #[derive(Deserialize)]
        struct UserResponse {
            user: User,
        }
        #[derive(Deserialize)]
        struct User {
            id: String,
            #[serde(default)]
            deleted: bool,
            #[serde(default)]
            is_bot: bool,
        }
        let authorization = format!("Bearer {}", token.expose());
        let found: UserResponse = self.call_form(METHOD, authorization, &[("email", email.as_str())]).await?;
        if found.user.deleted || found.user.is_bot {
            return Err(SlackFault::Refused { method: METHOD, error: "users_not_found".to_owned() });
        }
        Ok(found.user.id)
    }

    /// Returns the channel of the bot's direct messages with a user, which never changes.
    pub async fn open_dm(&self, token: &BotToken, user: &str) -> Result<String, SlackFault> {
        #[derive(Deserialize)]
        struct OpenDmResponse {
            channel: NamedObject,
        }
        let opened: OpenDmResponse = self.call_json("conversations.open", token, &json!({"users": user})).await?;
        Ok(opened.channel.id)
    }

    /// Posts a message. Notifications and screen readers use `text`.
    pub async fn post_message(
        &self,
        token: &BotToken,
        channel: &str,
        text: &str,
        blocks: &[Value],
    ) -> Result<MessageRef, SlackFault> {
        let body = json!({
            "channel": channel,
            "text": text,
            "blocks": blocks,
            // Links in an agent's text must not make Slack fetch pages.
            "unfurl_links": false,
            "unfurl_media": false,
        });
        self.call_json("chat.postMessage", token, &body).await
    }

    /// Replaces the text and the blocks of a posted message.
    pub async fn update_message(
        &self,
        token: &BotToken,
        message: &MessageRef,
        text: &str,
        blocks: &[Value],
    ) -> Result<(), SlackFault> {
        let body = json!({"channel": message.channel, "ts": message.ts, "text": text, "blocks": blocks});
        self.call_json::<EmptyResponse>("chat.update", token, &body).await.map(drop)
    }

    /// Opens a dialog for the user who clicked a button. A trigger is valid for three seconds.
    pub async fn open_view(&self, token: &BotToken, trigger: &str, view: &Value) -> Result<(), SlackFault> {
        let body = json!({"trigger_id": trigger, "view": view});
        self.call_json::<EmptyResponse>("views.open", token, &body).await.map(drop)
    }
}
