//! `handrail health`: asks a running service whether it and its table respond, for containers without a shell.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::listen::reachable_from_here;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Fails unless the service at this address is ready.
pub async fn check(address: IpAddr, port: u16) -> anyhow::Result<()> {
    let url = format!("http://{}/ready", reachable_from_here(SocketAddr::new(address, port)));
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().context("could not make a client")?;
    let response = client.get(&url).send().await.with_context(|| format!("no response from {url}"))?;
    let status = response.status();
    ensure!(status.is_success(), "{url} responds with {status}");
    Ok(())
}
