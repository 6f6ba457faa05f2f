//! `platform challenge`: the registry from the command line.

use platform_admin_types::{ChallengeView, Client, CreateChallenge, Observed, PatchChallenge, RotateToken};
use platform_domain::{
    ByteSize, ComponentRef, CorsOrigin, KeyName, OutboundRule, Resources, Serving, Status,
};

use crate::{
    cli::challenge::{Allowed, ChallengeCommand, CreateArgs, FieldArgs, PatchArgs, TokenCommand, TrustArg},
    cli::serving::Or,
    commands::{
        fetching::Fetching,
        health, logs,
        observed::{code_text, observed_text},
        pair, stats, versions,
    },
    output::{Output, table},
};

pub(crate) async fn run(command: ChallengeCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    let view = match command {
        ChallengeCommand::Create(args) => return create(args, client, output).await,
        ChallengeCommand::List => {
            let list = client.challenge_list().await?;
            return output.show(&list, |list| list_text(&list.challenges));
        }
        ChallengeCommand::Delete { slug } => {
            client.challenge_delete(&slug).await?;
            return output.show(&serde_json::json!({ "deleted": slug }), |_| {
                format!("{slug} is deleted; its state stays")
            });
        }
        ChallengeCommand::Incidents { slug } => {
            return output.show(&client.challenge_incidents(&slug).await?, health::incidents_text);
        }
        ChallengeCommand::Stats { slug } => {
            return output.show(&client.challenge_stats(&slug).await?, stats::stats_text);
        }
        ChallengeCommand::Token(TokenCommand::Rotate { slug, overlap }) => {
            let rotate = RotateToken {
                overlap_seconds: overlap,
            };
            let rotated = client.challenge_rotate_token(&slug, rotate).await?;
            return output.show(&rotated, |rotated| {
                let token = rotated.challenge_token.reveal();
                format!("token      {token}\nThe token is shown this once.")
            });
        }
        ChallengeCommand::Update(args) => return versions::update(args, client, output).await,
        ChallengeCommand::Rollback(args) => return versions::roll_back(args, client, output).await,
        ChallengeCommand::History { slug } => return versions::history(&slug, client, output).await,
        ChallengeCommand::Logs(args) => return logs::run(args, client, output).await,
        ChallengeCommand::Resume { slug } => client.challenge_resume(&slug).await?,
        ChallengeCommand::Look { slug } => {
            Fetching { client, output }.look(&slug).await?;
            client.challenge_look(&slug).await?
        }
        ChallengeCommand::Show { slug } => client.challenge_get(&slug).await?,
        ChallengeCommand::Patch(PatchArgs { slug, fields }) => {
            let serving = fields.serving.clone();
            let mut patch = patch(fields)?;
            if serving.is_given() {
                // A flag changes a part, and what is sent replaces the whole.
                let before = client.challenge_get(&slug).await?.serving;
                patch.serving = Some(serving.apply(before));
            }
            Fetching { client, output }.patch(&slug, &mut patch).await?;
            client.challenge_patch(&slug, &patch).await?
        }
        ChallengeCommand::Activate { slug } => {
            Fetching { client, output }.activate(&slug).await?;
            client.challenge_activate(&slug).await?
        }
        ChallengeCommand::Deactivate { slug } => client.challenge_deactivate(&slug).await?,
        ChallengeCommand::Disable { slug } => client.challenge_disable(&slug).await?,
    };
    output.show(&view, view_text)
}

async fn create(args: CreateArgs, client: &Client, output: Output) -> anyhow::Result<()> {
    let CreateArgs {
        slug,
        component,
        image,
        activate,
        fields,
    } = args;
    let FieldArgs {
        name,
        version,
        emission,
        on_failure,
        serving,
        capabilities,
        data,
        instances,
        grants,
        allow,
        trust,
        follow,
        fallback_image,
        loosen,
        volume,
        description,
        env,
        resource,
    } = fields;
    let resources: Resources = pair::map(resource).unwrap_or_default().try_into()?;
    let fetching = Fetching { client, output };
    let image = match image {
        Some(image) if !serving.is_elsewhere() => Some(fetching.with(&resources, image).await?),
        image => image,
    };
    let fallback_image = match fallback_image.and_then(|Or(image)| image) {
        Some(image) if resources.gpu.is_some() => Some(fetching.with(&resources, image).await?),
        image => image,
    };
    if component.is_some() {
        output.progress("fetching, checking and compiling the component");
    }
    let new = CreateChallenge {
        slug,
        component: component.map(absolute).transpose()?,
        image,
        fallback_image,
        name,
        version,
        emission_percent: emission.unwrap_or_default(),
        on_failure: on_failure.unwrap_or_default(),
        serving: serving.apply(Serving::default()),
        status: activate.then_some(Status::Active),
        required_capabilities: capabilities,
        data,
        instances,
        grants,
        outbound: Allowed::all(allow).unwrap_or_default(),
        trust: trust.and_then(|TrustArg(policy)| policy),
        follow: follow.unwrap_or_default(),
        loosened: loosen.unwrap_or_default(),
        resources,
        volumes: pair::map(volume).unwrap_or_default(),
        env: pair::map(env).unwrap_or_default(),
        secrets: Default::default(),
        description,
        metadata: Default::default(),
    };
    let created = client.challenge_create(&new).await?;
    output.show(&created, |created| {
        let token = created.challenge_token.reveal();
        format!(
            "{}\n\ntoken      {token}\nThe token is shown this once.",
            view_text(&created.challenge)
        )
    })
}

/// A relative path means a place below the person's working directory, and the host has another one.
pub(super) fn absolute(reference: ComponentRef) -> anyhow::Result<ComponentRef> {
    Ok(match reference {
        ComponentRef::File(path) => ComponentRef::File(std::path::absolute(path)?),
        ComponentRef::Layout { dir, tag, digest } => ComponentRef::Layout {
            dir: std::path::absolute(dir)?,
            tag,
            digest,
        },
        ComponentRef::Archive { file, tag, digest } => ComponentRef::Archive {
            file: std::path::absolute(file)?,
            tag,
            digest,
        },
        registry @ ComponentRef::Registry { .. } => registry,
    })
}

fn patch(fields: FieldArgs) -> anyhow::Result<PatchChallenge> {
    let FieldArgs {
        name,
        version,
        emission,
        on_failure,
        serving: _,
        capabilities,
        data,
        instances,
        grants,
        allow,
        trust,
        follow,
        fallback_image,
        loosen,
        volume,
        description,
        env,
        resource,
    } = fields;
    Ok(PatchChallenge {
        fallback_image: fallback_image.map(|Or(image)| image),
        loosened: loosen,
        volumes: pair::map(volume),
        name,
        version,
        emission_percent: emission,
        on_failure,
        required_capabilities: capabilities,
        data,
        instances,
        grants,
        outbound: Allowed::all(allow),
        trust: trust.map(|TrustArg(policy)| policy),
        follow,
        description: description.map(Some),
        env: pair::map(env),
        resources: pair::map(resource).map(TryInto::try_into).transpose()?,
        ..PatchChallenge::default()
    })
}

fn list_text(challenges: &[ChallengeView]) -> String {
    let rows: Vec<_> = challenges
        .iter()
        .map(|view| {
            let emission = view.emission_percent.to_string();
            [
                view.slug.to_string(),
                view.version.clone(),
                view.status.to_string(),
                emission,
                observed_text(&view.observed),
                health::breaker_word(&view.breaker),
            ]
        })
        .collect();
    table(
        ["SLUG", "VERSION", "STATUS", "EMISSION %", "OBSERVED", "BREAKER"],
        &rows,
    )
}

/// Where its container is, and what it may do that others may not.
fn container_lines(view: &ChallengeView) -> Vec<String> {
    let mut lines = Vec::new();
    if !view.loosened.is_empty() {
        let words: Vec<_> = view.loosened.iter().map(ToString::to_string).collect();
        lines.push(format!("loosened   {}", words.join(", ")));
    }
    if let Observed::Running {
        container: Some(container),
        ..
    } = &view.observed
    {
        let short: String = container.id.chars().take(12).collect();
        let place = match &container.server {
            Some(server) => format!("on {server}"),
            None => "here".to_owned(),
        };
        lines.push(format!("container  {short} {place}, at {}", container.address));
        if !container.allowed.is_empty() {
            lines.push(format!("allowed    {}", container.allowed.join(", ")));
        }
    }
    lines.extend(
        view.fallback_image
            .iter()
            .map(|image| format!("fallback   {image}")),
    );
    lines
}

fn data_text(view: &ChallengeView) -> String {
    let Some(usage) = view.data_usage else {
        return view.data.to_string();
    };
    format!(
        "{}, {:.1} MiB of {}, {} of {} files",
        view.data,
        usage.bytes as f64 / f64::from(1 << 20),
        ByteSize(usage.max_bytes),
        usage.files,
        usage.max_files,
    )
}

fn grants_text(view: &ChallengeView) -> String {
    let names: Vec<_> = view.grants.iter().map(ToString::to_string).collect();
    let names = match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let Some(usage) = view.database_usage else {
        return names;
    };
    let of = |what: &str, bytes: u64, most: u64| {
        format!(
            "; {what} {:.1} MiB of {}",
            bytes as f64 / f64::from(1 << 20),
            ByteSize(most)
        )
    };
    let database = of("database", usage.bytes, usage.max_bytes);
    let blobs = view
        .blob_usage
        .map(|usage| of("blobs", usage.bytes, usage.max_bytes));
    format!("{names}{database}{}", blobs.unwrap_or_default())
}

/// Whom it may speak to, with what has no effect, and what became of its requests.
fn outbound_lines(view: &ChallengeView) -> Vec<String> {
    let usage = view.outbound_usage.as_ref();
    let in_vain = |rule: &OutboundRule| {
        usage.is_some_and(|usage| !usage.asked.iter().any(|asked| asked.overlaps(rule)))
    };
    let allowed = view.outbound.iter().map(|rule| match in_vain(rule) {
        true => format!("outbound   {rule} (no effect: the manifest does not ask for it)"),
        false => format!("outbound   {rule}"),
    });
    let mut lines: Vec<_> = allowed.collect();
    if let Some(usage) = usage {
        let refused = |asked: &&OutboundRule| !view.outbound.iter().any(|rule| rule.overlaps(asked));
        let asked = usage.asked.iter().filter(refused);
        lines.extend(
            asked.map(|rule| format!("outbound   {rule} (asked for by the manifest and not allowed)")),
        );
        lines.push(format!(
            "requests   {} answered, {} refused, {} failed since its start",
            usage.answered, usage.refused, usage.failed
        ));
    }
    lines
}

/// What it asks for, with what it waits for.
fn secret_lines(view: &ChallengeView) -> impl Iterator<Item = String> {
    let is_missing = |name: &str| {
        view.secrets_missing
            .iter()
            .any(|missing| missing.as_str() == name)
    };
    view.secrets.iter().map(move |name| match is_missing(name) {
        true => format!(
            "secret     {name} (not set: platform secret set {} {name})",
            view.slug
        ),
        false => format!("secret     {name}"),
    })
}

/// What it must show and shows.
fn trust_line(view: &ChallengeView) -> Option<String> {
    view.trust.as_ref().map(|trust| {
        let signed_by: Vec<_> = trust.signed_by.iter().map(KeyName::as_str).collect();
        let of_all = if trust.is_default {
            ", as of every challenge"
        } else {
            ""
        };
        let signed_by = match signed_by.as_slice() {
            [] => "not signed by a known key".to_owned(),
            keys => format!("signed by {}", keys.join(", ")),
        };
        format!("trust      {}{of_all}; {signed_by}", trust.policy)
    })
}

/// Whether its tag is followed, and where it leads.
fn tag_lines(view: &ChallengeView) -> impl Iterator<Item = String> {
    let tag = view
        .follow
        .then(|| "tag        followed when it moves".to_owned());
    let drift = view.drift.as_ref().map(|drift| {
        let leads = match drift.manifest_digest {
            Some(digest) => format!("its tag leads to {digest} now"),
            None => "where its tag leads cannot be told".to_owned(),
        };
        let reason = drift.reason.as_ref().map(|reason| format!(": {reason}"));
        format!("drift      {leads}{}", reason.unwrap_or_default())
    });
    tag.into_iter().chain(drift)
}

/// What is not as usual.
fn serving_text(serving: &Serving) -> String {
    let Serving {
        address,
        max_body,
        requests_per_second,
        cors_origins,
    } = serving;
    let address = address.as_ref().map(|address| format!("; at {address}"));
    let body = max_body.map(|size| format!("; bodies up to {size}"));
    let rate = requests_per_second.map(|rate| format!("; {rate} requests a second"));
    let origins: Vec<_> = cors_origins.iter().map(CorsOrigin::as_str).collect();
    let sites = (!origins.is_empty()).then(|| format!("; read by pages of {}", origins.join(", ")));
    [address, body, rate, sites].into_iter().flatten().collect()
}

pub(super) fn view_text(view: &ChallengeView) -> String {
    let mut lines = vec![
        format!("{}  {} {}", view.slug, view.name, view.version),
        format!("status     {} ({})", view.status, observed_text(&view.observed)),
        format!("breaker    {}", health::breaker_text(&view.breaker)),
        format!("emission   {} %", view.emission_percent),
        format!("on failure {}", view.on_failure),
        format!(
            "public     {}{}",
            view.public_proxy_base_path,
            serving_text(&view.serving)
        ),
        format!("data       {}", data_text(view)),
        format!("instances  {}", view.instances),
    ];
    lines.extend(container_lines(view));
    if view.component.is_some() {
        lines.push(format!("grants     {}", grants_text(view)));
        lines.extend(outbound_lines(view));
        lines.extend(secret_lines(view));
    }
    if let Some(code) = code_text(&view.observed) {
        lines.push(format!("code       {code}"));
    }
    if let Some(incident) = &view.breaker.last_incident {
        lines.push(format!("incident   {}", health::incident_text(incident)));
    }
    if let Some(component) = &view.component {
        lines.push(format!("reference  {}", component.reference));
        lines.extend(
            component
                .manifest_digest
                .map(|digest| format!("manifest   {digest}")),
        );
        lines.push(format!("component  {}", component.digest));
        lines.extend(trust_line(view));
    }
    lines.extend(view.image.iter().map(|image| format!("image      {image}")));
    lines.extend(tag_lines(view));
    let capabilities: Vec<_> = view
        .required_capabilities
        .iter()
        .map(ToString::to_string)
        .collect();
    lines.push(format!("does       {}", capabilities.join(", ")));
    lines.extend(view.description.iter().map(|text| format!("about      {text}")));
    lines.join("\n")
}
