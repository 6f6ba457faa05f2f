//! By which engines tell what is this host's: made once, and kept beside the database.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use platform_docker::Owner;

/// Reads the id, or makes one. Two hosts with the same would end each other's containers, so a copied state directory is for
/// another host only without this file.
pub(crate) fn load_or_create(path: &Path) -> anyhow::Result<Owner> {
    let context = || format!("the id of this host in {} cannot be used", path.display());
    match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().with_context(context),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
            let id = hex::encode(bytes);
            let mut new = fs::OpenOptions::new();
            let mut file = new
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .with_context(context)?;
            file.write_all(id.as_bytes())
                .and_then(|()| file.sync_all())
                .with_context(context)?;
            id.parse().with_context(context)
        }
        Err(error) => Err(error).with_context(context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_id_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.id");
        let first = load_or_create(&path).unwrap();
        assert_eq!(first.as_str().len(), 32);
        assert_eq!(load_or_create(&path).unwrap(), first);
        fs::write(&path, "UPPER").unwrap();
        assert!(load_or_create(&path).is_err(), "it is not replaced by another");
    }
}
