//! The function behind `GET /api/v1/system/health`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::system_health::ENDPOINT).await
}
