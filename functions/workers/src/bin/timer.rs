//! The function on the queue of timers.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::on_messages(handrail_workers::TIMER, handrail_workers::KINDS).await
}
