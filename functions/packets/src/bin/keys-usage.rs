//! The function behind `GET /api/v1/keys/{id}/usage`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::keys::usage::ENDPOINT).await
}
