//! GPU servers.

use http::Method;
use platform_domain::GpuServerId;

use super::{Client, ClientError};
use crate::{CreateGpuServer, GpuServerHealthView, GpuServerList, GpuServerView, PatchGpuServer};

const SERVERS: &str = "/v1/admin/gpu-servers";

impl Client {
    /// Registers a server.
    pub async fn gpu_server_create(&self, new: &CreateGpuServer) -> Result<GpuServerView, ClientError> {
        self.post(SERVERS, new).await
    }

    /// Every server.
    pub async fn gpu_server_list(&self) -> Result<GpuServerList, ClientError> {
        self.get(SERVERS).await
    }

    /// One server.
    pub async fn gpu_server_get(&self, id: &GpuServerId) -> Result<GpuServerView, ClientError> {
        self.get(&server(id)).await
    }

    /// Changes fields of a server.
    pub async fn gpu_server_patch(
        &self,
        id: &GpuServerId,
        patch: &PatchGpuServer,
    ) -> Result<GpuServerView, ClientError> {
        let body = serde_json::to_vec(patch).map_err(ClientError::Request)?;
        self.call(Method::PATCH, &server(id), Some(body)).await
    }

    /// Lets containers be started there.
    pub async fn gpu_server_enable(&self, id: &GpuServerId) -> Result<GpuServerView, ClientError> {
        self.call(Method::POST, &format!("{}/enable", server(id)), None)
            .await
    }

    /// Lets no more containers be started there.
    pub async fn gpu_server_disable(&self, id: &GpuServerId) -> Result<GpuServerView, ClientError> {
        self.call(Method::POST, &format!("{}/disable", server(id)), None)
            .await
    }

    /// Asks its engine how it is.
    pub async fn gpu_server_health(&self, id: &GpuServerId) -> Result<GpuServerHealthView, ClientError> {
        self.call(Method::POST, &format!("{}/health", server(id)), None)
            .await
    }

    /// Removes a server of which nobody holds a GPU.
    pub async fn gpu_server_delete(&self, id: &GpuServerId) -> Result<(), ClientError> {
        self.send(Method::DELETE, &server(id), None).await.map(|_| ())
    }
}

fn server(id: &GpuServerId) -> String {
    format!("{SERVERS}/{id}")
}
