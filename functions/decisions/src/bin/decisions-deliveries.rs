//! The function behind `GET /decisions/{id}/deliveries`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::deliveries::ENDPOINT).await
}
