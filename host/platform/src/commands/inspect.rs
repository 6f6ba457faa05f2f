//! `platform inspect`: what a component is, without running it, and what a host would make of it.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context as _;
use platform_domain::{ComponentRef, Digest, Grant};
use platform_wasm::Limits;
use serde_json::json;

use crate::{
    output::Output,
    registries::{self, RegistryArgs},
    unfit,
};

/// What was found under a name.
struct Found {
    manifest: Option<Digest>,
    bytes: Vec<u8>,
}

pub(crate) async fn run(component: &str, registry: &RegistryArgs, output: Output) -> anyhow::Result<()> {
    let Found { manifest, bytes } = find(component, registry, output).await?;
    let info = platform_wasm::inspect(&bytes)?;
    let needs = info.needs;
    // What a host does unless its operator has moved the limits.
    let slots = needs.slots(&Limits::default());
    let usual = Grant::usual();
    let answer = json!({
        "digest": info.digest,
        "manifest_digest": manifest,
        "size": info.size,
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
        lines.push(format!("size          {} bytes", info.size));
        let capabilities: Vec<_> = info.capabilities.iter().map(ToString::to_string).collect();
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
            })
        }
        _ => Ok(Found {
            manifest: None,
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
