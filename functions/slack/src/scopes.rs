//! What Handrail asks a workspace for, and no more.

/// Posting and editing its own messages; finding the user of a mail address; opening a direct message.
pub(crate) const SCOPES: [&str; 4] = ["chat:write", "users:read", "users:read.email", "im:write"];

/// Those that a workspace did not grant.
pub(crate) fn missing(granted: &[String]) -> Vec<&'static str> {
    SCOPES.into_iter().filter(|scope| !granted.iter().any(|granted| granted == scope)).collect()
}
