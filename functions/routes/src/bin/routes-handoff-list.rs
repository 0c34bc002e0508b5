//! The function behind `GET /api/agents/handoffs`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_routes::handoff_list::ENDPOINT).await
}
