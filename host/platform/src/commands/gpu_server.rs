//! `platform gpu-server`: servers with GPUs from the command line.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use platform_admin_types::{
    Client, ClientCertificates, CreateGpuServer, EngineFacts, EngineGpus, EngineView, GpuLeaseView,
    GpuServerHealthView, GpuServerView, PatchGpuServer,
};
use platform_domain::{Timestamp, UnixSeconds};

use crate::{
    cli::gpu_server::{AddArgs, GpuServerCommand, GpuServerFields, LabelArg, SetArgs, TlsArgs},
    output::{Output, table},
};

/// More than the host takes, so that it says what is wrong, and not gigabytes of a wrong file.
const READ_AT_MOST: u64 = 64 << 10;

pub(crate) async fn run(command: GpuServerCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    let view = match command {
        GpuServerCommand::Add(args) => client.gpu_server_create(&new(args)?).await?,
        GpuServerCommand::List => {
            let list = client.gpu_server_list().await?;
            return output.show(&list, |list| list_text(&list.servers));
        }
        GpuServerCommand::Show { id } => client.gpu_server_get(&id).await?,
        GpuServerCommand::Set(args) => {
            let id = args.id.clone();
            client.gpu_server_patch(&id, &patch(args)?).await?
        }
        GpuServerCommand::Enable { id } => client.gpu_server_enable(&id).await?,
        GpuServerCommand::Disable { id } => client.gpu_server_disable(&id).await?,
        GpuServerCommand::Health { id } => {
            let health = client.gpu_server_health(&id).await?;
            output.show(&health, health_text)?;
            if let EngineView::Absent { .. } = health.engine {
                bail!("the engine of GPU server '{id}' cannot be used");
            }
            return Ok(());
        }
        GpuServerCommand::Remove { id } => {
            client.gpu_server_delete(&id).await?;
            return output.show(&serde_json::json!({ "removed": id }), |_| {
                format!("{id} is removed")
            });
        }
    };
    output.show(&view, view_text)
}

fn new(args: AddArgs) -> anyhow::Result<CreateGpuServer> {
    let AddArgs {
        id,
        endpoint,
        gpus,
        disabled,
        fields,
    } = args;
    let GpuServerFields {
        lease,
        labels,
        description,
        tls,
    } = fields;
    Ok(CreateGpuServer {
        id,
        endpoint,
        gpus,
        lease: lease.unwrap_or_default(),
        labels: LabelArg::all(&labels)?.unwrap_or_default(),
        enabled: !disabled,
        description: description.filter(|text| !text.is_empty()),
        tls: certificates(tls)?,
    })
}

fn patch(args: SetArgs) -> anyhow::Result<PatchGpuServer> {
    let SetArgs {
        id: _,
        endpoint,
        gpus,
        fields,
    } = args;
    let GpuServerFields {
        lease,
        labels,
        description,
        tls,
    } = fields;
    Ok(PatchGpuServer {
        endpoint,
        gpus,
        lease,
        labels: LabelArg::all(&labels)?,
        description: description.map(|text| Some(text).filter(|text| !text.is_empty())),
        tls: certificates(tls)?,
    })
}

fn certificates(args: TlsArgs) -> anyhow::Result<Option<ClientCertificates>> {
    let TlsArgs {
        tls_ca,
        tls_cert,
        tls_key,
    } = args;
    let files: Option<[PathBuf; 3]> = match (tls_ca, tls_cert, tls_key) {
        (Some(authority), Some(certificate), Some(key)) => Some([authority, certificate, key]),
        // clap lets nobody give some of them.
        _ => None,
    };
    let Some([authority, certificate, key]) = files else {
        return Ok(None);
    };
    Ok(Some(ClientCertificates {
        authority: read(&authority)?,
        certificate: read(&certificate)?,
        key: read(&key)?,
    }))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let context = || format!("cannot read {} as text", path.display());
    let mut text = String::new();
    let file = File::open(path).with_context(context)?;
    file.take(READ_AT_MOST)
        .read_to_string(&mut text)
        .with_context(context)?;
    Ok(text)
}

fn list_text(servers: &[GpuServerView]) -> String {
    let row = |view: &GpuServerView| {
        [
            view.id.to_string(),
            view.endpoint.to_string(),
            view.gpus.to_string(),
            view.lease.to_string(),
            format!("{} of {}", view.places.free, view.places.total),
            state(view),
        ]
    };
    let rows: Vec<_> = servers.iter().map(row).collect();
    table(["ID", "ENDPOINT", "GPUS", "LEASE", "FREE", "STATE"], &rows)
}

fn state(view: &GpuServerView) -> String {
    let enabled = if view.enabled { "enabled" } else { "disabled" };
    match view.lost_at {
        Some(at) => format!("{enabled}, lost since {}", moment(at)),
        None => enabled.to_owned(),
    }
}

fn view_text(view: &GpuServerView) -> String {
    let mut lines = vec![
        view.id.to_string(),
        format!("state        {}", state(view)),
        format!("endpoint     {}", view.endpoint),
        format!("gpus         {}", view.gpus),
        format!("lease        {}", view.lease),
        format!(
            "free         {} of {} places",
            view.places.free, view.places.total
        ),
    ];
    if let Some(certificates) = &view.certificates {
        let text = match (certificates.readable, certificates.ends_at) {
            (true, Some(at)) => format!("set, until {}", moment(at)),
            (true, None) => "set".to_owned(),
            (false, _) => "cannot be opened: put the key file back, or set them again".to_owned(),
        };
        lines.push(format!("certificates {text}"));
    }
    if !view.labels.is_empty() {
        lines.push(format!("labels       {}", view.labels));
    }
    lines.extend(view.leases.iter().map(lease_text));
    lines.extend(view.description.iter().map(|text| format!("about        {text}")));
    lines.join("\n")
}

fn lease_text(lease: &GpuLeaseView) -> String {
    let devices: Vec<_> = lease.devices.iter().map(ToString::to_string).collect();
    let job = lease.job.as_ref().map(|job| format!(" for its job {job}"));
    format!(
        "held         GPU {} by {}{} since {}, {}",
        devices.join(","),
        lease.holder,
        job.unwrap_or_default(),
        moment(lease.acquired_at),
        lease.state
    )
}

fn health_text(health: &GpuServerHealthView) -> String {
    let mut lines = vec![view_text(&health.server)];
    match &health.engine {
        EngineView::Answers(facts) => lines.extend(engine_lines(facts)),
        EngineView::Absent { reason, hint } => lines.extend([
            format!("engine       absent: {reason}"),
            format!("hint         {hint}"),
        ]),
    }
    lines.extend(health.warnings.iter().map(|text| format!("warning      {text}")));
    lines.join("\n")
}

fn engine_lines(facts: &EngineFacts) -> [String; 6] {
    let EngineFacts {
        name,
        version,
        api,
        os,
        architecture,
        cpus,
        memory,
        storage_driver,
        seccomp: _,
        security,
        runtimes,
        cannot_limit,
        swarm,
        gpus,
    } = facts;
    let limits = match cannot_limit.as_slice() {
        [] => "all limits".to_owned(),
        some => format!("all limits but {}", some.join(", ")),
    };
    [
        format!("engine       {version} on {name}, API {api}, {os}/{architecture}, {storage_driver}"),
        format!(
            "machine      {cpus} cores, {:.1} GiB of memory",
            memory.0 as f64 / f64::from(1 << 30)
        ),
        format!("security     {}; {limits}", security.join(", ")),
        format!("runtimes     {}", runtimes.join(", ")),
        format!("swarm        {swarm}"),
        format!("tells GPUs   {}", gpus_text(gpus)),
    ]
}

fn gpus_text(gpus: &EngineGpus) -> String {
    let EngineGpus {
        nvidia_runtime,
        named,
        counted,
        cdi,
    } = gpus;
    let parts = [
        nvidia_runtime.then(|| "runtime nvidia".to_owned()),
        (!named.is_empty()).then(|| named.join(", ")),
        (*counted > 0).then(|| format!("{counted} without names")),
        (!cdi.is_empty()).then(|| cdi.join(", ")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "none".to_owned(),
        false => parts.join("; "),
    }
}

fn moment(at: UnixSeconds) -> Timestamp {
    Timestamp::from_millis(at.0.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn server() -> Value {
        json!({
            "id": "gpu-1", "endpoint": "tcp://gpu-1.example:2376", "gpus": "a100:2",
            "lease": "shared(2)", "labels": { "zone": "eu" }, "enabled": false, "description": "In the cellar",
            "lost_at": 1_767_225_600, "certificates": { "readable": true, "ends_at": 1_767_225_600 },
            "places": { "free": 3, "total": 4 },
            "leases": [{
                "id": "a1", "holder": "prism", "devices": [0, 1], "state": "expired", "acquired_at": 1_767_225_600,
            }],
            "created_at": 1, "updated_at": 1,
        })
    }

    #[test]
    fn a_server_is_told_with_who_holds_what_and_until_when_it_can_be_spoken_to() {
        let view: GpuServerView = serde_json::from_value(server()).unwrap();
        let text = view_text(&view);
        for line in [
            "state        disabled, lost since 2026-01-01T00:00:00",
            "free         3 of 4 places",
            "certificates set, until 2026-01-01T00:00:00",
            "labels       zone=eu",
            "held         GPU 0,1 by prism since 2026-01-01",
            "about        In the cellar",
        ] {
            assert!(text.contains(line), "{line} is not in: {text}");
        }
        assert!(list_text(&[view]).contains("3 of 4"));
    }

    #[test]
    fn an_engine_that_is_absent_comes_with_reason_and_hint() {
        let health = json!({
            "server": server(), "checked_at": 1, "warnings": ["look here"],
            "engine": { "state": "absent", "reason": "nobody listens", "hint": "start it" },
        });
        let text = health_text(&serde_json::from_value(health).unwrap());
        for line in [
            "engine       absent: nobody listens",
            "hint         start it",
            "warning      look here",
        ] {
            assert!(text.contains(line), "{line} is not in: {text}");
        }
    }
}
