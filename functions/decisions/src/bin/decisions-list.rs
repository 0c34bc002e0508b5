//! The function behind `GET /decisions`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::list::ENDPOINT).await
}
