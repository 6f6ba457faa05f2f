//! `platform publish`: a component becomes an OCI artifact.

use std::{fs, path::Path};

use anyhow::Context as _;
use platform_domain::{ComponentRef, Digest, UnixSeconds};
use platform_oci::PublishInfo;

use crate::{
    keys,
    output::Output,
    registries::{self, RegistryArgs},
};

pub(crate) async fn run(
    component: &Path,
    reference: &ComponentRef,
    sign: Option<&Path>,
    registry: &RegistryArgs,
    output: Output,
) -> anyhow::Result<()> {
    // Before anything else, so that a password that is missing or wrong is told at once.
    let key = sign.map(keys::private).transpose()?;
    let bytes = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    // A component that no host would take is not worth publishing.
    let info = platform_wasm::inspect(&bytes)
        .with_context(|| format!("{} is not published", component.display()))?;
    output.progress(&format!(
        "publishing {} ({} KiB) to {reference}",
        component.display(),
        bytes.len() / 1024
    ));
    let about = PublishInfo {
        imports: info.imports,
        exports: info.exports,
        manifest: info.manifest,
        created: created()?,
    };
    let registries = registries::of_command(registry, reference)?.with_progress(output.transfer());
    let signer = key
        .as_ref()
        .map(|key| move |repository: &str, manifest: &Digest| keys::signature(key, repository, manifest));
    let signer = signer.as_ref().map(|signer| signer as platform_oci::Signer<'_>);
    let published = registries.publish(&bytes, &about, reference, signer).await?;
    let signed_by = key.map(|key| key.public().fingerprint().to_string());
    let answer = serde_json::json!({
        "reference": reference,
        "manifest_digest": published.manifest,
        "component_digest": published.component,
        "size": published.size,
        "signed_by": signed_by,
    });
    output.show(&answer, |_| {
        let signed_by = signed_by.as_ref().map(|print| format!("\nsigned by  {print}"));
        format!(
            "manifest   {}\ncomponent  {}{}",
            published.manifest,
            published.component,
            signed_by.unwrap_or_default()
        )
    })
}

/// Part of the artifact's digest: the epoch, unless a build that wants a date sets one.
fn created() -> anyhow::Result<UnixSeconds> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text
            .parse()
            .context("SOURCE_DATE_EPOCH is not a number of seconds"),
        Err(_) => Ok(UnixSeconds(0)),
    }
}
