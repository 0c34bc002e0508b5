//! The function behind `POST /api/agents/handoff`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_routes::handoff::ENDPOINT).await
}
