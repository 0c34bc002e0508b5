//! The function on the queue of files.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_effects::aws::on_messages_with(handrail_workers::KEEP, handrail_workers::DOORS, handrail_s3::open).await
}
