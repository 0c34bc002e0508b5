//! The function behind `GET /health`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::health::ENDPOINT).await
}
