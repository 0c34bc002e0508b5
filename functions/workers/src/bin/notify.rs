//! The function on the queue of notices.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::on_messages(handrail_workers::NOTIFY, handrail_workers::KINDS).await
}
