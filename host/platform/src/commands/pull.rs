//! `platform pull`: a component out of a registry, a layout or an archive, without a host.

use std::str::FromStr;

use clap::Args;
use platform_domain::{ArtifactError, ComponentRef, with_causes};

use crate::{
    output::Output,
    registries::{self, RegistryArgs},
    unfit,
};

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    #[arg(
        help = "From where: oci:DIR[:TAG][@DIGEST], oci-archive:FILE[:TAG][@DIGEST] or HOST/NAME[:TAG][@DIGEST]"
    )]
    reference: ComponentRef,
    #[arg(
        long,
        short,
        value_name = "FILE|oci:DIR",
        help = "Where to: a file for the component alone, or oci:DIR[:TAG] or oci-archive:FILE[:TAG] for the artifact as it is, with its digests [default: nowhere, only verify]"
    )]
    output: Option<Target>,
    /// Replace what is there, if it is something else.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// A place on this machine.
#[derive(Clone, Debug)]
struct Target(ComponentRef);

impl FromStr for Target {
    type Err = ArtifactError;

    fn from_str(text: &str) -> Result<Self, ArtifactError> {
        let is_reference = ["oci:", "oci-archive:", "file:"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        match text.parse() {
            Ok(ComponentRef::Registry { .. }) if is_reference => Err(ArtifactError::Shape),
            reference if is_reference => reference.map(Self),
            _ if text.is_empty() => Err(ArtifactError::NoPath),
            _ => Ok(Self(ComponentRef::File(text.into()))),
        }
    }
}

pub(crate) async fn run(args: PullArgs, output: Output) -> anyhow::Result<()> {
    let PullArgs {
        reference,
        output: target,
        force,
        registry,
    } = args;
    output.progress(&format!("fetching {reference}"));
    let registries = registries::of_command(&registry, &reference)?.with_progress(output.transfer());
    let pulled = registries.pull(&reference, Some(unfit)).await?;
    output.progress(&format!("{} KiB are verified", pulled.bytes.len() / 1024));
    let target = target.map(|Target(target)| target);
    let is_artifact = matches!(
        target,
        Some(ComponentRef::Layout { .. } | ComponentRef::Archive { .. })
    );
    if let (true, Some(unread)) = (is_artifact, &pulled.unread) {
        anyhow::bail!(
            "{reference} is not written without its signatures, which cannot be read: {}",
            with_causes(&**unread)
        );
    }
    if let Some(target) = &target {
        pulled.write(target, force).await?;
    }
    let answer = serde_json::json!({
        "reference": reference,
        "manifest_digest": pulled.manifest,
        "component_digest": pulled.component,
        "size": pulled.bytes.len(),
        "signatures": pulled.signatures.len(),
        "output": target,
    });
    output.show(&answer, |_| {
        let manifest = pulled.manifest.map(|digest| format!("manifest   {digest}"));
        let component = format!("component  {}", pulled.component);
        let written = target.map(|target| format!("written    {target}"));
        let signatures = format!("signatures {}", pulled.signatures.len());
        let lines = manifest.into_iter().chain([component, signatures]).chain(written);
        let lines: Vec<_> = lines.collect();
        lines.join("\n")
    })
}
