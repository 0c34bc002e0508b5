//! The function behind `GET /api/v1/packets`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::list::ENDPOINT).await
}
