//! The function on the table's stream.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::on_stream(handrail_workers::DISPATCH, handrail_workers::KINDS).await
}
