//! The function behind `GET /auth/api-keys`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::auth::keys_list::ENDPOINT).await
}
