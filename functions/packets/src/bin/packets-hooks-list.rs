//! The function behind `GET /api/v1/hooks`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::hooks::list::ENDPOINT).await
}
