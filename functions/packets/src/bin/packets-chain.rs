//! The function behind `POST /api/v1/packets/{id}/chain`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::chain::ENDPOINT).await
}
