//! `platform store`: the host's content store.

use clap::Subcommand;
use platform_admin_types::{
    Client, CollectRequest, CollectView, ContentKind, ContentList, ContentView, FetchedImageView,
    UnwantedImageView,
};
use platform_domain::GpuServerId;

use crate::{
    commands::state::unreached_text,
    output::{Output, mebibytes, table},
};

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// List what there is, the largest first, and which challenges are pinned to it; and the images that the host had engines
    /// fetch.
    List,
    /// Remove what no challenge is pinned to, and from engines the images that no challenge wants.
    ///
    /// The host does so by itself every few hours, and when a component does not fit into store.quota. What was fetched
    /// within the last hour stays: somebody may be about to register it. Of images those go that the host had fetched itself and
    /// that no challenge runs or has among the last docker.keep_images of its history or of its jobs; none of which there is a
    /// container.
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
    let images = match list.images.as_slice() {
        [] => String::new(),
        images => format!("\n\n{}", images_text(images)),
    };
    if list.contents.is_empty() {
        return format!("{sum}{images}");
    }
    format!("{}\n\n{sum}{images}", contents_text(&list.contents))
}

fn images_text(images: &[FetchedImageView]) -> String {
    let row = |image: &FetchedImageView| {
        let challenges: Vec<_> = image.challenges.iter().map(ToString::to_string).collect();
        [
            image.image.to_string(),
            engine(image.server.as_ref()),
            challenges.join(", "),
        ]
    };
    let rows: Vec<_> = images.iter().map(row).collect();
    table(["IMAGE", "ENGINE", "CHALLENGES"], &rows)
}

fn engine(server: Option<&GpuServerId>) -> String {
    server.map_or_else(|| "here".to_owned(), ToString::to_string)
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
    let image = |image: &UnwantedImageView| {
        let engine = engine(image.server.as_ref());
        format!("{} {word}: {}, on {engine}", image.image, mebibytes(image.size))
    };
    let images = collected.images.iter().map(image);
    let unreached = collected.unreached.iter().map(unreached_text);
    let contents =
        (!collected.removed.is_empty()).then(|| format!("{}\n", contents_text(&collected.removed)));
    let lines = contents.into_iter().chain([sum]).chain(images).chain(unreached);
    lines.collect::<Vec<_>>().join("\n")
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
