//! `platform store`: the host's content store.

use clap::Subcommand;
use platform_admin_types::{Client, CollectRequest, CollectView, ContentKind, ContentList, ContentView};

use crate::output::{Output, mebibytes, table};

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// List what there is, the largest first, and which challenges are pinned to it.
    List,
    /// Remove what no challenge is pinned to.
    ///
    /// The host does so by itself every few hours, and when a component does not fit into store.quota. What was fetched
    /// within the last hour stays: somebody may be about to register it.
    Gc {
        /// Only tell what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(command: StoreCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        StoreCommand::List => output.show(&client.store_list().await?, list_text),
        StoreCommand::Gc { dry_run } => output.show(
            &client.store_collect(&CollectRequest { dry_run }).await?,
            collect_text,
        ),
    }
}

fn list_text(list: &ContentList) -> String {
    let sum = format!("{} of {}", mebibytes(list.bytes), list.quota);
    if list.contents.is_empty() {
        return sum;
    }
    format!("{}\n\n{sum}", contents_text(&list.contents))
}

fn collect_text(collected: &CollectView) -> String {
    let word = if collected.dry_run {
        "would be removed"
    } else {
        "removed"
    };
    let sum = format!(
        "{} {word}, {} stay",
        mebibytes(collected.removed_bytes),
        mebibytes(collected.kept_bytes)
    );
    if collected.removed.is_empty() {
        return sum;
    }
    format!("{}\n\n{sum}", contents_text(&collected.removed))
}

fn contents_text(contents: &[ContentView]) -> String {
    let row = |content: &ContentView| {
        let kind = match content.kind {
            ContentKind::Signature => "signature",
            ContentKind::Manifest => "manifest",
            ContentKind::Config => "config",
            ContentKind::Component => "component",
        };
        let challenges: Vec<_> = content.challenges.iter().map(ToString::to_string).collect();
        [
            content.digest.to_string(),
            kind.to_owned(),
            mebibytes(content.size),
            challenges.join(", "),
        ]
    };
    let rows: Vec<_> = contents.iter().map(row).collect();
    table(["DIGEST", "WHAT", "SIZE", "CHALLENGES"], &rows)
}
