//! The function behind `POST /api/v1/hooks/dlq/{id}/replay`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::hooks::replay::ENDPOINT).await
}
