//! The function on the queue of deliveries.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_effects::aws::on_messages(handrail_workers::DELIVER, handrail_workers::DOORS).await
}
