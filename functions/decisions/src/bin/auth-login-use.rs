//! The function behind `POST /auth/login/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::account::login_use::ENDPOINT).await
}
