//! The function behind `PATCH /api/v1/packets/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::patch::ENDPOINT).await
}
