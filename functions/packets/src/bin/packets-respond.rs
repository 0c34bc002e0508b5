//! The function behind `POST /api/v1/packets/{id}/respond`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::respond::ENDPOINT).await
}
