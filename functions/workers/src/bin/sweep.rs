//! The function on the schedule, which runs every few minutes.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::on_schedule(handrail_workers::SWEEP, handrail_workers::KINDS).await
}
