//! What an engine is sent, to the letter, and what is not sent at all.

use platform_domain::PlainToken;
use serde_json::{Value, json};

use super::*;
use crate::{
    Platform,
    limits::{GPUS, MAX_CONTAINER_MILLI_CPUS, SECRET_BYTES},
};

fn image(user: &str) -> Image {
    Image {
        id: format!("sha256:{}", "ab".repeat(32)),
        repo_digests: vec![],
        user: user.to_owned(),
        exposed_ports: vec![],
        volumes: vec![],
        platform: Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
        },
        size: ByteSize(1),
    }
}

fn challenge() -> ContainerSpec {
    let secret = ("api-key".parse().unwrap(), SecretValue::new(b"hunter2".to_vec()));
    let slug = "prism-2".parse().unwrap();
    let token = PlainToken::from_text("plt_token");
    let mut spec = ContainerSpec::challenge("host-1".parse().unwrap(), slug, &token, [secret]);
    spec.version = "1.2.3".to_owned();
    spec
}

#[test]
fn a_challenge_is_as_closed_as_an_engine_can_make_it() {
    let plan = challenge().plan(&image("app")).unwrap();
    let expected = json!({
        "Image": format!("sha256:{}", "ab".repeat(32)),
        "Hostname": "challenge-prism-2",
        "User": "app",
        "Env": [
            "API_KEY_FILE=/run/secrets/platform/api-key",
            "CHALLENGE_DATABASE_URL=sqlite+aiosqlite:////data/challenge.sqlite3",
            "CHALLENGE_SHARED_TOKEN_FILE=/run/secrets/platform/challenge_token",
            "PLATFORM_CHALLENGE_SLUG=prism-2",
            "NVIDIA_VISIBLE_DEVICES=void",
        ],
        "ExposedPorts": { "8000/tcp": {} },
        "Healthcheck": { "Test": ["NONE"] },
        "Labels": {
            "platform.owner": "host-1",
            "platform.component": "challenge",
            "platform.challenge.slug": "prism-2",
            "platform.challenge.version": "1.2.3",
            "platform.spec": plan.spec_digest().to_string(),
        },
        "NetworkingConfig": { "EndpointsConfig": { "challenge-prism-2": {} } },
        "HostConfig": {
            "NetworkMode": "challenge-prism-2",
            "Mounts": [
                { "Type": "volume", "Source": "platform_prism_2_sqlite", "Target": "/data", "ReadOnly": false },
                {
                    "Type": "volume", "Source": "challenge-prism-2.secrets", "Target": "/run/secrets/platform",
                    "ReadOnly": true, "VolumeOptions": { "NoCopy": true },
                },
            ],
            "Tmpfs": { "/tmp": "rw,noexec,nosuid,nodev,size=536870912,mode=1777" },
            "ReadonlyRootfs": true,
            "CapDrop": ["ALL"],
            "CapAdd": [],
            "SecurityOpt": ["no-new-privileges:true"],
            "Memory": 4_294_967_296_i64,
            "MemorySwap": 4_294_967_296_i64,
            "NanoCpus": 2_000_000_000_i64,
            "PidsLimit": 512,
            "Ulimits": [
                { "Name": "nofile", "Soft": 4096, "Hard": 4096 },
                { "Name": "core", "Soft": 0, "Hard": 0 },
            ],
            "Init": true,
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "10m", "max-file": "3" } },
            "RestartPolicy": { "Name": "no" },
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "Privileged": false,
            "PublishAllPorts": false,
            "AutoRemove": false,
        },
    });
    assert_eq!(plan.to_json(), expected);
    assert!(!plan.to_json().to_string().contains("hunter2"));
    assert!(!format!("{:?}", challenge()).contains("hunter2"));
}

#[test]
fn what_an_operator_allows_is_in_the_request_and_is_shown() {
    let mut spec = challenge();
    spec.loosened = Loosened::ALL.into();
    spec.limits = ContainerLimits {
        memory: ByteSize(8 << 30),
        milli_cpus: 16_000,
        pids: 4096,
        shm: Some(ByteSize(1 << 30)),
    };
    spec.env
        .insert("NVIDIA_VISIBLE_DEVICES".to_owned(), "all".to_owned());
    spec.gpus = Some(Gpu::Ids(["GPU-1".to_owned(), "0".to_owned()].into()));
    let sent = spec.plan(&image("")).unwrap().to_json();
    assert_eq!(sent["User"], "0:0");
    let host = &sent["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], false);
    assert_eq!(host["ShmSize"], 1 << 30);
    assert!(
        host["Tmpfs"]["/tmp"]
            .as_str()
            .unwrap()
            .starts_with("rw,exec,nosuid")
    );
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(
        host["CapAdd"],
        json!(["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"])
    );
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]));
    assert_eq!(host["PortBindings"], Value::Null, "nothing can be published");
    let request = json!([{ "Driver": "", "DeviceIDs": ["0", "GPU-1"], "Capabilities": [["gpu"]] }]);
    assert_eq!(host["DeviceRequests"], request);
    assert_eq!(host["Privileged"], false);
    // Which GPUs it sees nobody says but the engine.
    assert!(!sent["Env"].to_string().contains("NVIDIA_VISIBLE_DEVICES"));
    assert_eq!(spec.outside(), Outside::Open);
    let shown = spec.shown();
    assert_eq!(shown.len(), Loosened::ALL.len() + 3);
    assert_eq!(
        shown[Loosened::ALL.len()..],
        ["memory 8GiB", "16000 thousandths of a core", "4096 processes"]
    );
    assert_eq!(challenge().shown(), [""; 0]);
    for (gpus, expected) in [(Gpu::All, -1), (Gpu::Count(2), 2)] {
        spec.gpus = Some(gpus);
        let sent = spec.plan(&image("")).unwrap().to_json();
        assert_eq!(sent["HostConfig"]["DeviceRequests"][0]["Count"], expected);
    }
}

#[test]
fn who_a_container_runs_as_is_decided_by_spec_image_and_operator() {
    let nobody = User::NOBODY.to_string();
    for (own, wanted, root_allowed, expected) in [
        ("", None, false, Some(nobody.as_str())),
        ("root", None, false, Some(&nobody)),
        ("0:0", None, false, Some(&nobody)),
        ("0", None, true, Some("0:0")),
        ("", None, true, Some("0:0")),
        ("1000", None, false, Some("1000:1000")),
        ("app:app", None, true, Some("app:app")),
        ("app", Some("1234:5"), false, Some("1234:5")),
        ("app", Some("0"), false, None),
        ("app", Some("root"), false, None),
        ("app", Some("0"), true, Some("0:0")),
        ("a b", None, false, None),
    ] {
        let mut spec = challenge();
        spec.user = wanted.map(|user| user.parse().unwrap());
        spec.loosened.extend(root_allowed.then_some(Loosened::RootUser));
        let user = spec.plan(&image(own)).ok().map(|plan| plan.user().to_string());
        assert_eq!(user.as_deref(), expected, "{own:?} {wanted:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    type Change = fn(&mut ContainerSpec);
    assert!(challenge().plan(&image("app")).is_ok());
    let table: [(&str, Change); 32] = [
        ("Name", |spec| spec.name = String::new()),
        ("Name", |spec| spec.name = "a/../b".to_owned()),
        ("Name", |spec| spec.name = "a".repeat(129)),
        ("Name", |spec| spec.network = Some("host/x".to_owned())),
        ("Name", |spec| {
            drop(spec.volumes.insert("/etc".to_owned(), "/x".parse().unwrap()))
        }),
        ("Variable", |spec| {
            drop(spec.env.insert("A=B".to_owned(), String::new()))
        }),
        ("Variable", |spec| {
            drop(spec.env.insert(String::new(), "x".to_owned()))
        }),
        ("Variable", |spec| {
            drop(spec.env.insert("A".to_owned(), "a\0b".to_owned()))
        }),
        ("Variable", |spec| {
            drop(spec.env.insert("A".to_owned(), "x".repeat(65_536)))
        }),
        ("TooMuch", |spec| {
            spec.env.extend((0..300).map(|n| (n.to_string(), String::new())))
        }),
        ("Label", |spec| {
            drop(spec.labels.insert("platform.owner".to_owned(), "x".to_owned()))
        }),
        ("Label", |spec| {
            drop(spec.labels.insert("Platform.Spec".to_owned(), "x".to_owned()))
        }),
        ("Label", |spec| {
            drop(spec.labels.insert(String::new(), "x".to_owned()))
        }),
        ("TooMuch", |spec| {
            drop(spec.labels.insert("a".to_owned(), "x".repeat(65_536)))
        }),
        ("MountedTwice", |spec| {
            drop(
                spec.volumes
                    .insert("another".to_owned(), "/data".parse().unwrap()),
            )
        }),
        ("TooMuch", |spec| {
            spec.volumes
                .extend((0..17).map(|n| (format!("v{n}"), format!("/v{n}").parse().unwrap())));
        }),
        ("TooMuch", |spec| spec.command = Some(vec!["x".to_owned(); 257])),
        ("TooMuch", |spec| spec.command = Some(vec!["a\0b".to_owned()])),
        ("Workdir", |spec| spec.workdir = Some("relative".to_owned())),
        ("Limit", |spec| spec.limits.memory = ByteSize(1)),
        ("Limit", |spec| spec.limits.memory = ByteSize(u64::MAX)),
        ("Limit", |spec| spec.limits.milli_cpus = 0),
        ("Limit", |spec| {
            spec.limits.milli_cpus = MAX_CONTAINER_MILLI_CPUS + 1
        }),
        ("Limit", |spec| {
            spec.limits.shm = Some(ByteSize(spec.limits.memory.0 + 1))
        }),
        ("Limit", |spec| spec.limits.pids = 0),
        ("Limit", |spec| spec.limits.pids = u32::MAX),
        ("Gpu", |spec| spec.gpus = Some(Gpu::Count(0))),
        ("Gpu", |spec| spec.gpus = Some(Gpu::Count(GPUS + 1))),
        ("Gpu", |spec| spec.gpus = Some(Gpu::Ids(BTreeSet::new()))),
        ("Gpu", |spec| {
            spec.gpus = Some(Gpu::Ids(["all,none".to_owned()].into()))
        }),
        ("TooMuch", |spec| {
            let many = (0..64).map(|n| (format!("s{n}").parse().unwrap(), SecretValue::new(vec![])));
            spec.secrets.extend(many);
        }),
        ("TooMuch", |spec| {
            let large = SecretValue::new(vec![0; SECRET_BYTES + 1]);
            spec.secrets.insert("large".parse().unwrap(), large);
        }),
    ];
    for (expected, change) in table {
        let mut spec = challenge();
        change(&mut spec);
        let error = format!("{:?}", spec.plan(&image("app")).unwrap_err());
        assert!(error.starts_with(expected), "{error} and not {expected}");
    }
}

#[test]
fn the_digest_is_that_of_everything_that_was_wanted() {
    let digest = |spec: &ContainerSpec, image: &Image| spec.plan(image).unwrap().spec_digest();
    let usual = digest(&challenge(), &image("app"));
    // Maps are in another order each time.
    for _ in 0..20 {
        assert_eq!(digest(&challenge(), &image("app")), usual);
    }
    type Change = fn(&mut ContainerSpec);
    let changes: [Change; 8] = [
        |spec| spec.version = "2".to_owned(),
        |spec| spec.limits.pids += 1,
        |spec| spec.loosened.extend([Loosened::ExecTmp]),
        |spec| spec.gpus = Some(Gpu::All),
        |spec| drop(spec.labels.insert("a".to_owned(), "b".to_owned())),
        |spec| {
            drop(
                spec.secrets
                    .insert("api-key".parse().unwrap(), SecretValue::new(b"other".to_vec())),
            )
        },
        |spec| spec.owner = "host-2".parse().unwrap(),
        |spec| spec.command = Some(vec![]),
    ];
    let mut seen = BTreeSet::from([usual, digest(&challenge(), &image("1000"))]);
    for change in changes {
        let mut spec = challenge();
        change(&mut spec);
        assert!(seen.insert(digest(&spec, &image("app"))));
    }
}
