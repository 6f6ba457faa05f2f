//! The SQL scripts that `migrations("...")` names.

use std::{fs, io, path::Path};

use syn::{
    Error, LitStr, Result, parenthesized,
    parse::{Parse, ParseStream},
};

use crate::options::comma;

/// The scripts of a challenge's database, in order.
#[derive(Default)]
pub(crate) struct Migrations(Vec<Migration>);

struct Migration {
    /// As the author wrote it, from the folder of his `Cargo.toml`.
    path: LitStr,
    sql: String,
}

impl Migrations {
    pub(crate) fn paths(&self) -> impl Iterator<Item = &LitStr> {
        self.0.iter().map(|migration| &migration.path)
    }

    pub(crate) fn scripts(&self) -> Vec<&str> {
        self.0.iter().map(|migration| migration.sql.as_str()).collect()
    }
}

/// The files are read at once: the manifest has what is in them.
impl Parse for Migrations {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let inside;
        parenthesized!(inside in input);
        let mut migrations: Vec<Migration> = Vec::new();
        while !inside.is_empty() {
            let path: LitStr = inside.parse()?;
            if migrations
                .iter()
                .any(|earlier| earlier.path.value() == path.value())
            {
                return Err(Error::new(path.span(), "written twice"));
            }
            let refuse = |reason| Error::new(path.span(), reason);
            // Cargo sets it for the crate that is being compiled, which is the author's.
            let root = std::env::var_os("CARGO_MANIFEST_DIR")
                .ok_or_else(|| refuse("not built by cargo: the file is not found".to_owned()))?;
            let sql = read(Path::new(&root), &path.value()).map_err(refuse)?;
            migrations.push(Migration { path, sql });
            comma(&inside)?;
        }
        Ok(Self(migrations))
    }
}

fn read(root: &Path, path: &str) -> std::result::Result<String, String> {
    if Path::new(path).is_absolute() {
        return Err("write the path from the folder of Cargo.toml: \"migrations/0001_first.sql\"".to_owned());
    }
    let file = root.join(path);
    let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "there is no file {}; make it, or correct the path",
                file.display()
            )
        }
        io::ErrorKind::InvalidData => format!("{path} is not UTF-8; save it as UTF-8"),
        _ => format!("{} cannot be read: {error}", file.display()),
    })?;
    match text.trim().is_empty() {
        false => Ok(text),
        true => Err(format!(
            "{path} is empty; write its SQL, or take it out of the list"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_script_is_refused_with_what_to_do() {
        let root = std::env::temp_dir().join(format!("platform-migrations-{}", std::process::id()));
        fs::create_dir_all(root.join("folder")).unwrap();
        for (name, content, says) in [
            ("good.sql", &b"SELECT 1"[..], None),
            ("empty.sql", b"", Some("is empty; write its SQL")),
            ("blank.sql", b" \r\n\t", Some("is empty; write its SQL")),
            ("latin.sql", b"SELECT '\xfc'", Some("save it as UTF-8")),
        ] {
            fs::write(root.join(name), content).unwrap();
            let error = read(&root, name).err();
            let fits = says.map(|says| error.as_ref().is_some_and(|error| error.contains(says)));
            assert!(fits.unwrap_or(error.is_none()), "{name}: {error:?}");
        }
        let no_file = read(&root, "none.sql").unwrap_err();
        assert!(no_file.contains("none.sql; make it"), "{no_file}");
        let absolute = read(&root, root.join("good.sql").to_str().unwrap()).unwrap_err();
        assert!(absolute.contains("from the folder of Cargo.toml"), "{absolute}");
        assert!(read(&root, "folder").unwrap_err().contains("cannot be read"));
        fs::remove_dir_all(root).unwrap();
    }
}
