//! The function behind `GET /metrics`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::metrics::ENDPOINT).await
}
