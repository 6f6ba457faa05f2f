//! `platform challenge update`, `rollback` and `history`.

use std::collections::BTreeSet;

use clap::Args;
use platform_admin_types::{Client, RollBackChallenge, UpdateChallenge, VersionList, VersionView};
use platform_domain::{ComponentRef, Digest, Grant, Slug, Timestamp};

use crate::{
    cli::challenge::grants,
    commands::{
        challenge::{absolute, view_text},
        fetching::Fetching,
    },
    output::{Output, table},
};

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The challenge.
    slug: Slug,
    #[arg(
        help = "The component: oci:DIR[:TAG][@DIGEST], HOST/NAME[:TAG][@DIGEST] or file:PATH; or the image, HOST/NAME[:TAG][@DIGEST]"
    )]
    component: ComponentRef,
    /// Interfaces that the new component may import beside those that the challenge is granted, with commas between.
    #[arg(long, value_name = "NAMES", value_parser = grants)]
    grant: Option<BTreeSet<Grant>>,
    /// The challenge's own version from then on, for an image [default: what it was; a component's manifest says its own].
    #[arg(id = "challenge_version", long = "challenge-version")]
    version: Option<String>,
    /// Who makes the change, for the history.
    #[arg(long, env = "PLATFORM_OPERATOR")]
    by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The challenge.
    slug: Slug,
    /// The digest of the component or image, as the history shows it [default: the last one that is not the present one].
    #[arg(long, value_name = "DIGEST")]
    to: Option<Digest>,
    /// Who makes the change, for the history.
    #[arg(long, env = "PLATFORM_OPERATOR")]
    by: Option<String>,
}

pub(crate) async fn update(args: UpdateArgs, client: &Client, output: Output) -> anyhow::Result<()> {
    let UpdateArgs {
        slug,
        component,
        grant,
        version,
        by,
    } = args;
    let component = absolute(component)?;
    let component = Fetching { client, output }.update(&slug, component).await?;
    output.progress("checking and trying what it is to become");
    let update = UpdateChallenge {
        component,
        grant: grant.unwrap_or_default(),
        version,
        by,
    };
    output.show(&client.challenge_update(&slug, &update).await?, view_text)
}

pub(crate) async fn roll_back(args: RollbackArgs, client: &Client, output: Output) -> anyhow::Result<()> {
    let RollbackArgs { slug, to, by } = args;
    let back = RollBackChallenge { to, by };
    Fetching { client, output }.roll_back(&slug, &back).await?;
    output.show(&client.challenge_roll_back(&slug, &back).await?, view_text)
}

pub(crate) async fn history(slug: &Slug, client: &Client, output: Output) -> anyhow::Result<()> {
    output.show(&client.challenge_versions(slug).await?, history_text)
}

fn history_text(list: &VersionList) -> String {
    let row = |version: &VersionView| {
        let digest = version.component_digest.or(version.manifest_digest);
        let at = Timestamp::from_millis(version.at.0.saturating_mul(1000));
        [
            at.to_string(),
            version.change.to_string(),
            version.version.clone(),
            digest.map(|digest| digest.to_string()).unwrap_or_default(),
            version.reference.to_string(),
            version.by.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = list.versions.iter().map(row).collect();
    table(["WHEN", "CHANGE", "VERSION", "DIGEST", "FROM", "BY"], &rows)
}
