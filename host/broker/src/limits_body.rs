//! What a job may use, as the original's clients write it. They write all of their defaults, so what is the same as ours passes, and
//! what is looser is refused by name.

use platform_domain::{ByteSize, GpuRequest, Labels};
use platform_jobs::{
    AskedLimits, JobNetwork,
    limits::{JOB_OPEN_FILES, JOB_TMP_BYTES},
};
use serde::Deserialize;

use crate::{BrokerError, refusal::only};

/// What `limits` of a run ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) limits: AskedLimits,
    pub(crate) gpus: Option<GpuRequest>,
    pub(crate) network: JobNetwork,
}

/// `limits` of a run.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsBody {
    cpus: Option<f64>,
    memory: Option<String>,
    /// Without effect: no job has swap.
    memory_swap: Option<String>,
    pids_limit: Option<u32>,
    gpu_count: Option<u32>,
    network: Option<String>,
    read_only: Option<bool>,
    user: Option<String>,
    tmpfs: Vec<String>,
    ulimits: Vec<String>,
    cap_drop: Option<Vec<String>>,
    security_opt: Option<Vec<String>>,
    init: Option<bool>,
    privileged: bool,
}

impl LimitsBody {
    pub(crate) fn read(self) -> Result<Wanted, BrokerError> {
        let Self {
            cpus,
            memory,
            memory_swap,
            pids_limit,
            gpu_count,
            network,
            read_only,
            user,
            tmpfs,
            ulimits,
            cap_drop,
            security_opt,
            init,
            privileged,
        } = self;
        if privileged {
            return Err(BrokerError::privileged());
        }
        let refuse = |reason: &str| Err(BrokerError::refused(reason));
        if read_only == Some(false) {
            return refuse("read_only can only be true");
        }
        if user.is_some() {
            return refuse("user cannot be chosen: a job runs as its image says, and never as root");
        }
        if init == Some(false) {
            return refuse("init can only be true");
        }
        if cap_drop.is_some_and(|dropped| dropped != ["ALL"]) {
            return refuse(r#"cap_drop can only be ["ALL"]"#);
        }
        let options = ["no-new-privileges", "no-new-privileges:true"];
        if security_opt
            .is_some_and(|set| set.len() != 1 || !set.iter().all(|one| options.contains(&one.as_str())))
        {
            return refuse(r#"security_opt can only be ["no-new-privileges"]"#);
        }
        tmpfs.iter().try_for_each(|one| scratch(one))?;
        ulimits.iter().try_for_each(|one| ulimit(one))?;
        only("network", network.as_deref(), &["none", "bridge"])?;
        let network = match network.as_deref() {
            Some("bridge") => JobNetwork::World,
            _ => JobNetwork::None,
        };
        memory_swap
            .as_deref()
            .map(|text| size("memory_swap", text))
            .transpose()?;
        let limits = AskedLimits {
            milli_cpus: cpus.map(thousandths).transpose()?,
            memory: memory.as_deref().map(|text| size("memory", text)).transpose()?,
            pids: pids_limit,
        };
        // The original's clients write none as a number too.
        let gpus = gpu_count
            .filter(|count| *count > 0)
            .map(gpu_request)
            .transpose()?;
        Ok(Wanted {
            limits,
            gpus,
            network,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "its range was checked just before"
)]
fn thousandths(cpus: f64) -> Result<u32, BrokerError> {
    match cpus.is_finite() && (0.001..1_000_000.0).contains(&cpus) {
        true => Ok((cpus * 1000.0).ceil() as u32),
        false => Err(BrokerError::refused("cpus is a number of cores, more than none")),
    }
}

fn gpu_request(count: u32) -> Result<GpuRequest, BrokerError> {
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    GpuRequest::of(count, None, Labels::default()).map_err(|error| BrokerError::refused(error.to_string()))
}

fn size(field: &str, text: &str) -> Result<ByteSize, BrokerError> {
    text.parse()
        .map_err(|_| BrokerError::refused(format!("{field} is not a size; write for example 256m")))
}

/// `/tmp` and its options, none of which loosens what a job has.
fn scratch(text: &str) -> Result<(), BrokerError> {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    let fits = |option: &str| match option.split_once('=') {
        None => matches!(option, "" | "rw" | "noexec" | "nosuid" | "nodev"),
        Some(("size", size)) => size.parse::<ByteSize>().is_ok_and(|size| size.0 <= JOB_TMP_BYTES),
        Some(_) => false,
    };
    match path == "/tmp" && options.split(',').all(fits) {
        true => Ok(()),
        false => Err(BrokerError::refused(
            "tmpfs can only be /tmp:rw,noexec,nosuid,nodev,size=512m, or smaller",
        )),
    }
}

fn ulimit(text: &str) -> Result<(), BrokerError> {
    let numbers = text.strip_prefix("nofile=").unwrap_or_default();
    let fits = |number: &str| {
        number
            .parse::<u64>()
            .is_ok_and(|number| (1..=JOB_OPEN_FILES).contains(&number))
    };
    match !numbers.is_empty() && numbers.split(':').count() <= 2 && numbers.split(':').all(fits) {
        true => Ok(()),
        false => Err(BrokerError::refused(format!(
            "ulimits can only be nofile, and at most {JOB_OPEN_FILES}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Wanted, String> {
        let body: LimitsBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        body.read().map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn what_clients_of_the_original_send_by_themselves_passes() {
        let all = r#"{"cpus":2.0,"memory":"4g","memory_swap":"4g","pids_limit":512,"gpu_count":null,"network":"none",
            "read_only":true,"user":null,"tmpfs":["/tmp:rw,noexec,nosuid,size=512m"],"ulimits":["nofile=1024:1024"],
            "cap_drop":["ALL"],"security_opt":["no-new-privileges"],"init":true}"#;
        let limits = AskedLimits {
            milli_cpus: Some(2000),
            memory: Some(ByteSize(4 << 30)),
            pids: Some(512),
        };
        let wanted = Wanted {
            limits,
            ..Wanted::default()
        };
        assert_eq!(read(all), Ok(wanted));
        assert_eq!(read("{}"), Ok(Wanted::default()));
        assert_eq!(read(r#"{"gpu_count":0}"#), Ok(Wanted::default()));
        let more = read(r#"{"network":"bridge","cpus":0.0015,"gpu_count":2}"#).unwrap();
        assert_eq!(more.limits.milli_cpus, Some(2));
        assert_eq!(more.network, JobNetwork::World);
        assert_eq!(more.gpus.unwrap().count(), 2);
    }

    #[test]
    fn what_is_looser_is_refused_by_name() {
        for (json, word) in [
            (r#"{"cpus":0}"#, "cpus"),
            (r#"{"cpus":-1}"#, "cpus"),
            (r#"{"cpus":1e300}"#, "cpus"),
            (r#"{"memory":"lots"}"#, "memory"),
            (r#"{"memory_swap":"lots"}"#, "memory_swap"),
            (r#"{"pids_limit":-1}"#, "-1"),
            (r#"{"gpu_count":65}"#, "gpu_count"),
            (r#"{"gpu_count":4294967295}"#, "gpu_count"),
            (r#"{"gpu_device_ids":"0"}"#, "gpu_device_ids"),
            (r#"{"network":"host"}"#, "network"),
            (r#"{"network":"container:challenge-other"}"#, "network"),
            (r#"{"network":"challenge-other"}"#, "network"),
            (r#"{"read_only":false}"#, "read_only"),
            (r#"{"user":"0:0"}"#, "user"),
            (r#"{"user":"1000"}"#, "user"),
            (r#"{"tmpfs":["/tmp:exec"]}"#, "tmpfs"),
            (r#"{"tmpfs":["/tmp:size=513m"]}"#, "tmpfs"),
            (r#"{"tmpfs":["/etc:rw"]}"#, "tmpfs"),
            (r#"{"ulimits":["nofile=1048576:1048576"]}"#, "ulimits"),
            (r#"{"ulimits":["core=0"]}"#, "ulimits"),
            (r#"{"ulimits":["nofile=1:2:3"]}"#, "ulimits"),
            (r#"{"cap_drop":[]}"#, "cap_drop"),
            (r#"{"cap_add":["SYS_ADMIN"]}"#, "cap_add"),
            (r#"{"security_opt":[]}"#, "security_opt"),
            (
                r#"{"security_opt":["no-new-privileges","seccomp=unconfined"]}"#,
                "security_opt",
            ),
            (r#"{"init":false}"#, "init"),
            (r#"{"privileged":true}"#, "privileged"),
            (r#"{"devices":["/dev/sda"]}"#, "devices"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
