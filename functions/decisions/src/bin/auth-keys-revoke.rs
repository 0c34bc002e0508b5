//! The function behind `DELETE /auth/api-keys/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::auth::keys_revoke::ENDPOINT).await
}
