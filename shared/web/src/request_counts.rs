//! Counts the requests that this process answered, by tenant: for the metrics, and for the requests of each API key in
//! the last hour. On AWS each function is a process of its own and counts its own requests only.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use handrail_access::key_usage::{RequestOutcome, record_request};
use handrail_context::cx::Cx;
use handrail_domain::access::Scope;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_store::ApiKey;
use http::StatusCode;

/// Tenants that are counted at a time. At the limit, those without a request in the last hour make room.
const TENANTS_MAX: usize = 1_000;
/// API keys of a tenant that are counted at a time.
const KEYS_PER_TENANT_MAX: usize = 1_000;
const MINUTES_OF_AN_HOUR: i64 = 60;

/// Upper bounds of the latency buckets, in milliseconds. A last bucket without a bound follows.
pub const LATENCY_BUCKETS_MS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// Request extension that receives the API key, once an extractor has authenticated it.
#[derive(Clone, Default)]
pub struct Requester(Arc<OnceLock<RequesterKey>>);

#[derive(Clone, Copy)]
struct RequesterKey {
    tenant: TenantId,
    key: KeyId,
    /// Scope that the operation requires.
    scope: Scope,
}

impl Requester {
    pub fn set(&self, key: &ApiKey, scope: Scope) {
        self.0.get_or_init(|| RequesterKey { tenant: key.tenant, key: key.id, scope });
    }
}

/// Answered requests of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointCounts {
    pub by_status: BTreeMap<u16, u64>,
    /// Requests of each latency bucket, not cumulated.
    pub by_latency: [u64; LATENCY_BUCKETS_MS.len() + 1],
    pub latency_sum_ms: u64,
}

impl EndpointCounts {
    pub fn add(&mut self, other: &Self) {
        for (status, requests) in &other.by_status {
            *self.by_status.entry(*status).or_default() += requests;
        }
        for (sum, requests) in self.by_latency.iter_mut().zip(other.by_latency) {
            *sum += requests;
        }
        self.latency_sum_ms = self.latency_sum_ms.saturating_add(other.latency_sum_ms);
    }
}

/// Method and path of an endpoint.
pub(crate) type EndpointName = (&'static str, &'static str);

/// Counts of a tenant by endpoint.
pub type CountsByEndpoint = BTreeMap<EndpointName, EndpointCounts>;

#[derive(Clone, Copy)]
struct AnsweredRequest {
    status: u16,
    took_ms: u64,
    now: Timestamp,
}

#[derive(Default)]
struct TenantCounts {
    endpoints: CountsByEndpoint,
    keys: HashMap<KeyId, MinuteCounts>,
}

/// Requests of the last hour by minute, oldest first.
#[derive(Default)]
struct MinuteCounts(VecDeque<(i64, u64)>);

/// Request counts of the process.
#[derive(Default)]
pub struct RequestCounts(Mutex<HashMap<TenantId, TenantCounts>>);

impl RequestCounts {
    fn record(&self, (tenant, key): (TenantId, KeyId), endpoint: EndpointName, request: AnsweredRequest) {
        let AnsweredRequest { status, took_ms, now } = request;
        let mut tenants = self.lock();
        if tenants.len() >= TENANTS_MAX && !tenants.contains_key(&tenant) {
            tenants.retain(|_, counts| counts.keys.values_mut().any(|minutes| minutes.total(now) > 0));
            if tenants.len() >= TENANTS_MAX {
                return;
            }
        }
        let counts = tenants.entry(tenant).or_default();
        let of_endpoint = counts.endpoints.entry(endpoint).or_default();
        *of_endpoint.by_status.entry(status).or_default() += 1;
        let bucket = LATENCY_BUCKETS_MS.partition_point(|bound_ms| *bound_ms < took_ms);
        of_endpoint.by_latency[bucket] += 1;
        of_endpoint.latency_sum_ms = of_endpoint.latency_sum_ms.saturating_add(took_ms);
        if counts.keys.len() >= KEYS_PER_TENANT_MAX {
            counts.keys.retain(|_, minutes| minutes.total(now) > 0);
        }
        if counts.keys.len() < KEYS_PER_TENANT_MAX || counts.keys.contains_key(&key) {
            counts.keys.entry(key).or_default().add(now);
        }
    }

    pub fn by_endpoint(&self, tenant: TenantId) -> CountsByEndpoint {
        self.lock().get(&tenant).map(|counts| counts.endpoints.clone()).unwrap_or_default()
    }

    /// Requests of each API key of a tenant in the last hour. Keys without a request are left out.
    pub fn last_hour_by_key(&self, tenant: TenantId, now: Timestamp) -> BTreeMap<KeyId, u64> {
        let mut tenants = self.lock();
        let keys = tenants.get_mut(&tenant).into_iter().flat_map(|counts| &mut counts.keys);
        keys.map(|(key, minutes)| (*key, minutes.total(now))).filter(|(_, requests)| *requests > 0).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, TenantCounts>> {
        // A panic while the lock was held left plain numbers behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MinuteCounts {
    fn add(&mut self, now: Timestamp) {
        let minute = minute_of(now);
        match self.0.back_mut() {
            // A clock that was set back counts in the newest minute.
            Some((newest, requests)) if *newest >= minute => *requests += 1,
            _ => self.0.push_back((minute, 1)),
        }
        self.total(now);
    }

    /// Requests of the last hour. Older minutes are dropped.
    fn total(&mut self, now: Timestamp) -> u64 {
        let first = minute_of(now) - MINUTES_OF_AN_HOUR + 1;
        while self.0.front().is_some_and(|(minute, _)| *minute < first) {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, requests)| requests).sum()
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_unix_seconds().div_euclid(60)
}

/// Statuses of an expired key, a missing right, and an exhausted limit.
fn outcome_of(status: StatusCode) -> RequestOutcome {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => RequestOutcome::Denied,
        _ => RequestOutcome::Accepted,
    }
}

/// Logs a request on one line, with the route and not the path: a path may contain a token. The span around it has the
/// method and the id of the request.
fn log_request((_, route): EndpointName, status: StatusCode, took_ms: u64, requester: Option<&RequesterKey>) {
    tracing::info!(
        route,
        status = status.as_u16(),
        took_ms,
        tenant = requester.map(|requester| requester.tenant.to_string()),
        key = requester.map(|requester| requester.key.to_string()),
        scope = requester.map(|requester| requester.scope.name()),
        "answered"
    );
}

/// Counts the request, if an API key sent it, and logs it.
pub(crate) async fn count_request(cx: Cx, endpoint: EndpointName, mut request: Request, next: Next) -> Response {
    let requester = Requester::default();
    request.extensions_mut().insert(requester.clone());
    let began = cx.clock.now();
    let response = next.run(request).await;
    let now = cx.clock.now();
    let took_ms = u64::try_from(now.ms_since(began)).unwrap_or(0);
    log_request(endpoint, response.status(), took_ms, requester.0.get());
    if let Some(requester) = requester.0.get() {
        let counts = cx.process_state::<RequestCounts>();
        let request = AnsweredRequest { status: response.status().as_u16(), took_ms, now };
        counts.record((requester.tenant, requester.key), endpoint, request);
        record_request(&cx, requester.key, requester.scope, outcome_of(response.status())).await;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_040_000);

    #[test]
    fn minutes_older_than_an_hour_are_dropped() {
        let mut minutes = MinuteCounts::default();
        for second in 0..7_200 {
            minutes.add(NOON.plus_ms(second * 1_000));
        }
        let end = NOON.plus_ms(7_199_000);
        assert!(minutes.0.len() <= 60 && (3_540..=3_600).contains(&minutes.total(end)), "{}", minutes.total(end));
        minutes.add(NOON);
        assert_eq!(minutes.total(NOON.plus_ms(3 * 3_600_000)), 0);
    }

    #[test]
    fn idle_tenants_make_room_for_new_tenants() {
        let counts = RequestCounts::default();
        let record = |requester, status, took_ms, now| {
            counts.record(requester, ("GET", "/things/{id}"), AnsweredRequest { status, took_ms, now });
        };
        let requester = |number: u16| {
            let mut bytes = [0; 10];
            bytes[..2].copy_from_slice(&number.to_be_bytes());
            (TenantId::new(NOON, bytes), KeyId::new(NOON, bytes))
        };
        let (first, last) = (requester(0), requester(2_000));
        for number in 0..1_000 {
            record(requester(number), 200, 30, NOON);
        }
        record(last, 200, 30, NOON);
        assert!(counts.by_endpoint(last.0).is_empty());
        let later = NOON.plus_ms(3_600_000);
        record(last, 200, 30, later);
        record(last, 404, 70_000, later);
        assert!(counts.by_endpoint(first.0).is_empty());
        let of_last = counts.by_endpoint(last.0);
        let of_endpoint = of_last.values().next().expect("the endpoint was counted");
        assert_eq!(of_endpoint.by_status, BTreeMap::from([(200, 1), (404, 1)]));
        assert_eq!((of_endpoint.by_latency[3], of_endpoint.by_latency[11], of_endpoint.latency_sum_ms), (1, 1, 70_030));
        assert_eq!(counts.last_hour_by_key(last.0, later), BTreeMap::from([(last.1, 2)]));
    }
}
