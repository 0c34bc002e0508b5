//! The function behind `GET /api/agents`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_routes::agent_list::ENDPOINT).await
}
