//! The function behind `POST /auth/api-keys`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::auth::keys_create::ENDPOINT).await
}
