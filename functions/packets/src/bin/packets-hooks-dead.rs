//! The function behind `GET /api/v1/hooks/dlq`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::hooks::dlq::ENDPOINT).await
}
