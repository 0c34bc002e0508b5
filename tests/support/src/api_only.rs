//! A second API process on the table of a running test server, without workers.

use std::net::SocketAddr;

use axum::Router;
use handrail_context::cx::Cx;
use handrail_context::settings::Settings;
use handrail_domain::outbound::AddressPolicy;
use handrail_web::endpoint::service;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::Client;

/// Serves requests but runs no worker loop: effects of its writes wait for a full server, as when a function dies right
/// after its response. Shares the table and the clock of `cx`, and stops when dropped.
pub struct ApiOnlyServer {
    origin: String,
    task: JoinHandle<()>,
}

impl ApiOnlyServer {
    pub async fn start(cx: &Cx, address_policy: AddressPolicy) -> Self {
        let settings = Settings { address_policy, ..cx.settings.clone() };
        let own = Cx::new(cx.store.clone(), cx.clock.clone(), cx.entropy.clone(), settings);
        let own = own.with_process_state(handrail_kinds::KIND_LIST);
        let router: Router = service(&handrail_runner::endpoints(), handrail_decisions::DOOR, own);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move {
            // The task is aborted in `drop`.
            let _ = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await;
        });
        Self { origin, task }
    }

    /// Returns a client for this server with the API key of `like`.
    pub fn client(&self, like: &Client) -> Client {
        like.at(&self.origin)
    }
}

impl Drop for ApiOnlyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
