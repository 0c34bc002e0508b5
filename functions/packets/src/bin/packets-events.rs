//! The function behind `GET /events`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::events::ENDPOINT).await
}
