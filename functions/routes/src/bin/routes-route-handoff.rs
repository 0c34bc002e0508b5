//! The function behind `POST /api/agents/route-handoff`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_routes::route_handoff::ENDPOINT).await
}
