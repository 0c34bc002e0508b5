//! The function behind `GET /decisions/{id}/attachments`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::attachments::list::ENDPOINT).await
}
