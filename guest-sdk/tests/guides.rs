//! What the guides for authors show and Rust does not compile: manifests, worlds and SQL. Their Rust is tested as
//! documentation of the crate.

use std::path::Path;

use platform_domain::Manifest;
use wit_parser::Resolve;

const GUIDES: [(&str, &str); 4] = [
    (
        "capabilities.md",
        include_str!("../../docs/authors/capabilities.md"),
    ),
    ("http.md", include_str!("../../docs/authors/http.md")),
    ("jobs.md", include_str!("../../docs/authors/jobs.md")),
    ("state.md", include_str!("../../docs/authors/state.md")),
];

/// Every block of the guides with what is written behind its fence, and where it is.
fn blocks() -> Vec<(&'static str, String, String)> {
    let mut blocks = Vec::new();
    for (guide, text) in GUIDES {
        let mut open: Option<(&str, String)> = None;
        for (number, line) in text.lines().enumerate() {
            match (open.take(), line.strip_prefix("```")) {
                (None, Some(kind)) => open = Some((kind, String::new())),
                (None, None) => {}
                (Some((kind, block)), None) => open = Some((kind, block + line + "\n")),
                (Some((kind, block)), Some(_)) => {
                    blocks.push((kind, block, format!("{guide}, before line {}", number + 1)));
                }
            }
        }
    }
    blocks
}

#[test]
fn every_snippet_is_of_a_kind_that_is_tested() {
    let kinds = ["rust", "wit", "json", "sql"];
    for (kind, block, place) in blocks() {
        // Without a kind it is what somebody types or reads.
        assert!(
            kind.is_empty() || kinds.contains(&kind),
            "{place}: {kind}\n{block}"
        );
    }
    for kind in kinds {
        assert!(blocks().iter().any(|(found, _, _)| *found == kind), "{kind}");
    }
}

#[test]
fn every_part_of_a_manifest_is_one() {
    for (_, block, place) in blocks().iter().filter(|(kind, _, _)| *kind == "json") {
        let manifest = match block.starts_with('{') {
            true => block.clone(),
            false => format!(r#"{{"name":"guess","version":"1.0.0",{block}}}"#),
        };
        let read = Manifest::parse(manifest.as_bytes());
        assert!(read.is_ok(), "{place}: {read:?}\n{block}");
    }
}

#[test]
fn every_world_and_interface_is_read_beside_the_contract() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/0.1.0");
    for (_, block, place) in blocks().iter().filter(|(kind, _, _)| *kind == "wit") {
        let mut resolve = Resolve::default();
        resolve.push_dir(&contract).unwrap();
        let read = resolve.push_str(place, block);
        assert!(read.is_ok(), "{place}: {read:?}\n{block}");
    }
}

#[test]
fn all_sql_runs_in_the_order_of_its_guide() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    for (_, block, place) in blocks().iter().filter(|(kind, _, _)| *kind == "sql") {
        let run = database.execute_batch(block);
        assert!(run.is_ok(), "{place}: {run:?}\n{block}");
    }
}
