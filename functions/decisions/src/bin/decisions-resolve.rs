//! The function behind `POST /decisions/{id}/resolve`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::resolve::ENDPOINT).await
}
