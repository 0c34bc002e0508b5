//! The function on the queue of files.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::on_messages_with(handrail_workers::KEEP, handrail_workers::KINDS, handrail_s3::open).await
}
