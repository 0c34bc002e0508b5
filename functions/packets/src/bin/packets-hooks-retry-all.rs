//! The function behind `POST /api/v1/hooks/dlq/retry-all`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::hooks::retry_all::ENDPOINT).await
}
