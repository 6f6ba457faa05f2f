//! What host and compiling process say to each other, over one socket: a job and the component one way, a report
//! and the machine code the other. Texts are JSON behind their length, the rest is bytes.
//!
//! The host trusts nothing in a report but that it speaks of this component: what a component can make of its
//! compiler, it can make of the report.

use std::io::{self, Read, Write};

use platform_domain::Digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Limits, Needs};

/// What is to be done, and within which limits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) task: Task,
    /// Of the component that follows.
    pub(crate) digest: Digest,
    /// Its bytes.
    pub(crate) size: usize,
    pub(crate) limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Say what it shows.
    Look,
    /// The same, and compile it.
    Compile,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Looked(Found),
    Compiled {
        found: Found,
        /// Whom the code is for, see [`crate::cache::engine_mark`].
        engine: u64,
        /// Bytes of code, which follow.
        code: u64,
    },
    Refused(Refusal),
    OutOfMemory,
}

/// What a component shows, not yet judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    /// JSON, or what should be.
    pub(crate) manifest: Option<String>,
    pub(crate) needs: Needs,
}

/// What is wrong with a component, as far as it shows before or while it is compiled.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    OtherBytes(Digest),
    Malformed(String),
    TooManyNames,
    TwoManifests,
    LargeManifest(usize),
    Compile(String),
}

/// More than any job.
pub(crate) const MAX_JOB: u32 = 64 << 10;

/// Writes a text.
pub(crate) fn write<T: Serialize>(mut to: impl Write, value: &T) -> io::Result<()> {
    to.write_all(&framed(value)?)
}

/// A text with its length, as it is sent.
pub(crate) fn framed<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let length = u32::try_from(json.len()).map_err(|_| io::Error::other("a text without end"))?;
    Ok([&length.to_le_bytes()[..], &json].concat())
}

/// Reads a text of at most so many bytes.
pub(crate) fn read<T: DeserializeOwned>(mut from: impl Read, most: u32) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut json = vec![0; checked(u32::from_le_bytes(length), most)?];
    from.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// A length, if it is not too much.
pub(crate) fn checked(length: u32, most: u32) -> io::Result<usize> {
    if length > most {
        return Err(io::Error::other(format!("a text of {length} bytes")));
    }
    usize::try_from(length).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_end_is_not_read() {
        let mut sent = framed(&Report::Refused(Refusal::Compile("no".into()))).unwrap();
        assert!(read::<Report>(&sent[..], MAX_JOB).is_ok());
        assert!(read::<Report>(&sent[..sent.len() - 1], MAX_JOB).is_err());
        sent[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = read::<Report>(&sent[..], crate::limits::MAX_REPORT).unwrap_err();
        assert!(error.to_string().contains("4294967295"), "{error}");
    }
}
