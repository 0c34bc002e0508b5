//! The function behind `PUT /api/agents/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_routes::agent_change::ENDPOINT).await
}
