//! The function behind `POST /api/agents/route-handoff`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_routes::route_handoff::ENDPOINT).await
}
