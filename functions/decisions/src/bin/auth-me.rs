//! The function behind `GET /auth/me`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::auth::me::ENDPOINT).await
}
