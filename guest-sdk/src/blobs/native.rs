//! What stands for the host when an author's tests run natively: files in the directory of the harness, and their names in
//! its database. It refuses what the host would refuse; the host's limits of size and number are the operator's and are
//! not here.

mod file;
mod names;

use std::{fs, sync::Arc};

pub(crate) use file::{Download, Upload};
pub(crate) use names::TABLE;

use super::{BlobError, BlobInfo, MAX_LISTED, MAX_NAME_BYTES, MAX_OPEN};
use crate::{
    Environment,
    database::{
        DatabaseError,
        native::{self, Call, Held, Kind},
    },
};

/// One call's way to the blobs.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    call: Arc<Call>,
}

impl Blobs {
    pub(crate) fn open(environment: &Environment) -> Result<Self, BlobError> {
        let call = native::of(environment)?;
        Ok(Self { call })
    }

    pub(crate) fn upload(&self) -> Result<Upload, BlobError> {
        let held = self.hold()?;
        let number = self.call.store.number();
        Upload::start(self.clone(), number, self.call.store.place(number), held)
    }

    pub(crate) fn download(&self, name: &str) -> Result<(Download, BlobInfo), BlobError> {
        let held = self.hold()?;
        loop {
            let (number, info) = self.find(name)?.ok_or(BlobError::NotFound)?;
            // Without its file it was replaced or deleted since it was found.
            if let Some(file) = file::open(&self.call.store.place(number))? {
                return Ok((Download::new(file, held), info));
            }
        }
    }

    pub(crate) fn stat(&self, name: &str) -> Result<Option<BlobInfo>, BlobError> {
        Ok(self.find(name)?.map(|(_, info)| info))
    }

    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: u32,
    ) -> Result<Vec<BlobInfo>, BlobError> {
        let (reader, most) = (self.call.reader()?, most.min(MAX_LISTED));
        Ok(reader.trusted(|sqlite| names::list(sqlite, prefix, after, most))?)
    }

    pub(crate) fn delete(&self, name: &str) -> Result<bool, BlobError> {
        let gone = self
            .call
            .writer()?
            .trusted(|sqlite| names::delete(sqlite, name))?;
        self.remove(gone)?;
        Ok(gone.is_some())
    }

    /// Gives the file with this number, which is complete, its name. Says when.
    fn name(&self, number: i64, info: &BlobInfo) -> Result<u64, BlobError> {
        check_name(&info.name)?;
        let writer = self.call.writer()?;
        let (before, stored_at) = writer.trusted(|sqlite| names::give(sqlite, number, info))?;
        self.remove(before)?;
        Ok(stored_at)
    }

    fn find(&self, name: &str) -> Result<Option<(i64, BlobInfo)>, BlobError> {
        let reader = self.call.reader()?;
        Ok(reader.trusted(|sqlite| names::find(sqlite, name))?)
    }

    /// Removes the file of a blob that has no name any more. Whoever reads it goes on.
    fn remove(&self, number: Option<i64>) -> Result<(), BlobError> {
        match number {
            Some(number) => fs::remove_file(self.call.store.place(number)).map_err(file::failed),
            None => Ok(()),
        }
    }

    fn hold(&self) -> Result<Held, BlobError> {
        let too_many = || BlobError::Misuse(format!("a call has at most {MAX_OPEN} blobs open"));
        self.call.hold(Kind::Blob).ok_or_else(too_many)
    }
}

/// As the host tells it.
impl From<DatabaseError> for BlobError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Sqlite { message, .. } => Self::Failed(message),
            other => Self::Failed(other.to_string()),
        }
    }
}

fn check_name(name: &str) -> Result<(), BlobError> {
    match name.len() {
        0 => Err(BlobError::Misuse("a name is not empty".to_owned())),
        length if length > MAX_NAME_BYTES => {
            let message = format!("a name has at most {MAX_NAME_BYTES} bytes, this has {length}");
            Err(BlobError::Misuse(message))
        }
        _ => Ok(()),
    }
}
