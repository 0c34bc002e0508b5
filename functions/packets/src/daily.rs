//! How many handoffs an account makes in a day, UTC: a packet is one, a batch is one, what goes on from another is none.
//!
//! Counted before it is made, in one conditional write, and given back where it was not. An account without a limit pays
//! nothing.

use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::quota;
use handrail_kernel::store::Key;

pub(crate) struct Counted {
    id: RecordId,
    counted: quota::Counted,
}

impl Counted {
    /// `name`: that of the packet, or of a batch's first. What is there under it was counted when it was made.
    pub(crate) async fn handoff(cx: &Cx, key: &Key, name: Option<&str>) -> Result<Self, Problem> {
        let id = match name {
            Some(name) => RecordId::from_idempotency_key(key.tenant, key.id, Packet::KIND, name),
            None => cx.new_record_id(),
        };
        let counted = quota::take_handoff::<Packet>(cx, key, id, name.is_some()).await?;
        Ok(Self { id, counted })
    }

    /// Given back, unless nobody knows whether it was made.
    pub(crate) async fn unless_made(self, cx: &Cx, problem: Problem) -> Problem {
        if says_that_nothing_was_made(&problem) {
            self.give_back(cx).await;
        }
        problem
    }

    pub(crate) async fn give_back(self, cx: &Cx) {
        quota::give_back(cx, &self.counted, self.id).await;
    }
}

pub(crate) fn says_that_nothing_was_made(problem: &Problem) -> bool {
    !matches!(problem, Problem::Busy { .. } | Problem::Broken)
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use serde_json::json;

    use crate::testing::{AGENT, Answer, Desk, packet};

    async fn make(desk: &Desk) -> Answer {
        desk.call(crate::create::ENDPOINT, "/api/v1/packets", AGENT, packet()).await
    }

    #[tokio::test]
    async fn a_day_ends_at_its_number_and_the_next_begins_anew() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.handoffs_per_day = Some(2)).await;
        for _ in 0..2 {
            assert_eq!(make(&desk).await.status.as_u16(), 201);
        }
        let refused = make(&desk).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (429, &json!("handoffs_per_day")));
        assert!(!refused.headers.contains_key("retry-after") && refused.json["detail"].is_string());
        let batch =
            desk.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", AGENT, json!({"packets": [packet()]}));
        assert_eq!(batch.await.status.as_u16(), 429);
        desk.advance(24 * 60 * 60);
        assert_eq!(make(&desk).await.status.as_u16(), 201);
    }

    #[tokio::test]
    async fn a_batch_is_one_and_a_chain_is_none() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.tier = Tier::Free).await;
        let batch = json!({"packets": vec![packet(); 7]});
        let made = desk.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", AGENT, batch).await;
        assert_eq!(made.json["created"].as_array().unwrap().len(), 7);
        let chain = format!("/api/v1/packets/{}/chain", made.json["created"][0]["id"].as_str().unwrap());
        for _ in 0..4 {
            assert_eq!(make(&desk).await.status.as_u16(), 201);
            let chained = desk.call(crate::chain::ENDPOINT, &chain, AGENT, packet()).await;
            assert_eq!(chained.status.as_u16(), 201);
        }
        assert_eq!(make(&desk).await.status.as_u16(), 429);
        assert_eq!(desk.call(crate::chain::ENDPOINT, &chain, AGENT, packet()).await.status.as_u16(), 201);
    }

    #[tokio::test]
    async fn what_is_refused_or_repeated_is_not_counted_in_a_day() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.handoffs_per_day = Some(1)).await;
        let named = async |body: serde_json::Value| {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "once");
            desk.send(crate::create::ENDPOINT, "/api/v1/packets", request, body.to_string()).await
        };
        assert_eq!(named(json!({})).await.status.as_u16(), 400);
        for _ in 0..3 {
            assert_eq!(named(packet()).await.status.as_u16(), 201);
        }
        let mut other = packet();
        other["context"]["summary"] = "Another".into();
        assert_eq!(named(other).await.status.as_u16(), 409);
        assert_eq!(make(&desk).await.status.as_u16(), 429);
    }

    #[tokio::test]
    async fn a_batch_of_which_nothing_is_made_is_none() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.handoffs_per_day = Some(1)).await;
        let mut unheld = packet();
        unheld["schema_id"] = "018f0000-0000-7000-8000-000000000000".into();
        let batch = json!({"packets": [unheld]});
        let refused = desk.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", AGENT, batch).await;
        assert_eq!((refused.status.as_u16(), &refused.json["created"]), (201, &json!([])));
        assert_eq!(make(&desk).await.status.as_u16(), 201);
        assert_eq!(make(&desk).await.status.as_u16(), 429);
    }

    #[tokio::test]
    async fn nothing_a_day_is_nothing() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.handoffs_per_day = Some(0)).await;
        assert_eq!(make(&desk).await.status.as_u16(), 429);
    }
}
