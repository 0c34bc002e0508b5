//! The function behind `GET /decisions`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::list::ENDPOINT).await
}
