//! The function behind `GET /auth/api-keys/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::auth::keys_get::ENDPOINT).await
}
