//! The physical limit: an axum handler with the answer of the guest `hello` and no host around it. It is a
//! process of its own (`bench native`), because the host is one: in the same process it would share threads and
//! memory with the measuring. The same server is the container that the host's gateway is measured with.

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use platform_domain::Digest;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// The word that makes this program the server.
pub(crate) const COMMAND: &str = "native";

/// Serves until it is killed; the first line on standard output is its address.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        crate::print(&format!("http://{}/", listener.local_addr()?));
        let router = Router::new()
            .route("/hello", get(hello))
            .route("/digest", post(digest));
        Ok(axum::serve(listener, router).await?)
    })
}

async fn hello(headers: HeaderMap) -> String {
    let name = headers.get("x-name").and_then(|name| name.to_str().ok());
    format!("hello, {}", name.unwrap_or("stranger"))
}

/// Takes a body of any size and keeps nothing of it, but can prove to have had all of it.
async fn digest(mut body: Body) -> Result<String, StatusCode> {
    let mut hash = Sha256::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() {
            hash.update(&data);
        }
    }
    Ok(Digest::from_bytes(hash.finalize().into()).hex())
}
