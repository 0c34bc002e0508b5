//! The name that a caller gives to what it asks to be made, so that its repeat finds what the first one made.

use std::fmt::Debug;

use handrail_domain::ids::{CommandId, RecordId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use handrail_kernel::transition;

use crate::shelf::{Held, Stopped};

#[derive(Debug)]
pub struct GivenName<'n> {
    name: &'n str,
    wanted: String,
}

impl<'n> GivenName<'n> {
    /// `wanted`: what the caller said, and nothing that may be otherwise when it says the same again.
    pub fn new(name: &'n str, wanted: &impl Debug) -> Self {
        Self { name, wanted: format!("{wanted:?}") }
    }

    /// The packet's, whoever asks first.
    pub(crate) fn id(&self, key: &Key) -> RecordId {
        RecordId::from_idempotency_key(key.tenant, key.id, Packet::KIND, self.name)
    }

    pub(crate) fn command(&self) -> CommandId {
        CommandId::new(self.name, self.wanted.as_bytes())
    }
}

/// The packet that was made under this name before. For what is made from something that may have changed since.
pub async fn made_before(cx: &Cx, key: &Key, named: Option<&GivenName<'_>>) -> Result<Option<Held>, Problem> {
    let Some(named) = named else { return Ok(None) };
    let id = named.id(key);
    let made = transition::made_before::<Packet>(cx, key.tenant, id, &named.command()).await;
    let made = made.map_err(|stop| Stopped::from(stop).into_problem(id))?;
    Ok(made.map(Held::of).transpose()?)
}
