//! Lambda binary of the functions that run on the table's stream, on queues or on a schedule. `HANDRAIL_FUNCTION` names
//! the worker that a function serves.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_effects_aws::serve(handrail_kinds::KINDS, handrail_s3::open).await
}
