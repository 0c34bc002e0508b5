//! The function behind `POST /api/agents/handoff`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_routes::handoff::ENDPOINT).await
}
