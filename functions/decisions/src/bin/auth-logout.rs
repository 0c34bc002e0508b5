//! The function behind `POST /auth/logout`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::account::logout::ENDPOINT).await
}
