//! The function behind `POST /decisions/{id}/cancel`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::cancel::ENDPOINT).await
}
