//! The function behind `GET /account`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::account::show::ENDPOINT).await
}
