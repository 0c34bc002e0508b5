//! The function behind `POST /decisions/{id}/callback/replay`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::callback_replay::ENDPOINT).await
}
