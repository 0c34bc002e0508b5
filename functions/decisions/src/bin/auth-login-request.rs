//! The function behind `POST /auth/login`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::account::login_request::ENDPOINT).await
}
