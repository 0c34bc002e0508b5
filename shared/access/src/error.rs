//! The reasons why a request is refused before its operation runs.

use handrail_platform::fault::Fault;

#[derive(Debug)]
pub enum AccessError {
    /// No API key has this secret.
    UnknownKey,
    /// The API key was revoked.
    RevokedKey,
    /// The API key has expired.
    ExpiredKey,
    /// The caller sent more requests than its rate limit allows.
    RateLimited { retry_after_s: u32 },
    /// The tenant created as many packets today as its tier allows.
    DailyQuotaReached { limit: u32 },
    /// The tenant has as many active API keys as it may have.
    TooManyKeys { max: u32 },
    /// The tenant was deleted.
    TenantDeleted,
    /// The API key that a rotation made was revoked before the rotation ended.
    ReplacementRevoked,
    /// The table could not say.
    Fault(Fault),
}

impl From<Fault> for AccessError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
