//! `platform serve`, `check` and `status`.

use anyhow::Context as _;
use platform_admin_types::Client;
use rustix::fs::Mode;
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    cli::ServeArgs,
    commands::{
        health::breaker_word,
        observed::{compiler_text, observed_text},
    },
    memory, open_files,
    output::Output,
    own_compiler,
    settings::Config,
    tasks::stop_on_signal,
    telemetry,
};

/// The configuration is wrong, so that is the exit code: nothing was bound and nothing was written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct WrongConfiguration(#[from] crate::settings::ConfigError);

fn load(args: ServeArgs) -> Result<Config, WrongConfiguration> {
    let ServeArgs {
        config,
        state_dir,
        admin_listen,
        public_listen,
        chain_endpoint,
        netuid,
        hotkey_file,
        schedule,
    } = args;
    let flags = [
        ("state_dir", state_dir.map(|dir| dir.display().to_string())),
        ("admin.listen", admin_listen),
        ("public.listen", public_listen),
        ("chain.endpoint", chain_endpoint),
        ("chain.netuid", netuid.map(|netuid| netuid.to_string())),
        (
            "chain.hotkey_file",
            hotkey_file.map(|file| file.display().to_string()),
        ),
        ("epoch.schedule", schedule),
    ];
    let flags = flags
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    Ok(Config::load(
        config.as_deref(),
        std::env::vars_os().collect(),
        flags,
    )?)
}

pub(crate) async fn serve(args: ServeArgs, output: Output) -> anyhow::Result<()> {
    let config = load(args)?;
    telemetry::init(&config.log);
    open_files::raise_limit();
    // Whatever a task or a guest creates from here on is the host's alone.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let stop = CancellationToken::new();
    let mut app = App::start(config, own_compiler(), stop.clone()).await?;
    memory::keep_out_of_dumps().context("cannot keep this process's memory out of dumps")?;
    let answer = serde_json::json!({
        "admin": format!("http://{}", app.admin),
        "public": format!("http://{}", app.public),
    });
    output.show(&answer, |_| {
        format!("admin   http://{}\npublic  http://{}", app.admin, app.public)
    })?;
    app.tasks.start("signals", async move {
        stop_on_signal(stop.clone()).await?;
        stop.cancelled().await;
        Ok(())
    });
    app.tasks.run().await
}

pub(crate) fn check(args: ServeArgs, output: Output) -> anyhow::Result<()> {
    let config = load(args)?;
    output.show(&config, |config| match serde_json::to_string_pretty(config) {
        Ok(text) => format!("the configuration is valid\n{text}"),
        Err(_) => "the configuration is valid".to_owned(),
    })
}

pub(crate) async fn status(client: &Client, output: Output) -> anyhow::Result<()> {
    let (host, weights) = (client.status().await?, client.weights_status().await?);
    let answer = serde_json::json!({ "host": host, "weights": weights });
    output.show(&answer, |_| {
        let mut text = format!("platform {}", host.version);
        for (slug, challenge) in &host.challenges {
            let observed = observed_text(&challenge.observed);
            let breaker = breaker_word(&challenge.breaker);
            text.push_str(&format!(
                "\n{slug}  {} ({observed}, breaker {breaker})",
                challenge.status
            ));
        }
        let shown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
        let block = shown(weights.block.map(|block| block.to_string()));
        let epoch = shown(weights.epoch.map(|epoch| epoch.to_string()));
        let submits = if weights.submits {
            "submitted"
        } else {
            "recorded only: there is no hotkey"
        };
        text.push_str(&format!("\nblock {block}, epoch {epoch}, weights are {submits}"));
        if let Some(compiler) = compiler_text(&host.compiler) {
            text.push_str(&format!("\n{compiler}"));
        }
        if let Some(error) = &weights.error {
            text.push_str(&format!("\nthe epoch does not go on: {error}"));
        }
        for alarm in &weights.alarms {
            text.push_str(&format!("\nalarm: {alarm}"));
        }
        text
    })
}
