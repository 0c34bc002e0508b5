//! OAuth scopes that Handrail needs in a workspace.

/// Required scopes: to post and edit messages, find users by address and open direct messages.
pub(crate) const SCOPES: [&str; 4] = ["chat:write", "users:read", "users:read.email", "im:write"];

/// Required scopes that a workspace did not grant.
pub(crate) fn missing_scopes(granted: &[String]) -> Vec<&'static str> {
    SCOPES.into_iter().filter(|scope| !granted.iter().any(|granted| granted == scope)).collect()
}
