//! The function behind `POST /auth/api-keys`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::auth::keys_create::ENDPOINT).await
}
