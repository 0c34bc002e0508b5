//! The function that is called every few minutes.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_effects::aws::on_schedule(handrail_workers::SWEEP, handrail_workers::DOORS).await
}
