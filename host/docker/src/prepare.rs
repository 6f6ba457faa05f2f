//! What is in a container's volumes before it starts: secrets, what a job is given, and whose the volumes are.
//!
//! An engine puts files only where a container could write, and the real one must not write to its secrets. So there is a second
//! container of the same image that has the same volumes, is never started and removed at once: nothing of the image runs,
//! and nothing of the engine's machine is mounted anywhere.

use std::{collections::HashMap, io};

use bollard::models::{ContainerCreateBody, ContainerCreateResponse, HostConfig, Mount, MountVolumeOptions};
use tar::{Builder, EntryType, Header};

use crate::{
    ContainerSpec, Engine, EngineError, Image, Kind, UNTIL, User,
    clock::soon,
    labels::ours,
    limits::{CHANGE, UPLOAD},
    refusal::Subject,
    spec::volume_mount,
};

/// Where the helper has them. No image has this.
const ROOT: &str = "/.platform-prepare";
const SECRETS: &str = "secrets";

/// More files for volumes, beside secrets.
#[derive(Default)]
pub(crate) struct Files<'a> {
    /// By volume: entries of a tar archive, whose paths are relative.
    pub(crate) of: HashMap<&'a str, &'a [crate::archive::Member]>,
}

impl Engine {
    /// Fills what has to be filled. Nothing is done where nothing is.
    pub(crate) async fn prepare(
        &self,
        spec: &ContainerSpec,
        image: &Image,
        user: &User,
        files: &Files<'_>,
    ) -> Result<(), EngineError> {
        let gives_away = matches!(user, User::Id { uid, .. } if *uid != 0);
        if spec.secrets.is_empty() && (spec.volumes.is_empty() || !gives_away) && files.of.is_empty() {
            return Ok(());
        }
        let archive = packed(spec, user, files).map_err(EngineError::protocol)?;
        let name = helper_of(&spec.name);
        // Of a host that was killed.
        self.remove(&spec.owner, &name).await?;
        let subject = Subject::Container(&name);
        let path = format!("/containers/create?name={name}");
        let body = helper(spec, image);
        let made = self.post::<ContainerCreateResponse>(CHANGE, &path, &body, None, subject);
        made.await?;
        let path = format!("/containers/{name}/archive?path={ROOT}");
        let sent = self.put_archive(UPLOAD, &path, archive, subject).await;
        // Both, and what failed first counts.
        let removed = self.remove(&spec.owner, &name).await;
        sent.and(removed)
    }
}

/// The name of the one that fills the volumes of a container.
pub(crate) fn helper_of(container: &str) -> String {
    format!("{container}.helper")
}

fn helper(spec: &ContainerSpec, image: &Image) -> ContainerCreateBody {
    let mut labels = ours(&spec.owner, Kind::Helper, &spec.slug);
    labels.insert(UNTIL.to_owned(), soon().0.to_string());
    let volumes = spec.volumes.keys().enumerate();
    let mut mounts: Vec<Mount> = volumes
        .map(|(at, volume)| empty_mount(volume, &format!("{ROOT}/{at}")))
        .collect();
    let secrets = spec.secrets_volume();
    mounts.extend(secrets.map(|volume| empty_mount(&volume, &format!("{ROOT}/{SECRETS}"))));
    ContainerCreateBody {
        image: Some(image.id.clone()),
        // Never run, but an engine wants one.
        entrypoint: Some(vec!["/nothing".to_owned()]),
        network_disabled: Some(true),
        labels: Some(labels.into_iter().collect()),
        host_config: Some(HostConfig {
            mounts: Some(mounts),
            network_mode: Some("none".to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// Into which nothing of the image is copied.
fn empty_mount(volume: &str, target: &str) -> Mount {
    Mount {
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..volume_mount(volume, target)
    }
}

/// Everything in one archive. What an engine unpacks gets the owners and the modes that are in it.
fn packed(spec: &ContainerSpec, user: &User, files: &Files<'_>) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let (owner, only_mine) = match user {
        User::Id { uid, gid } => ((*uid, *gid), true),
        User::Named(_) => ((0, 0), false),
    };
    for (at, volume) in spec.volumes.keys().enumerate() {
        let members = files.of.get(volume.as_str());
        if only_mine || members.is_some() {
            append(&mut tar, &format!("{at}/"), owner, 0o755, None)?;
        }
        for member in members.into_iter().copied().flatten() {
            let path = format!("{at}/{}", member.path);
            append(&mut tar, &path, owner, member.mode(), member.content.as_deref())?;
        }
    }
    if !spec.secrets.is_empty() {
        let (dir_mode, mode) = if only_mine { (0o500, 0o400) } else { (0o555, 0o444) };
        append(&mut tar, &format!("{SECRETS}/"), owner, dir_mode, None)?;
        for (name, value) in &spec.secrets {
            append(
                &mut tar,
                &format!("{SECRETS}/{name}"),
                owner,
                mode,
                Some(value.reveal()),
            )?;
        }
    }
    tar.into_inner()
}

fn append(
    tar: &mut Builder<Vec<u8>>,
    path: &str,
    (uid, gid): (u32, u32),
    mode: u32,
    content: Option<&[u8]>,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(match content {
        Some(_) => EntryType::Regular,
        None => EntryType::Directory,
    });
    let content = content.unwrap_or_default();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_uid(uid.into());
    header.set_gid(gid.into());
    header.set_mtime(0);
    tar.append_data(&mut header, path, content)
}
