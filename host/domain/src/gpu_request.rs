//! The GPUs that a challenge asks for, as its record states them.

use std::{collections::BTreeMap, collections::BTreeSet, fmt::Display};

use crate::{
    GpuCapability, GpuKind, GpuKindError, GpuServerId, GpuServerIdError, Labels, LabelsError,
    UnknownGpuCapability, gpu::number, limits::MAX_GPUS,
};

/// GPUs of one server. On the wire some keys of [`crate::Resources`]: `gpu_count` or `gpu_device_ids`, and with one of them
/// `gpu_server`, `gpu_kind`, `gpu_labels` and `gpu_capabilities`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuRequest {
    choice: GpuChoice,
    server: Option<GpuServerId>,
    kind: Option<GpuKind>,
    labels: Labels,
    capabilities: BTreeSet<GpuCapability>,
}

/// Which of a server's GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuChoice {
    /// So many, from 1 to [`MAX_GPUS`], whichever are free.
    Count(u16),
    /// Those of these numbers, at least one.
    Devices(BTreeSet<u16>),
}

/// Why a request for GPUs is refused. Each names the key that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuRequestError {
    /// None, too many, or no number.
    #[error("{key} is a whole number from 1 to {MAX_GPUS}")]
    Count {
        /// `gpu_count` or `gpus`.
        key: &'static str,
    },
    /// Both ways to write one number, and two numbers.
    #[error("gpu_count and gpus are two names for one number, and differ")]
    TwoCounts,
    /// Not numbers of GPUs.
    #[error("gpu_device_ids are the numbers of GPUs on their server, from 0 to {}, as in 0,1", MAX_GPUS - 1)]
    Devices,
    /// One GPU cannot be had twice.
    #[error("gpu_device_ids names GPU {0} twice")]
    RepeatedDevice(u16),
    /// Which of the two counts?
    #[error("gpu_count is {count}, and gpu_device_ids names {devices}")]
    CountAndDevices {
        /// What is said.
        count: u16,
        /// What is listed.
        devices: usize,
    },
    /// A wish without GPUs would be without effect.
    #[error("{key} says which GPUs; gpu_count or gpu_device_ids must say how many")]
    NoCount {
        /// What was given.
        key: &'static str,
    },
    /// No id of a server.
    #[error("gpu_server is no id: {0}")]
    Server(GpuServerIdError),
    /// No kind.
    #[error("gpu_kind is no kind: {0}")]
    Kind(GpuKindError),
    /// No labels.
    #[error("gpu_labels are no labels: {0}")]
    Labels(LabelsError),
    /// No capabilities.
    #[error("gpu_capabilities are no capabilities: {0}")]
    Capabilities(UnknownGpuCapability),
}

const COUNT: &str = "gpu_count";
const COUNT_TOO: &str = "gpus";
const DEVICES: &str = "gpu_device_ids";
const SERVER: &str = "gpu_server";
const KIND: &str = "gpu_kind";
const LABELS: &str = "gpu_labels";
const CAPABILITIES: &str = "gpu_capabilities";
/// What says nothing without a number.
const WISHES: [&str; 4] = [SERVER, KIND, LABELS, CAPABILITIES];

impl GpuRequest {
    /// The keys of the wire form.
    pub(crate) const KEYS: [&str; 7] = [COUNT, COUNT_TOO, DEVICES, SERVER, KIND, LABELS, CAPABILITIES];

    /// So many of this kind on a server with these labels: all that somebody may ask who is not an operator, and knows neither
    /// servers nor the numbers of their GPUs.
    pub fn of(count: u16, kind: Option<GpuKind>, labels: Labels) -> Result<Self, GpuRequestError> {
        match (1..=MAX_GPUS).contains(&count) {
            true => Ok(Self {
                choice: GpuChoice::Count(count),
                server: None,
                kind,
                labels,
                capabilities: BTreeSet::new(),
            }),
            false => Err(GpuRequestError::Count { key: COUNT }),
        }
    }

    /// Which GPUs.
    pub const fn choice(&self) -> &GpuChoice {
        &self.choice
    }

    /// On this server and no other.
    pub const fn server(&self) -> Option<&GpuServerId> {
        self.server.as_ref()
    }

    /// All of this kind.
    pub const fn kind(&self) -> Option<&GpuKind> {
        self.kind.as_ref()
    }

    /// On a server that has all of these.
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What the container's driver is to make available; the engine's default when there are none.
    pub const fn capabilities(&self) -> &BTreeSet<GpuCapability> {
        &self.capabilities
    }

    /// How many GPUs it takes.
    pub fn count(&self) -> u16 {
        match &self.choice {
            GpuChoice::Count(count) => *count,
            // Bounded by MAX_GPUS.
            GpuChoice::Devices(devices) => u16::try_from(devices.len()).unwrap_or(u16::MAX),
        }
    }

    /// The key by which GPUs are asked for: what an error names when there are to be none.
    pub const fn key(&self) -> &'static str {
        match self.choice {
            GpuChoice::Count(_) => COUNT,
            GpuChoice::Devices(_) => DEVICES,
        }
    }

    /// Reads the keys that are [`Self::KEYS`]; `None` when there are none of them.
    pub(crate) fn read(map: &BTreeMap<String, String>) -> Result<Option<Self>, GpuRequestError> {
        let get = |key| map.get(key).map(String::as_str);
        let count = match (
            read_count(COUNT, get(COUNT))?,
            read_count(COUNT_TOO, get(COUNT_TOO))?,
        ) {
            (Some(one), Some(other)) if one != other => return Err(GpuRequestError::TwoCounts),
            (one, other) => one.or(other),
        };
        let choice = match (count, get(DEVICES).map(read_devices).transpose()?) {
            (Some(count), Some(devices)) if usize::from(count) != devices.len() => {
                let devices = devices.len();
                return Err(GpuRequestError::CountAndDevices { count, devices });
            }
            (_, Some(devices)) => GpuChoice::Devices(devices),
            (Some(count), None) => GpuChoice::Count(count),
            (None, None) => match WISHES.into_iter().find(|key| map.contains_key(*key)) {
                Some(key) => return Err(GpuRequestError::NoCount { key }),
                None => return Ok(None),
            },
        };
        let capabilities = get(CAPABILITIES).into_iter().flat_map(|csv| csv.split(','));
        let capabilities = capabilities.map(|name| name.trim().parse());
        Ok(Some(Self {
            choice,
            server: parsed(get(SERVER), GpuRequestError::Server)?,
            kind: parsed(get(KIND), GpuRequestError::Kind)?,
            labels: parsed(get(LABELS), GpuRequestError::Labels)?.unwrap_or_default(),
            capabilities: capabilities
                .collect::<Result<_, _>>()
                .map_err(GpuRequestError::Capabilities)?,
        }))
    }

    /// What [`Self::read`] reads.
    pub(crate) fn write(self) -> BTreeMap<String, String> {
        let Self {
            choice,
            server,
            kind,
            labels,
            capabilities,
        } = self;
        let chosen = match choice {
            GpuChoice::Count(count) => (COUNT, count.to_string()),
            GpuChoice::Devices(devices) => (DEVICES, csv(&devices)),
        };
        let wishes = [
            (SERVER, server.map(|id| id.to_string())),
            (KIND, kind.map(|kind| kind.to_string())),
            (LABELS, (!labels.is_empty()).then(|| labels.to_string())),
            (
                CAPABILITIES,
                (!capabilities.is_empty()).then(|| csv(&capabilities)),
            ),
        ];
        let wishes = wishes.into_iter().filter_map(|(key, value)| Some((key, value?)));
        wishes
            .chain([chosen])
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

fn parsed<T: std::str::FromStr>(
    text: Option<&str>,
    error: fn(T::Err) -> GpuRequestError,
) -> Result<Option<T>, GpuRequestError> {
    text.map(|text| text.trim().parse().map_err(error)).transpose()
}

fn read_count(key: &'static str, text: Option<&str>) -> Result<Option<u16>, GpuRequestError> {
    let count = text.map(|text| number(text.trim()).ok_or(GpuRequestError::Count { key }));
    count.transpose()
}

fn read_devices(csv: &str) -> Result<BTreeSet<u16>, GpuRequestError> {
    let mut devices = BTreeSet::new();
    for text in csv.split(',').map(str::trim) {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let device = text.parse().ok().filter(|device| digits && *device < MAX_GPUS);
        let device = device.ok_or(GpuRequestError::Devices)?;
        if !devices.insert(device) {
            return Err(GpuRequestError::RepeatedDevice(device));
        }
    }
    Ok(devices)
}

fn csv<T: Display>(values: &BTreeSet<T>) -> String {
    values
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Resources;

    fn read(json: &str) -> Result<Option<GpuRequest>, String> {
        let resources = serde_json::from_str::<Resources>(json);
        resources.map(|it| it.gpu).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_is_written_as_it_is_read() {
        for (json, written) in [
            (r#"{"gpu_count":"2"}"#, r#"{"gpu_count":"2"}"#),
            (r#"{"gpus":" 64 "}"#, r#"{"gpu_count":"64"}"#),
            (r#"{"gpu_count":"2","gpus":"2"}"#, r#"{"gpu_count":"2"}"#),
            (r#"{"gpu_device_ids":"3, 0"}"#, r#"{"gpu_device_ids":"0,3"}"#),
            (
                r#"{"gpu_count":"2","gpu_device_ids":"0,3"}"#,
                r#"{"gpu_device_ids":"0,3"}"#,
            ),
            (
                r#"{"gpu_capabilities":"utility, compute","gpu_count":"1","gpu_kind":"A100","gpu_labels":"zone=eu, rack=7","gpu_server":"gpu-1"}"#,
                r#"{"gpu_capabilities":"compute,utility","gpu_count":"1","gpu_kind":"a100","gpu_labels":"rack=7,zone=eu","gpu_server":"gpu-1"}"#,
            ),
        ] {
            let resources: Resources = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&resources).unwrap(), written);
            assert_eq!(serde_json::from_str::<Resources>(written).unwrap(), resources);
        }
        assert_eq!(read(r#"{"memory":"1GiB"}"#), Ok(None));
        let request = read(r#"{"gpu_device_ids":"5,1"}"#).unwrap().unwrap();
        assert_eq!((request.count(), request.key()), (2, "gpu_device_ids"));
    }

    #[test]
    fn what_nobody_can_have_is_refused_by_name() {
        let devices = (0..=MAX_GPUS)
            .map(|device| device.to_string())
            .collect::<Vec<_>>()
            .join(",");
        let devices = format!(r#"{{"gpu_device_ids":"{devices}"}}"#);
        for (json, says) in [
            (r#"{"gpu_count":"0"}"#, "gpu_count is a whole number"),
            (r#"{"gpu_count":"65"}"#, "gpu_count is a whole number"),
            (r#"{"gpu_count":"two"}"#, "gpu_count is a whole number"),
            (r#"{"gpu_count":"+1"}"#, "gpu_count is a whole number"),
            (r#"{"gpu_count":"1.5"}"#, "gpu_count is a whole number"),
            (r#"{"gpus":"99999999999999999999"}"#, "gpus is a whole number"),
            (r#"{"gpu_count":"1","gpus":"2"}"#, "gpu_count and gpus"),
            (r#"{"gpu_device_ids":""}"#, "gpu_device_ids are the numbers"),
            (
                r#"{"gpu_device_ids":"GPU-8f2b"}"#,
                "gpu_device_ids are the numbers",
            ),
            (r#"{"gpu_device_ids":"0,"}"#, "gpu_device_ids are the numbers"),
            (&devices, "gpu_device_ids are the numbers"),
            (
                r#"{"gpu_device_ids":"1,0,1"}"#,
                "gpu_device_ids names GPU 1 twice",
            ),
            (
                r#"{"gpu_count":"1","gpu_device_ids":"0,1"}"#,
                "gpu_count is 1, and gpu_device_ids names 2",
            ),
            (r#"{"gpu_server":"gpu-1"}"#, "gpu_server says which"),
            (r#"{"gpu_kind":"a100"}"#, "gpu_kind says which"),
            (r#"{"gpu_count":"1","gpu_server":".."}"#, "gpu_server is no id"),
            (r#"{"gpu_count":"1","gpu_kind":""}"#, "gpu_kind is no kind"),
            (
                r#"{"gpu_count":"1","gpu_labels":"zone"}"#,
                "gpu_labels are no labels",
            ),
            (
                r#"{"gpu_count":"1","gpu_capabilities":"compute,fly"}"#,
                "gpu_capabilities are no",
            ),
            (
                r#"{"gpu_count":"1","gpu_capabilities":""}"#,
                "gpu_capabilities are no",
            ),
            (r#"{"gpu_color":"red"}"#, "unknown resource"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(says) && error.len() < 400, "{json}: {error}");
        }
    }
}
