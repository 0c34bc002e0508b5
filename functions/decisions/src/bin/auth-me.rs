//! The function behind `GET /auth/me`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::auth::me::ENDPOINT).await
}
