//! The function behind `POST /api/agents/{id}/heartbeat`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_routes::agent_heartbeat::ENDPOINT).await
}
