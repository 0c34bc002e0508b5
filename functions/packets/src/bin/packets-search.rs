//! The function behind `GET /api/v1/packets/search`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::search::ENDPOINT).await
}
