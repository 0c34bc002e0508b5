//! What a tier gives an account at the packets door, and how that door calls the tier.

use crate::account::{Account, Tier};

/// `None`: as much as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// The published name of the tier. What is `scale` to us is `business` there.
    pub name: &'static str,
    /// Of all keys of the account together, in an hour of the clock.
    pub requests_per_hour: Option<u32>,
    /// Packets made in a day, UTC. A batch is one; what goes on from another packet is none.
    pub handoffs_per_day: Option<u32>,
    /// That work at a time.
    pub keys_max: u32,
}

/// More than anybody needs, and as many as one list shows.
pub const KEYS_MAX: u32 = 100;

/// In the order of [`Tier`].
#[rustfmt::skip]
const ALLOTMENTS: [Allotment; 4] = [
    Allotment { name: "free",       requests_per_hour: Some(100),    handoffs_per_day: Some(5), keys_max: 5 },
    Allotment { name: "pro",        requests_per_hour: Some(1_000),  handoffs_per_day: None,    keys_max: KEYS_MAX },
    Allotment { name: "business",   requests_per_hour: Some(10_000), handoffs_per_day: None,    keys_max: KEYS_MAX },
    Allotment { name: "enterprise", requests_per_hour: None,         handoffs_per_day: None,    keys_max: KEYS_MAX },
];

impl Tier {
    pub fn allotment(self) -> &'static Allotment {
        &ALLOTMENTS[self as usize]
    }

    /// By the name that either door has for it.
    pub fn from_any_name(name: &str) -> Option<Self> {
        const TIERS: [Tier; 4] = [Tier::Free, Tier::Pro, Tier::Scale, Tier::Enterprise];
        Self::from_name(name).or_else(|| TIERS.into_iter().find(|tier| tier.allotment().name == name))
    }
}

impl Account {
    /// Its own number, or else its tier's.
    pub fn handoffs_per_day(&self) -> Option<u32> {
        self.handoffs_per_day.or(self.tier.allotment().handoffs_per_day)
    }

    /// The same; never more than a list shows.
    pub fn keys_max(&self) -> u32 {
        self.max_api_keys.unwrap_or(self.tier.allotment().keys_max).min(KEYS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TenantId;
    use crate::time::Timestamp;

    #[test]
    fn a_tier_has_the_published_limits_and_both_its_names() {
        let hourly = ["free", "pro", "business", "enterprise"].map(|name| {
            let tier = Tier::from_any_name(name).unwrap();
            assert_eq!(tier.allotment().name, name);
            tier.allotment().requests_per_hour
        });
        assert_eq!(hourly, [Some(100), Some(1_000), Some(10_000), None]);
        assert_eq!(Tier::from_any_name("scale"), Tier::from_any_name("business"));
        assert_eq!(Tier::from_any_name("Free"), None);
    }

    #[test]
    fn an_accounts_own_number_counts_before_its_tiers() {
        let now = Timestamp::from_unix_ms(1);
        let plain = Account::new(TenantId::new(now, [1; 10]), "a", Tier::Free, now);
        assert_eq!((plain.handoffs_per_day(), plain.keys_max()), (Some(5), 5));
        let own = Account { handoffs_per_day: Some(0), max_api_keys: Some(1_000), ..plain };
        assert_eq!((own.handoffs_per_day(), own.keys_max()), (Some(0), 100));
        let paid = Account { tier: Tier::Pro, handoffs_per_day: None, ..own };
        assert_eq!(paid.handoffs_per_day(), None);
    }
}
