//! The function behind `PUT /auth/api-keys/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::auth::keys_change::ENDPOINT).await
}
