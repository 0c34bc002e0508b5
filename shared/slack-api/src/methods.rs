//! One function for each method, with the arguments that Handrail uses.

use handrail_domain::text::EmailAddress;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{BotToken, Slack, SlackFault, basic};

/// An app that was let into a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    pub team: String,
    pub team_name: String,
    pub bot_user: String,
    /// The Slack user who let it in.
    pub installed_by: String,
    pub scopes: Vec<String>,
    pub token: BotToken,
}

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Placed {
    pub channel: String,
    pub ts: String,
}

#[derive(Deserialize)]
struct Done {}

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

impl Slack {
    /// Exchanges the code that Slack gave an admin's browser. A code works once.
    pub async fn oauth_access(&self, client_id: &str, client_secret: &str, code: &str) -> Result<Install, SlackFault> {
        const METHOD: &str = "oauth.v2.access";
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
            #[serde(default)]
            expires_in: Option<u64>,
            #[serde(default)]
            scope: String,
            bot_user_id: String,
            team: Option<Named>,
            authed_user: Named,
        }
        let refused = |error: &str| SlackFault::Refused { method: METHOD, error: error.to_owned() };
        let granted: Granted = self.call_form(METHOD, basic(client_id, client_secret), &[("code", code)]).await?;
        if granted.expires_in.is_some() {
            return Err(refused("token_rotation_is_on"));
        }
        // An install for a whole organisation belongs to no workspace.
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

    /// The Slack user with this mail address.
    pub async fn user_of(&self, token: &BotToken, email: &EmailAddress) -> Result<String, SlackFault> {
        const METHOD: &str = "users.lookupByEmail";
        #[derive(Deserialize)]
        struct Found {
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
        let found: Found = self.call_form(METHOD, authorization, &[("email", email.as_str())]).await?;
        if found.user.deleted || found.user.is_bot {
            return Err(SlackFault::Refused { method: METHOD, error: "users_not_found".to_owned() });
        }
        Ok(found.user.id)
    }

    /// The channel of the bot's direct messages with a user. The same one each time.
    pub async fn dm_with(&self, token: &BotToken, user: &str) -> Result<String, SlackFault> {
        #[derive(Deserialize)]
        struct Opened {
            channel: Named,
        }
        let opened: Opened = self.call_json("conversations.open", token, &json!({"users": user})).await?;
        Ok(opened.channel.id)
    }

    /// Posts a message: `text` is what notifications and screen readers say.
    pub async fn post(
        &self,
        token: &BotToken,
        channel: &str,
        text: &str,
        blocks: &[Value],
    ) -> Result<Placed, SlackFault> {
        let body = json!({
            "channel": channel,
            "text": text,
            "blocks": blocks,
            // An agent's words are no reason to fetch anything.
            "unfurl_links": false,
            "unfurl_media": false,
        });
        self.call_json("chat.postMessage", token, &body).await
    }

    pub async fn update(
        &self,
        token: &BotToken,
        place: &Placed,
        text: &str,
        blocks: &[Value],
    ) -> Result<(), SlackFault> {
        let body = json!({"channel": place.channel, "ts": place.ts, "text": text, "blocks": blocks});
        self.call_json::<Done>("chat.update", token, &body).await.map(drop)
    }

    /// Opens a dialog for whoever tapped a button. A trigger works for three seconds.
    pub async fn open_view(&self, token: &BotToken, trigger: &str, view: &Value) -> Result<(), SlackFault> {
        let body = json!({"trigger_id": trigger, "view": view});
        self.call_json::<Done>("views.open", token, &body).await.map(drop)
    }
}
