//! A second process of the same installation, one that only answers requests.

use std::net::SocketAddr;

use axum::Router;
use handrail_domain::outbound::Reach;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::service;
use handrail_kernel::settings::Settings;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::Client;

/// Has no pump: nothing follows from what it writes until a whole Handrail finds it, as when a function dies right after
/// its answer. Lives on the same table, with the same clock, until it is dropped.
pub struct ApiOnly {
    origin: String,
    task: JoinHandle<()>,
}

impl ApiOnly {
    pub async fn start(cx: &Cx, reach: Reach) -> Self {
        let settings = Settings { reach, ..cx.settings.clone() };
        let own = Cx::new(cx.store.clone(), cx.clock.clone(), cx.entropy.clone(), settings);
        let router: Router = service(&handrail_runner::endpoints(), handrail_decisions::health::ENDPOINT, own);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await;
        });
        Self { origin, task }
    }

    /// With the key of another client.
    pub fn client(&self, like: &Client) -> Client {
        like.at(&self.origin)
    }
}

impl Drop for ApiOnly {
    fn drop(&mut self) {
        self.task.abort();
    }
}
