//! Rights and limits that a request asks for a new API key. The doors read them, and this module checks them alike.

use handrail_domain::access::{Role, Scope, ScopeSet};
use handrail_domain::field_error::{FieldError, VALUE_ERROR};
use handrail_domain::key_rate_limit::{KeyRateLimit, WINDOW_SECONDS_MAX, WINDOW_SECONDS_MIN};
use handrail_domain::time::{DAY_MS, Timestamp};
use handrail_store::ApiKey;

/// Longest life of a key that has an end: five years, one of them a leap year and one to spare.
const LIFETIME_MS_MAX: i64 = (5 * 365 + 2) * DAY_MS;
/// A list of scopes with more entries names some twice.
const SCOPES_MAX: usize = Scope::ALL.len();
/// Characters of an unknown scope that a message repeats.
const REPORTED_SCOPE_CHARS_MAX: usize = 40;

/// Requested rights and limits of a new API key. Absent fields leave the defaults of the door.
#[derive(Clone, Debug, Default)]
pub struct KeyGrant {
    pub role: Option<Role>,
    /// Names of scopes. A key has those of its role if none are named.
    pub scopes: Option<Vec<String>>,
    /// Time in RFC 3339 from which the key no longer works.
    pub expires_at: Option<String>,
    pub rate_limit: Option<KeyRateLimit>,
}

impl KeyGrant {
    /// Applies the rights and limits to a key that has the door's default role. `grantable` are the scopes that the
    /// creator may give. Adds the errors of invalid fields to `errors`.
    pub fn apply_to(
        self,
        mut key: ApiKey,
        grantable: ScopeSet,
        now: Timestamp,
        errors: &mut Vec<FieldError>,
    ) -> ApiKey {
        errors.extend(set_scopes(&mut key, self.role, self.scopes.as_deref(), grantable).err());
        if let Some(text) = &self.expires_at {
            errors.extend(parse_expiry(text, now).map(|expires_at| key.expires_at = Some(expires_at)).err());
        }
        if let Some(rate_limit) = self.rate_limit {
            errors.extend(set_rate_limit(&mut key, rate_limit).err());
        }
        key
    }
}

fn set_scopes(
    key: &mut ApiKey,
    role: Option<Role>,
    names: Option<&[String]>,
    grantable: ScopeSet,
) -> Result<(), FieldError> {
    if let Some(names) = names {
        let scopes = parse_scopes(names, grantable)?;
        key.role = role_for(scopes, role)?;
        key.scopes = (scopes != key.role.scopes()).then_some(scopes);
        return Ok(());
    }
    let role = role.unwrap_or(key.role);
    if !role.scopes().is_subset_of(grantable) {
        let message = format!("{} has more scopes than the creator of the key: name scopes instead", role.name());
        return Err(invalid_field(["role"], message));
    }
    key.role = role;
    Ok(())
}

/// Sets a rate limit with a window of its own. Windows and the limits of the tier are checked.
pub fn set_rate_limit(key: &mut ApiKey, rate_limit: KeyRateLimit) -> Result<(), FieldError> {
    let KeyRateLimit { requests, window_seconds } = rate_limit;
    if !(WINDOW_SECONDS_MIN..=WINDOW_SECONDS_MAX).contains(&window_seconds) {
        let message = format!("must be from {WINDOW_SECONDS_MIN} to {WINDOW_SECONDS_MAX}");
        return Err(invalid_field(["rate_limit", "window_seconds"], message));
    }
    let max = KeyRateLimit::requests_max(key.tier, window_seconds);
    if !(1..=max).contains(&requests) {
        let message = format!("must be from 1 to {max} in {window_seconds} seconds on the {} tier", key.tier.name());
        return Err(invalid_field(["rate_limit", "requests"], message));
    }
    key.requests_per_minute = rate_limit.requests_per_minute();
    key.rate_limit = Some(rate_limit);
    Ok(())
}

fn parse_scopes(names: &[String], grantable: ScopeSet) -> Result<ScopeSet, FieldError> {
    let invalid = |what: &str| {
        invalid_field(["scopes"], format!("{what}. The allowed ones are {}", grantable.names().join(", ")))
    };
    if names.is_empty() || names.len() > SCOPES_MAX {
        return Err(invalid(&format!("must be 1 to {SCOPES_MAX} scopes")));
    }
    let mut scopes = Vec::new();
    for name in names {
        match Scope::from_name(name) {
            Some(scope) if grantable.contains(scope) => scopes.push(scope),
            Some(scope) => return Err(invalid(&format!("must not contain {}: the creator lacks it", scope.name()))),
            None => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(REPORTED_SCOPE_CHARS_MAX).collect();
                return Err(invalid(&format!("contains an unknown scope: {name}")));
            }
        }
    }
    Ok(scopes.into_iter().collect())
}

/// Returns the named role if it grants all scopes, or else the lowest role that does.
fn role_for(scopes: ScopeSet, named: Option<Role>) -> Result<Role, FieldError> {
    match named {
        Some(role) if scopes.is_subset_of(role.scopes()) => Ok(role),
        Some(role) => {
            let allowed = role.scopes().names().join(", ");
            Err(invalid_field(["scopes"], format!("must be of the role {}, which has {allowed}", role.name())))
        }
        None => scopes.lowest_role().ok_or_else(|| invalid_field(["scopes"], "must be scopes of one role")),
    }
}

fn parse_expiry(text: &str, now: Timestamp) -> Result<Timestamp, FieldError> {
    let invalid = |message: &str| invalid_field(["expires_at"], message);
    let at = Timestamp::parse(text)
        .ok_or_else(|| invalid("must be a time in RFC 3339 with an offset, such as 2027-01-31T12:00:00Z"))?;
    if at <= now {
        return Err(invalid("must be in the future"));
    }
    if at.ms_since(now) > LIFETIME_MS_MAX {
        return Err(invalid("must be at most five years away"));
    }
    Ok(at)
}

/// The message of a key's field follows the name of the field.
fn invalid_field<const N: usize>(path: [&'static str; N], message: impl Into<String>) -> FieldError {
    FieldError::new(path, message, VALUE_ERROR)
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_domain::ids::{KeyId, TenantId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn apply(grant: KeyGrant, grantable: ScopeSet) -> Result<ApiKey, FieldError> {
        let key = ApiKey::new(KeyId::new(NOW, [2; 10]), TenantId::new(NOW, [1; 10]), "a key", NOW);
        let mut errors = Vec::new();
        let key = grant.apply_to(key, grantable, NOW, &mut errors);
        errors.into_iter().next().map_or(Ok(key), Err)
    }

    fn names(scopes: &[&str]) -> Option<Vec<String>> {
        Some(scopes.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn scopes_choose_the_lowest_role() {
        let admin = Role::Admin.scopes();
        let with = |scopes| apply(KeyGrant { scopes: names(scopes), ..KeyGrant::default() }, admin).unwrap();
        let reader = with(&["packets:read"]);
        assert_eq!((reader.role, reader.scopes().names()), (Role::Reader, vec!["packets:read"]));
        let twice = with(&["packets:write", "packets:write"]);
        assert_eq!((twice.role, twice.scopes().names()), (Role::Writer, vec!["packets:write"]));
        let whole = with(&Role::Reader.scopes().names());
        assert_eq!((whole.role, whole.scopes), (Role::Reader, None), "the name says it all");
        assert_eq!(apply(KeyGrant::default(), admin).unwrap().role, Role::Agent);
    }

    #[test]
    fn key_gets_no_scope_that_its_creator_lacks() {
        let few: ScopeSet = [Scope::KeysWrite, Scope::PacketsRead].into_iter().collect();
        for (role, scopes, field) in [
            (None, names(&["packets:write"]), "scopes"),
            (None, names(&["root"]), "scopes"),
            (None, names(&[]), "scopes"),
            (None, Some(vec!["packets:read".to_owned(); Scope::ALL.len() + 1]), "scopes"),
            (Some(Role::Operator), names(&["packets:read"]), "scopes"),
            (Some(Role::Admin), None, "role"),
            (None, None, "role"),
        ] {
            let error = apply(KeyGrant { role, scopes, ..KeyGrant::default() }, few).unwrap_err();
            assert_eq!(error.field(), field, "{}", error.message);
            let lists_allowed = error.message.ends_with("keys:write, packets:read")
                || error.message.ends_with("packets:read, keys:write");
            assert!(lists_allowed || role.is_some() || field == "role", "{}", error.message);
        }
        assert!(apply(KeyGrant { scopes: names(&["packets:read"]), ..KeyGrant::default() }, few).is_ok());
    }

    #[test]
    fn expiry_is_in_the_next_five_years() {
        let admin = Role::Admin.scopes();
        let at = |text: &str| apply(KeyGrant { expires_at: Some(text.to_owned()), ..KeyGrant::default() }, admin);
        for text in ["soon", "", "2026-11-29", "2026-09-21T14:13:20Z", "2031-09-23T14:13:20Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(at(text).unwrap_err().field(), "expires_at", "{text}");
        }
        let key = at("2026-09-21T16:13:21+02:00").unwrap();
        assert_eq!((key.is_expired(NOW.plus_ms(999)), key.is_expired(NOW.plus_ms(1_000))), (false, true));
        assert!(!apply(KeyGrant::default(), admin).unwrap().is_expired(Timestamp::from_unix_ms(i64::MAX)));
    }

    #[test]
    fn rate_limit_stays_within_window_and_tier() {
        let admin = Role::Admin.scopes();
        let limit = |requests, window_seconds| {
            let rate_limit = Some(KeyRateLimit { requests, window_seconds });
            apply(KeyGrant { rate_limit, ..KeyGrant::default() }, admin)
        };
        assert_eq!(limit(5, 9).unwrap_err().field(), "rate_limit.window_seconds");
        assert_eq!(limit(5, 3_601).unwrap_err().field(), "rate_limit.window_seconds");
        assert_eq!(limit(0, 60).unwrap_err().field(), "rate_limit.requests");
        assert_eq!(limit(u32::MAX, 60).unwrap_err().field(), "rate_limit.requests");
        let key = limit(300, 3_600).unwrap();
        assert_eq!((key.rate_limit().requests, key.requests_per_minute), (300, 5));
        let mut free = ApiKey { tier: Tier::Free, ..key };
        assert!(set_rate_limit(&mut free, KeyRateLimit { requests: 6, window_seconds: 10 }).is_err());
        assert!(set_rate_limit(&mut free, KeyRateLimit { requests: 5, window_seconds: 10 }).is_ok());
    }
}
