//! What a challenge that runs uses, over HTTP.

use axum::extract::State;
use platform_admin_types::{ContainerStatsView, StatsView};
use platform_registry::{ChallengeStats, Load, Running, Stats, Usage, Used};

use crate::{
    AdminState, ApiError, Json,
    slug::SlugPath,
    view::{blob_usage, code_view, data_usage, database_usage, outbound_usage},
};

pub(crate) async fn show(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
) -> Result<Json<StatsView>, ApiError> {
    let ChallengeStats { since, used } = state.registry.challenge_stats(&slug).await?;
    let mut view = StatsView {
        slug,
        since,
        container: None,
        code: None,
        data: None,
        database: None,
        blobs: None,
        outbound: None,
    };
    match used {
        Used::Container { running, load } => view.container = Some(container(&running, load)),
        Used::Component { code, usage } => {
            let Usage {
                files,
                state,
                outbound,
            } = usage;
            view.code = Some(code_view(code));
            view.data = files.map(data_usage);
            view.database = state.map(|state| database_usage(state.database));
            view.blobs = state.map(|state| blob_usage(state.blobs));
            view.outbound = outbound.map(outbound_usage);
        }
    }
    Ok(Json(view))
}

fn container(running: &Running, load: Load) -> ContainerStatsView {
    let Load { stats, milli_cpus } = load;
    let Stats {
        at: _,
        cpu_nanos,
        memory,
        memory_limit,
        pids,
        pids_limit,
        received,
        sent,
        read,
        written,
    } = stats;
    ContainerStatsView {
        server: running.server.clone(),
        id: running.container.clone(),
        cpu_milli: milli_cpus,
        cpu_ms: cpu_nanos / 1_000_000,
        memory_bytes: memory,
        max_memory_bytes: memory_limit,
        pids,
        max_pids: pids_limit,
        received_bytes: received,
        sent_bytes: sent,
        read_bytes: read,
        written_bytes: written,
    }
}

#[cfg(test)]
mod tests {
    use crate::challenges::tests::{Host, refusal};

    #[tokio::test]
    async fn what_does_not_run_uses_nothing() {
        let host = Host::start().await;
        let stats = async || host.call("GET", "/v1/admin/challenges/echo/stats", None).await;
        assert_eq!(refusal(&stats().await), (404, "not_found", ""));
        host.register("echo").await;
        let answer = stats().await;
        assert_eq!(refusal(&answer), (409, "not_running", ""));
        let hint = answer.body["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("challenge show"), "{hint}");
    }
}
