//! The function behind `GET /api/agents`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_routes::agent_list::ENDPOINT).await
}
