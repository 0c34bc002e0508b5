//! The function behind `DELETE /auth/api-keys/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::auth::keys_revoke::ENDPOINT).await
}
