//! The function behind `GET /api/v1/tenants/{id}/keys`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::tenants::keys::ENDPOINT).await
}
