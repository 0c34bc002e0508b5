//! The function behind `GET /api/agents/handoffs`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_routes::handoff_list::ENDPOINT).await
}
