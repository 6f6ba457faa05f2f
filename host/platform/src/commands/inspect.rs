//! `platform inspect`: what a component is, without running it, and what a host would make of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use platform_domain::{ComponentRef, Digest, Grant, KeyName, with_causes};
use platform_oci::Attached;
use platform_signatures::Trusted;
use platform_wasm::Limits;
use serde::Serialize;
use serde_json::json;

use crate::{
    keys,
    output::Output,
    registries::{self, RegistryArgs},
    unfit,
};

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[arg(
        help = "A component file, or oci:DIR[:TAG][@DIGEST], oci-archive:FILE[:TAG][@DIGEST], HOST/NAME[:TAG][@DIGEST]"
    )]
    component: String,
    /// Public key to look for among its signatures, by the name of its file; repeat for more.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// What was found under a name.
struct Found {
    manifest: Option<Digest>,
    bytes: Vec<u8>,
    signatures: Vec<Attached>,
    /// Why these could not be read.
    unread: Option<String>,
}

pub(crate) async fn run(args: InspectArgs, output: Output) -> anyhow::Result<()> {
    let InspectArgs {
        component,
        key,
        registry,
    } = args;
    let trusted = trusted(&key)?;
    let Found {
        manifest,
        bytes,
        signatures,
        unread,
    } = find(&component, &registry, output).await?;
    let signatures = signed(manifest.as_ref(), &signatures, &trusted);
    let info = platform_wasm::inspect(&bytes)?;
    let needs = info.needs;
    // What a host does unless its operator has moved the limits.
    let slots = needs.slots(&Limits::default());
    let usual = Grant::usual();
    let answer = json!({
        "digest": info.digest,
        "manifest_digest": manifest,
        "size": info.size,
        "signatures": signatures,
        "signatures_unread": unread,
        "worlds": info.worlds(),
        "capabilities": info.capabilities,
        "asks": asks(&info.asks, &usual),
        "exports": info.exports,
        "imports": info.imports,
        "manifest": info.manifest,
        "needs": {
            "core_instances": needs.core_instances,
            "memories": needs.memories,
            "tables": needs.tables,
            "table_elements": needs.table_elements,
        },
        "slots": slots,
    });
    output.show(&answer, |answer| {
        let mut lines = vec![format!("digest        {}", info.digest)];
        lines.extend(manifest.map(|digest| format!("artifact      {digest}")));
        lines.extend(
            signatures
                .iter()
                .map(|it| format!("signature     {}", it.text(&trusted))),
        );
        lines.extend(
            unread
                .iter()
                .map(|why| format!("signature     cannot be read: {why}")),
        );
        lines.push(format!("size          {} bytes", info.size));
        let capabilities: Vec<_> = info.capabilities.iter().map(ToString::to_string).collect();
        lines.push(format!("world         {}", info.worlds().join(" and ")));
        lines.push(format!("capabilities  {}", capabilities.join(", ")));
        lines.extend(
            info.asks
                .iter()
                .map(|grant| format!("asks for      {grant}: {}", how(*grant, &usual))),
        );
        lines.extend(info.exports.iter().map(|name| format!("export        {name}")));
        lines.extend(info.imports.iter().map(|name| format!("import        {name}")));
        lines.push(format!(
            "slots         {slots}: core instances {}, memories {}, tables {}",
            needs.core_instances, needs.memories, needs.tables
        ));
        let manifest = answer.get("manifest").filter(|manifest| !manifest.is_null());
        lines.push(format!(
            "manifest      {}",
            manifest.map_or("none".to_owned(), |manifest| format!("{manifest:#}"))
        ));
        lines.join("\n")
    })
}

/// What a signature is to whoever has these keys.
#[derive(Debug, Serialize)]
struct Signed {
    /// Which of the keys made it.
    signed_by: Option<KeyName>,
    /// Why none did.
    reason: Option<String>,
}

impl Signed {
    fn text(&self, trusted: &Trusted) -> String {
        match (&self.signed_by, &self.reason) {
            (Some(key), _) => format!("by {key}"),
            (None, _) if trusted.is_empty() => "by somebody; name public keys with --key to know".to_owned(),
            (None, reason) => reason.clone().unwrap_or_default(),
        }
    }
}

fn signed(manifest: Option<&Digest>, signatures: &[Attached], trusted: &Trusted) -> Vec<Signed> {
    let signed = signatures.iter().filter_map(|signature| {
        let signer = signature.signer(manifest?, trusted);
        Some(Signed {
            signed_by: signer.as_ref().ok().copied().cloned(),
            reason: signer.err().map(|error| with_causes(&error)),
        })
    });
    signed.collect()
}

fn trusted(files: &[PathBuf]) -> anyhow::Result<Trusted> {
    let mut named = BTreeMap::new();
    for file in files {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name: KeyName = stem
            .parse()
            .with_context(|| format!("{} cannot be the name of a key", file.display()))?;
        if let Some(other) = named.insert(name, file.clone()) {
            anyhow::bail!(
                "{} and {} are named alike; a key is shown by the name of its file, rename one",
                other.display(),
                file.display()
            );
        }
    }
    keys::trusted(&named)
}

/// A file that is there is meant, whatever else its name could be.
async fn find(component: &str, registry: &RegistryArgs, output: Output) -> anyhow::Result<Found> {
    let path = Path::new(component);
    match component.parse::<ComponentRef>() {
        Ok(reference) if !path.exists() => {
            output.progress(&format!("fetching {reference}"));
            let registries = registries::of_command(registry, &reference)?;
            let registries = registries.with_progress(output.transfer());
            let pulled = registries.pull(&reference, Some(unfit)).await?;
            Ok(Found {
                manifest: pulled.manifest,
                bytes: pulled.bytes.into(),
                signatures: pulled.signatures,
                unread: pulled.unread.map(|error| with_causes(&*error)),
            })
        }
        _ => Ok(Found {
            manifest: None,
            signatures: Vec::new(),
            unread: None,
            bytes: fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        }),
    }
}

fn asks(asked: &BTreeSet<Grant>, usual: &BTreeSet<Grant>) -> Vec<serde_json::Value> {
    let asks = asked.iter().map(|grant| {
        json!({
            "grant": grant,
            "interface": grant.interface(),
            "by_default": usual.contains(grant),
            "decision": how(*grant, usual),
        })
    });
    asks.collect()
}

/// What becomes of it when the operator says nothing, and what to say.
fn how(grant: Grant, usual: &BTreeSet<Grant>) -> String {
    match grant {
        grant if usual.contains(&grant) => "granted without a word".to_owned(),
        Grant::OutgoingHttp => "refused unless the operator names hosts with --allow".to_owned(),
        grant => format!("refused unless the operator names it with --grants …,{grant}"),
    }
}
