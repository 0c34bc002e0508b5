//! The function on the queue of deliveries.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::on_messages(handrail_workers::DELIVER, handrail_workers::KINDS).await
}
