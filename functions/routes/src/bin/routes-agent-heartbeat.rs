//! The function behind `POST /api/agents/{id}/heartbeat`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_routes::agent_heartbeat::ENDPOINT).await
}
