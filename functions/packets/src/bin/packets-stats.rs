//! The function behind `GET /api/v1/stats`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::stats::ENDPOINT).await
}
