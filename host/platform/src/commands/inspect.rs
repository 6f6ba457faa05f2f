//! `platform inspect`: what a component is, without running it.

use std::{fs, path::Path};

use anyhow::Context as _;
use platform_domain::Digest;
use platform_wasm::Limits;

use crate::output::Output;

pub(crate) fn run(component: &Path, output: Output) -> anyhow::Result<()> {
    let bytes = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let info = platform_wasm::inspect(&bytes)?;
    let needs = info.needs;
    // What a host does unless its operator has moved the limits.
    let slots = needs.slots(&Limits::default());
    let answer = serde_json::json!({
        "digest": Digest::of(&bytes),
        "size": bytes.len(),
        "capabilities": info.capabilities,
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
        let mut lines = vec![
            format!("digest        {}", Digest::of(&bytes)),
            format!("size          {} bytes", bytes.len()),
        ];
        let capabilities: Vec<_> = info.capabilities.iter().map(ToString::to_string).collect();
        lines.push(format!("capabilities  {}", capabilities.join(", ")));
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
