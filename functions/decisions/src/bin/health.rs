//! The function behind `GET /healthz`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::health::ENDPOINT).await
}
