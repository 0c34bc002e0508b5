//! Limits and names of the tiers at the packets door.

use crate::account::{Tenant, Tier};

/// Limits of a tier at the packets API. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketLimits {
    /// Name of the tier at the packets API, which calls the tier `scale` `business`.
    pub name: &'static str,
    /// Requests per hour of the clock, for all keys of the tenant together.
    pub requests_per_hour: Option<u32>,
    /// Packets created per day (UTC). Each packet of a batch counts, and a chained packet does not.
    pub handoffs_per_day: Option<u32>,
    /// Maximum number of active API keys.
    pub keys_max: u32,
}

/// Maximum number of active API keys in every tier, so that one list can show all of them.
pub const KEYS_MAX: u32 = 100;

/// Limits of the tiers, in the order of [`Tier`].
#[rustfmt::skip]
const LIMITS_OF_TIERS: [PacketLimits; 4] = [
    PacketLimits { name: "free",       requests_per_hour: Some(100),    handoffs_per_day: Some(5), keys_max: 5 },
    PacketLimits { name: "pro",        requests_per_hour: Some(1_000),  handoffs_per_day: None,    keys_max: KEYS_MAX },
    PacketLimits { name: "business",   requests_per_hour: Some(10_000), handoffs_per_day: None,    keys_max: KEYS_MAX },
    PacketLimits { name: "enterprise", requests_per_hour: None,         handoffs_per_day: None,    keys_max: KEYS_MAX },
];

impl Tier {
    /// Limits of this tier at the packets API.
    pub fn packet_limits(self) -> &'static PacketLimits {
        &LIMITS_OF_TIERS[self as usize]
    }

    /// Finds a tier by its name at the decisions API or at the packets API.
    pub fn from_any_name(name: &str) -> Option<Self> {
        const TIERS: [Tier; 4] = [Tier::Free, Tier::Pro, Tier::Scale, Tier::Enterprise];
        Self::from_name(name).or_else(|| TIERS.into_iter().find(|tier| tier.packet_limits().name == name))
    }
}

impl Tenant {
    /// Daily quota of packets: the tenant's own number, or else the limit of its tier.
    pub fn handoffs_per_day(&self) -> Option<u32> {
        self.handoffs_per_day.or(self.tier.packet_limits().handoffs_per_day)
    }

    /// Maximum number of active API keys: the tenant's own number or else its tier's, but at most [`KEYS_MAX`].
    pub fn keys_max(&self) -> u32 {
        self.max_api_keys.unwrap_or(self.tier.packet_limits().keys_max).min(KEYS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TenantId;
    use crate::time::Timestamp;

    #[test]
    fn tiers_have_published_limits_and_both_names() {
        let hourly = ["free", "pro", "business", "enterprise"].map(|name| {
            let tier = Tier::from_any_name(name).unwrap();
            assert_eq!(tier.packet_limits().name, name);
            tier.packet_limits().requests_per_hour
        });
        assert_eq!(hourly, [Some(100), Some(1_000), Some(10_000), None]);
        assert_eq!(Tier::from_any_name("scale"), Tier::from_any_name("business"));
        assert_eq!(Tier::from_any_name("Free"), None);
    }

    #[test]
    fn own_limit_of_tenant_overrides_tier_limit() {
        let now = Timestamp::from_unix_ms(1);
        let plain = Tenant::new(TenantId::new(now, [1; 10]), "a", Tier::Free, now);
        assert_eq!((plain.handoffs_per_day(), plain.keys_max()), (Some(5), 5));
        let own = Tenant { handoffs_per_day: Some(0), max_api_keys: Some(1_000), ..plain };
        assert_eq!((own.handoffs_per_day(), own.keys_max()), (Some(0), 100));
        let paid = Tenant { tier: Tier::Pro, handoffs_per_day: None, ..own };
        assert_eq!(paid.handoffs_per_day(), None);
    }
}
