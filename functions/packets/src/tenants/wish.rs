//! What somebody wants a tenant to be. What is not said, or null, stays as it is, or as the tier has it.

use handrail_domain::account::{Account, Tier};
use handrail_domain::allotment::KEYS_MAX;
use handrail_domain::packet::Flaw;
use handrail_kernel::minting::is_name;
use serde_json::Value;

use crate::members::Members;

const NAME_CHARS_MAX: usize = 128;
const HANDOFFS_PER_DAY_MAX: u32 = 1_000_000_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) name: Option<String>,
    pub(super) tier: Option<Tier>,
    handoffs_per_day: Option<u32>,
    max_api_keys: Option<u32>,
}

impl Wish {
    /// A new tenant needs a name.
    pub(super) fn read_new(body: &Value) -> Result<Self, Vec<Flaw>> {
        Self::read(body, true)
    }

    pub(super) fn read_change(body: &Value) -> Result<Self, Vec<Flaw>> {
        Self::read(body, false)
    }

    fn read(body: &Value, is_new: bool) -> Result<Self, Vec<Flaw>> {
        let Some(mut members) = Members::of(body) else { return Err(Vec::new()) };
        let name = if is_new { members.needed_text("name") } else { members.text("name") };
        if name.is_some_and(|name| !is_name(name, NAME_CHARS_MAX)) {
            let message = format!("String should be one line of 1 to {NAME_CHARS_MAX} characters");
            members.flaw("name", message, "value_error");
        }
        let named = members.text("tier");
        let tier = named.and_then(Tier::from_any_name);
        if named.is_some() && tier.is_none() {
            members.flaw("tier", "Input should be 'free', 'pro', 'business' or 'enterprise'", "enum");
        }
        let wish = Self {
            name: name.map(str::to_owned),
            tier,
            handoffs_per_day: members.number("handoffs_per_day", HANDOFFS_PER_DAY_MAX),
            max_api_keys: members.number("max_api_keys", KEYS_MAX),
        };
        members.done(Some(wish))
    }

    pub(super) fn onto(&self, account: Account) -> Account {
        Account {
            name: self.name.clone().unwrap_or(account.name),
            tier: self.tier.unwrap_or(account.tier),
            handoffs_per_day: self.handoffs_per_day.or(account.handoffs_per_day),
            max_api_keys: self.max_api_keys.or(account.max_api_keys),
            ..account
        }
    }
}
