//! Live connections of each tenant at this process: event streams and WebSockets. Their number is limited by tier.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use handrail_context::cx::Cx;
use handrail_domain::account::Tier;
use handrail_domain::ids::TenantId;

/// Tenants with live connections at one process: more than it has sockets for.
const CONNECTED_TENANTS_MAX: usize = 10_000;

/// Open live connections of this process.
#[derive(Default)]
pub struct LiveConnections {
    /// Tenants that have a connection now, at most [`CONNECTED_TENANTS_MAX`].
    by_tenant: Mutex<HashMap<TenantId, ConnectionCounts>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ConnectionCounts {
    event_streams: usize,
    web_sockets: usize,
}

/// Transport of a live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    EventStream,
    WebSocket,
}

impl LiveConnections {
    /// Maximum number of live connections of a tenant at this process.
    pub const fn max_connections(tier: Tier) -> usize {
        match tier {
            Tier::Free => 1,
            Tier::Pro => 5,
            Tier::Scale => 25,
            // The published contract gives no number for this tier; one process must be able to serve them all.
            Tier::Enterprise => 100,
        }
    }

    /// Reserves a live connection. Returns `None` if the tenant or this process has reached its maximum.
    pub fn acquire(cx: &Cx, tenant: TenantId, tier: Tier, transport: Transport) -> Option<ConnectionPermit> {
        let connections = cx.process_state::<Self>();
        let mut by_tenant = connections.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        if by_tenant.len() >= CONNECTED_TENANTS_MAX && !by_tenant.contains_key(&tenant) {
            return None;
        }
        let counts = by_tenant.entry(tenant).or_default();
        if counts.event_streams + counts.web_sockets >= Self::max_connections(tier) {
            return None;
        }
        *counts.count_mut(transport) += 1;
        Some(ConnectionPermit { cx: cx.clone(), tenant, transport })
    }

    pub fn web_socket_count(&self, tenant: TenantId) -> usize {
        let by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        by_tenant.get(&tenant).map_or(0, |counts| counts.web_sockets)
    }
}

impl ConnectionCounts {
    fn count_mut(&mut self, transport: Transport) -> &mut usize {
        match transport {
            Transport::EventStream => &mut self.event_streams,
            Transport::WebSocket => &mut self.web_sockets,
        }
    }
}

/// A reserved live connection, released on drop.
pub struct ConnectionPermit {
    cx: Cx,
    tenant: TenantId,
    transport: Transport,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let connections = self.cx.process_state::<LiveConnections>();
        let mut by_tenant = connections.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = by_tenant.get_mut(&self.tenant) {
            *counts.count_mut(self.transport) = counts.count_mut(self.transport).saturating_sub(1);
            if counts.event_streams + counts.web_sockets == 0 {
                by_tenant.remove(&self.tenant);
            }
        }
    }
}
