//! The function behind `POST /account/keys/{id}/revoke`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::account::key_revoke::ENDPOINT).await
}
