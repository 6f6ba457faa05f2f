//! What a challenge may use, as the record states it.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{GpuRequest, GpuRequestError, emission::parse_decimal, limits::MAX_PIDS, text::serde_as_text};

/// A number of bytes; the text form is a whole number with `KiB`, `MiB` or `GiB` (also `k`, `m`, `g`, which
/// mean the same, as Docker has them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// What a challenge may use. On the wire a map of text to text, as in the original platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Resources {
    /// `memory`: the most memory one call (component) or the container may have.
    pub memory: Option<ByteSize>,
    /// `disk`: the most a component may keep in its data directory.
    pub disk: Option<ByteSize>,
    /// `database`: the most a component may keep in its database.
    pub database: Option<ByteSize>,
    /// `blobs`: the most a component may keep as blobs.
    pub blobs: Option<ByteSize>,
    /// `cpu` or `cpus`: cores, containers only.
    pub cpu: Option<Decimal>,
    /// `pids`: processes and threads at the same time, containers only.
    pub pids: Option<NonZeroU32>,
    /// `shm`: the size of `/dev/shm`, through which processes of one program pass on what they have in memory, containers
    /// only. What is in it counts as memory.
    pub shm: Option<ByteSize>,
    /// `gpu_*`: GPUs of a server, containers only.
    pub gpu: Option<GpuRequest>,
}

/// Why a resource is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    /// The host knows no such resource, so it could not enforce it.
    #[error(
        "unknown resource {0:?}; known are memory, disk, database, blobs, cpu, pids, shm, {keys}",
        keys = GPU_KEYS.join(", ")
    )]
    Unknown(String),
    /// Not a size.
    #[error("{0} is not a size; write for example 256MiB")]
    Size(&'static str),
    /// Not a positive number.
    #[error("{0} is not a positive number")]
    Number(&'static str),
    /// None, more than there are, or no number.
    #[error("pids is a whole number from 1 to {MAX_PIDS}")]
    Pids,
    /// It could never be full.
    #[error("shm is a part of memory, and cannot be larger")]
    ShmBeyondMemory,
    /// The GPUs.
    #[error(transparent)]
    Gpu(#[from] GpuRequestError),
}

const GPU_KEYS: [&str; 7] = GpuRequest::KEYS;

impl TryFrom<BTreeMap<String, String>> for Resources {
    type Error = ResourcesError;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, ResourcesError> {
        let mut resources = Self::default();
        let mut gpu = BTreeMap::new();
        for (key, value) in map {
            match key.as_str() {
                "memory" => resources.memory = Some(value.parse()?),
                "disk" => {
                    let size = value.parse().map_err(|_| ResourcesError::Size("disk"))?;
                    resources.disk = Some(size);
                }
                "database" => {
                    let size = value.parse().map_err(|_| ResourcesError::Size("database"))?;
                    resources.database = Some(size);
                }
                "blobs" => {
                    let size = value.parse().map_err(|_| ResourcesError::Size("blobs"))?;
                    resources.blobs = Some(size);
                }
                "cpu" | "cpus" => {
                    let cores = parse_decimal(&value).filter(|cores| *cores > Decimal::ZERO);
                    resources.cpu = Some(cores.ok_or(ResourcesError::Number("cpu"))?);
                }
                "pids" => resources.pids = Some(read_pids(&value)?),
                "shm" => {
                    let size = value.parse().map_err(|_| ResourcesError::Size("shm"))?;
                    resources.shm = Some(size);
                }
                known if GPU_KEYS.contains(&known) => drop(gpu.insert(key, value)),
                _ => return Err(ResourcesError::Unknown(key.chars().take(40).collect())),
            }
        }
        if resources
            .memory
            .zip(resources.shm)
            .is_some_and(|(memory, shm)| shm > memory)
        {
            return Err(ResourcesError::ShmBeyondMemory);
        }
        resources.gpu = GpuRequest::read(&gpu)?;
        Ok(resources)
    }
}

impl From<Resources> for BTreeMap<String, String> {
    fn from(resources: Resources) -> Self {
        let Resources {
            memory,
            disk,
            database,
            blobs,
            cpu,
            pids,
            shm,
            gpu,
        } = resources;
        let mut map = gpu.map(GpuRequest::write).unwrap_or_default();
        map.extend(memory.map(|size| ("memory".to_owned(), size.to_string())));
        map.extend(disk.map(|size| ("disk".to_owned(), size.to_string())));
        map.extend(database.map(|size| ("database".to_owned(), size.to_string())));
        map.extend(blobs.map(|size| ("blobs".to_owned(), size.to_string())));
        map.extend(cpu.map(|cores| ("cpu".to_owned(), cores.to_string())));
        map.extend(pids.map(|pids| ("pids".to_owned(), pids.to_string())));
        map.extend(shm.map(|size| ("shm".to_owned(), size.to_string())));
        map
    }
}

fn read_pids(text: &str) -> Result<NonZeroU32, ResourcesError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let pids = text
        .parse()
        .ok()
        .filter(|pids: &NonZeroU32| digits && pids.get() <= MAX_PIDS);
    pids.ok_or(ResourcesError::Pids)
}

impl FromStr for ByteSize {
    type Err = ResourcesError;

    fn from_str(text: &str) -> Result<Self, ResourcesError> {
        const ERROR: ResourcesError = ResourcesError::Size("memory");
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            _ => return Err(ERROR),
        };
        let number: u64 = digits.parse().map_err(|_| ERROR)?;
        number
            .checked_mul(factor)
            .filter(|size| *size > 0)
            .map(Self)
            .ok_or(ERROR)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units
            .into_iter()
            .find(|(shift, _)| self.0.trailing_zeros() >= *shift && self.0 > 0)
        {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

serde_as_text!(ByteSize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_with_a_binary_unit() {
        for (text, bytes, shown) in [
            ("256MiB", 256 << 20, "256MiB"),
            ("4g", 4 << 30, "4GiB"),
            ("1000", 1000, "1000"),
            ("2048", 2048, "2KiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string()), (bytes, shown.to_owned()));
        }
        for bad in [
            "",
            "MiB",
            "0",
            "-1",
            "1.5g",
            "99999999999999999999",
            "17179869184GiB",
            "1 TB",
        ] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_resource_that_cannot_be_enforced_is_refused_by_name() {
        let parse = |json: &str| serde_json::from_str::<Resources>(json).map_err(|e| e.to_string());
        let all = r#"{"blobs":"3GiB","cpu":"1.5","database":"2GiB","disk":"1GiB","gpu_count":"2","memory":"64MiB","pids":"512","shm":"32MiB"}"#;
        assert_eq!(serde_json::to_string(&parse(all).unwrap()).unwrap(), all);
        let unknown = parse(r#"{"swap":"1g"}"#).unwrap_err();
        assert!(
            unknown.contains("swap") && unknown.contains("gpu_labels"),
            "{unknown}"
        );
        assert!(parse(r#"{"shm":"much"}"#).unwrap_err().contains("shm"));
        assert!(
            parse(r#"{"memory":"1g","shm":"1025m"}"#)
                .unwrap_err()
                .contains("shm is a part of memory")
        );
        assert!(parse(r#"{"memory":"1g","shm":"1g"}"#).is_ok());
        for bad in ["0", "-1", "+1", "many", "4194305", "99999999999"] {
            let error = parse(&format!(r#"{{"pids":"{bad}"}}"#)).unwrap_err();
            assert!(error.contains("pids is a whole number"), "{error}");
        }
        assert!(parse(r#"{"disk":"much"}"#).unwrap_err().contains("disk"));
        assert!(parse(r#"{"cpu":"0"}"#).unwrap_err().contains("cpu"));
        assert!(parse(&format!(r#"{{"cpu":"{}"}}"#, "9".repeat(1 << 20))).is_err());
        assert!(parse(r#"{"memory":1}"#).is_err());
    }
}
