//! Keeps as much as it can, in every way it knows, and says how far it came: `done`, and why not further.

mod database;
mod fill;
mod names;

use std::{fs, io};

use platform_guest_sdk::prelude::*;
use serde_json::{Value, json};

struct Disk;

#[challenge(name = "disk", data = exclusive, limits(disk = "16MiB"))]
impl Disk {
    /// Fills the disk in one of the ways of `fill`.
    #[post("/fill/{way}")]
    fn fill(request: &Request) -> Result<Json<Value>> {
        let way: String = request.param("way")?;
        let (done, refused) = match way.as_str() {
            "appends" => fill::appends(),
            "one-write" => fill::one_write(),
            "sizes" => fill::sizes(),
            "sparse" => fill::sparse(),
            "far" => fill::far(),
            "files" => fill::files(),
            "empty-files" => fill::empty_files(),
            "directories" => fill::directories(),
            "unlinked" => fill::unlinked(),
            "replaced" => fill::replaced(),
            "second-handle" => fill::second_handle(),
            "long-names" => fill::long_names(),
            "handles" => fill::handles(),
            "listings" => fill::listings(),
            _ => return Err(Error::not_found("no such way")),
        }?;
        Ok(Json(json!({ "done": done, "refused": refused.to_string() })))
    }

    /// Shrinks and grows one file for a long time, and never has more than a little.
    #[post("/games")]
    fn games(_: &Request) -> Result<()> {
        Ok(fill::games()?)
    }

    /// Fills the disk and is stopped with files open that have no name any more.
    #[post("/fill-and-trap")]
    fn fill_and_trap(_: &Request) -> Result<()> {
        let kept = fill::unlinked();
        panic!("on purpose, with {kept:?}");
    }

    /// Keeps a file open that has no name, for as long as the instance lives.
    #[post("/hoard")]
    fn hoard(_: &Request) -> Result<()> {
        Ok(fill::hoard()?)
    }

    /// What can be done with names, each attempt with `ok` or the error.
    #[post("/names")]
    fn names(_: &Request) -> Result<Json<Value>> {
        Ok(Json(names::attempts()?))
    }

    /// Writes one small file.
    #[post("/write")]
    fn write(_: &Request) -> Result<()> {
        Ok(fs::write("/data/small", "small")?)
    }

    /// Removes everything.
    #[post("/clear")]
    fn clear(_: &Request) -> Result<()> {
        for entry in fs::read_dir("/data")? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Adds rows to a database until it is full; says how many there are then, and what SQLite says.
    #[post("/database/fill")]
    fn database_fill(_: &Request) -> Result<Json<Value>> {
        let (rows, refused) = database::fill()?;
        Ok(Json(json!({ "done": rows, "refused": refused.to_string() })))
    }

    /// Removes half of the rows.
    #[post("/database/halve")]
    fn database_halve(_: &Request) -> Result<()> {
        Ok(database::halve()?)
    }

    /// Adds one row.
    #[post("/database/add")]
    fn database_add(_: &Request) -> Result<()> {
        Ok(database::add()?)
    }

    /// So many transactions of one small row each.
    #[post("/database/transactions/{many}")]
    fn database_transactions(request: &Request) -> Result<()> {
        Ok(database::transactions(request.param("many")?)?)
    }

    /// The number of rows, and what SQLite thinks of the file.
    #[get("/database")]
    fn database(_: &Request) -> Result<Json<Value>> {
        let (rows, integrity) = database::state()?;
        Ok(Json(json!({ "rows": rows, "integrity": integrity })))
    }

    /// Looks for so many rows as the body says, and tells how long it took, in nanoseconds.
    #[post("/points")]
    fn points(request: &Request) -> Result<String> {
        Ok(database::points(std::str::from_utf8(request.body())?.parse()?)?
            .as_nanos()
            .to_string())
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        Ok(Weights::new())
    }
}

/// How far it came, and what stopped it.
type Filled = io::Result<(u64, io::Error)>;
