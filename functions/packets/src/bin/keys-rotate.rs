//! The function behind `POST /api/v1/keys/{id}/rotate`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::keys::rotate::ENDPOINT).await
}
