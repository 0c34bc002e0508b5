//! The function behind `GET /auth/api-keys/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::auth::keys_get::ENDPOINT).await
}
