//! Limits of a call: its timeouts, and the bytes of a response that are read.

use std::time::Duration;

/// Limits of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Time for the TCP connection to one address, so that a dead address leaves time for the next.
    pub connect_timeout: Duration,
    /// Time for the whole call, from the DNS lookup to the last byte read.
    pub total_timeout: Duration,
    /// Most bytes of the response body that are kept.
    pub max_body_kept: usize,
    /// Bytes of the response body that are read before the connection is closed.
    pub max_body_read: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_body_kept: 1024,
            max_body_read: 64 * 1024,
        }
    }
}
