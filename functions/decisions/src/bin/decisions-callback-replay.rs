//! The function behind `POST /decisions/{id}/callback/replay`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::callback_replay::ENDPOINT).await
}
