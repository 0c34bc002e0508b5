//! Health of a webhook: time-outs in a row pause its deliveries, and a successful probe resumes them.
//!
//! A receiver that never answers occupies a delivery slot for the full timeout of each call. A paused webhook gets one
//! call per pause, so it cannot delay the deliveries of other webhooks.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Time-outs in a row after which a webhook is paused.
pub const TIMEOUTS_MAX: u32 = 3;
/// First pause. Each failed probe doubles the pause, up to [`PAUSE_MAX_MS`].
pub const PAUSE_MIN_MS: i64 = 60_000;
pub const PAUSE_MAX_MS: i64 = 60 * 60_000;
/// Time that a probe may take until another delivery may probe: a call of at most 10 s and its writes, with room for a
/// slow database. Reached only if the probing process dies.
pub const PROBE_TIMEOUT_MS: i64 = 30_000;
/// Time that a delivery may take while its webhook is paused, from its creation or its last replay. After that it becomes
/// a dead letter.
pub const WAIT_MAX_MS: i64 = 24 * 60 * 60_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookHealth {
    /// Time-outs in a row before the pause.
    #[serde(default)]
    pub timeouts: u32,
    /// End of the current pause, when one delivery may probe. `None`: not paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Timestamp>,
    /// Probes that failed since the webhook was paused.
    #[serde(default)]
    pub failed_probes: u32,
}

/// Permission to call a webhook now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPermission {
    Call,
    /// One delivery may call, after it has stored [`WebhookHealth::with_probe`].
    Probe,
    Wait(Timestamp),
}

/// Result of a call, as far as it matters to the health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    Succeeded,
    /// The receiver answered with an error, or the call failed at once.
    Failed,
    TimedOut,
}

impl WebhookHealth {
    pub fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    pub fn permission(&self, now: Timestamp) -> CallPermission {
        match self.paused_until {
            None => CallPermission::Call,
            Some(until) if until > now => CallPermission::Wait(until),
            Some(_) => CallPermission::Probe,
        }
    }

    /// Returns the health while a delivery probes: the other deliveries wait for its result.
    #[must_use]
    pub fn with_probe(self, now: Timestamp) -> Self {
        Self { paused_until: Some(now.plus_ms(PROBE_TIMEOUT_MS)), ..self }
    }

    /// Returns the health after a call that was the probe of a pause, or not.
    ///
    /// Only a success ends a pause, because a receiver that recovers may answer errors first, which would use up the
    /// attempts of all waiting deliveries. A call that was under way when the pause began does not lengthen the pause.
    #[must_use]
    pub fn after_call(self, result: CallResult, is_probe: bool, now: Timestamp) -> Self {
        match (self.paused_until, result) {
            (_, CallResult::Succeeded) | (None, CallResult::Failed) => Self::default(),
            (None, CallResult::TimedOut) => {
                let timeouts = self.timeouts + 1;
                let paused_until = (timeouts >= TIMEOUTS_MAX).then(|| now.plus_ms(pause_ms(0)));
                Self { timeouts, paused_until, failed_probes: 0 }
            }
            (Some(_), _) if is_probe => {
                let failed_probes = self.failed_probes.saturating_add(1);
                Self { paused_until: Some(now.plus_ms(pause_ms(failed_probes))), failed_probes, ..self }
            }
            (Some(_), _) => self,
        }
    }
}

/// Returns the length of a pause after so many failed probes: 1, 2, 4, 8, 16, 32, 60, 60 … minutes.
fn pause_ms(failed_probes: u32) -> i64 {
    // The maximum is reached after six doublings.
    PAUSE_MAX_MS.min(PAUSE_MIN_MS << failed_probes.min(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn paused() -> WebhookHealth {
        let time_out = |health: WebhookHealth, _| health.after_call(CallResult::TimedOut, false, NOON);
        (0..TIMEOUTS_MAX).fold(WebhookHealth::default(), time_out)
    }

    #[test]
    fn third_timeout_in_a_row_pauses() {
        let mut health = WebhookHealth::default();
        for result in [CallResult::TimedOut, CallResult::TimedOut, CallResult::Failed, CallResult::TimedOut] {
            health = health.after_call(result, false, NOON);
        }
        assert_eq!((health.timeouts, health.permission(NOON)), (1, CallPermission::Call));
        health = health.after_call(CallResult::TimedOut, false, NOON);
        health = health.after_call(CallResult::Succeeded, false, NOON);
        assert_eq!(health, WebhookHealth::default());
        let until = NOON.plus_ms(60_000);
        assert_eq!(paused().permission(NOON), CallPermission::Wait(until));
        assert_eq!(paused().permission(until.plus_ms(-1)), CallPermission::Wait(until));
        assert_eq!(paused().permission(until), CallPermission::Probe);
    }

    #[test]
    fn failed_probes_double_the_pause_up_to_an_hour() {
        let (mut health, mut now, mut minutes) = (paused(), NOON, Vec::new());
        for at in 0..9 {
            let until = health.paused_until.unwrap();
            minutes.push(until.ms_since(now) / 60_000);
            now = until;
            let result = if at % 2 == 0 { CallResult::TimedOut } else { CallResult::Failed };
            health = health.with_probe(now).after_call(result, true, now);
        }
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause_ms(u32::MAX), PAUSE_MAX_MS);
    }

    #[test]
    fn only_one_delivery_probes_and_only_success_resumes() {
        let until = paused().paused_until.unwrap();
        let probing = paused().with_probe(until);
        assert_eq!(probing.permission(until), CallPermission::Wait(until.plus_ms(PROBE_TIMEOUT_MS)));
        assert_eq!(probing.permission(until.plus_ms(PROBE_TIMEOUT_MS)), CallPermission::Probe);
        for late in [CallResult::Failed, CallResult::TimedOut] {
            assert_eq!(paused().after_call(late, false, NOON), paused(), "{late:?} of an earlier call");
            assert!(probing.after_call(late, true, until).is_paused());
        }
        for is_probe in [true, false] {
            assert_eq!(probing.after_call(CallResult::Succeeded, is_probe, until), WebhookHealth::default());
        }
    }

    #[test]
    fn stored_health_is_readable() {
        let stored = r#"{"timeouts":3,"paused_until":"2026-09-21T13:46:40Z","failed_probes":2}"#;
        let health: WebhookHealth = serde_json::from_str(stored).unwrap();
        assert_eq!((health.timeouts, health.failed_probes, health.is_paused()), (3, 2, true));
        assert_eq!(serde_json::from_str::<WebhookHealth>(&serde_json::to_string(&health).unwrap()).unwrap(), health);
        assert_eq!(serde_json::from_str::<WebhookHealth>("{}").unwrap(), WebhookHealth::default());
    }
}
