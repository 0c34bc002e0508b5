//! What a receipt proves, in one line.

use std::fmt;

use anyhow::{bail, ensure};
use handrail_domain::decision::{ReceiptClaims, ReceiptEnv};
use handrail_domain::text::one_line;
use handrail_domain::time::Timestamp;

use super::expected_action::ExpectedAction;

/// Most characters of a name or an action in the line.
const TEXT_CHARS_MAX: usize = 120;

/// An approval that counts now.
#[derive(Debug)]
pub struct Proof {
    claims: ReceiptClaims,
    /// Text of the action that was compared.
    action: Option<String>,
}

impl Proof {
    /// Judges the claims of a receipt whose signature was checked. The error says what the receipt proves instead.
    pub(super) fn new(
        claims: ReceiptClaims,
        expected: Option<&ExpectedAction>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let of = format!("decision {} of {}", claims.jti, one_line(&claims.iss, TEXT_CHARS_MAX));
        let by = author(&claims);
        let at = claims.decided_at;
        match claims.status.as_str() {
            "approved" => {}
            "scheduled" => match claims.execute_at {
                Some(from) if now >= from => {}
                Some(from) => bail!("not yet: {by} approved the {of} at {at}, to be carried out from {from} on"),
                None => bail!("the {of} is scheduled without a time"),
            },
            "modified" => bail!("not as asked: {by} approved the {of} at {at} with changes, which its notes describe"),
            "denied" => bail!("not approved: {by} denied the {of} at {at}"),
            "expired" if claims.cancelled_at.is_some() => bail!("not approved: the {of} was cancelled at {at}"),
            "expired" => bail!("not approved: nobody answered the {of} by {at}"),
            other => bail!("not approved: the {of} has the status {:?}", one_line(other, TEXT_CHARS_MAX)),
        }
        if let Some(expected) = expected {
            let (hash, approved) = (&expected.hash, one_line(&claims.action_hash, TEXT_CHARS_MAX));
            ensure!(
                *hash == claims.action_hash,
                "another action: {by} approved {approved} in the {of}, but the given action is {hash}"
            );
        }
        if let Some(end) = claims.valid_until.filter(|end| now >= *end) {
            bail!("no longer valid: {by} approved the {of} at {at}, for use before {end}");
        }
        Ok(Self { claims, action: expected.map(|expected| expected.action.clone()) })
    }
}

/// Names who answered, and how.
fn author(claims: &ReceiptClaims) -> String {
    let name = one_line(claims.resolved_by.as_deref().unwrap_or("nobody"), TEXT_CHARS_MAX);
    let via = claims.resolved_via.map_or("unknown", |via| via.name());
    let asker = if claims.answered_by_asker { ", by the key that asked" } else { "" };
    match &claims.resolved_with_key {
        // The program chose the name.
        Some(key) => format!("the key {key} in the name of {name} (api{asker})"),
        None => format!("{name} ({via})"),
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims = &self.claims;
        let action = match &self.action {
            Some(action) => format!("exactly the given action ({})", one_line(action, TEXT_CHARS_MAX)),
            None => format!("the action {}", one_line(&claims.action_hash, TEXT_CHARS_MAX)),
        };
        let use_of = match (claims.single_use, claims.valid_until) {
            (true, Some(end)) => format!(", for one use before {end}"),
            (true, None) => ", for one use".to_owned(),
            (false, Some(end)) => format!(", for use before {end}"),
            (false, None) => String::new(),
        };
        let env = match claims.env {
            ReceiptEnv::Live => "",
            ReceiptEnv::Local => ", a local installation",
        };
        let by = author(claims);
        write!(
            f,
            "approved: {by} approved {action} at {}{use_of}; signed for decision {} by {}{env}",
            claims.decided_at,
            claims.jti,
            one_line(&claims.iss, TEXT_CHARS_MAX)
        )
    }
}
