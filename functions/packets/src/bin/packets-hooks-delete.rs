//! The function behind `DELETE /api/v1/hooks/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::hooks::delete::ENDPOINT).await
}
