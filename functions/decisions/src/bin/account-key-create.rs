//! The function behind `POST /account/keys`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::account::key_create::ENDPOINT).await
}
