//! What is taken, what is refused, what is shown.

use std::{collections::BTreeSet, os::unix::ffi::OsStringExt as _, time::Duration};

use platform_domain::{MechanismId, Netuid};
use platform_epoch::Schedule;
use platform_weights::{Fallback, Policy};

use super::*;

/// Every variable that a command takes.
fn variables_of(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_env);
    let own = own.map(|name| name.to_str().unwrap().to_owned());
    let below = command.get_subcommands().flat_map(variables_of);
    own.chain(below).collect()
}

fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("platform.toml");
    std::fs::write(&path, file).unwrap();
    let env = env
        .iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let flags = flags
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    Config::load(Some(&path), env, flags).map_err(|error| match error {
        ConfigError::Invalid(source) => source.to_string(),
        other => other.to_string(),
    })
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "[admin]\nlisten = \"127.0.0.1:1\"\n[public]\nlisten = \"127.0.0.1:1\"\n[chain]\nnetuid = 1\n";
    let env = [
        ("PLATFORM_PUBLIC__LISTEN", "127.0.0.1:2"),
        ("PLATFORM_CHAIN__NETUID", "2"),
        ("PATH", "/bin"),
    ];
    let config = load(file, &env, &[("chain.netuid", "3")]).unwrap();
    assert_eq!(config.admin.listen.port(), 1);
    assert_eq!(config.public.listen.port(), 2);
    assert_eq!(config.chain.netuid, Netuid(3));
}

#[test]
fn the_defaults_listen_on_loopback_only() {
    let config = load("", &[], &[]).unwrap();
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public.listen.to_string(), "127.0.0.1:8081");
}

#[test]
fn a_wrong_configuration_is_refused_with_the_key() {
    for (file, env, word) in [
        ("colour = 1", vec![], "colour"),
        ("[chain]\nnetid = 1", vec![], "netid"),
        ("[epoch]\nschedule = \"every 0 blocks\"", vec![], "schedule"),
        ("[epoch]\nautomatic = true", vec![], "automatic"),
        ("[epoch]\nfallback = \"all\"", vec![], "fallback"),
        (
            "[epoch]\nsink_alarm_percent = 101",
            vec![],
            "epoch.sink_alarm_percent",
        ),
        ("[primary]\nurl = \"https://a.example\"", vec![], "primary.hotkey"),
        (
            "[primary]\nurl = \"http://a.example\"\nhotkey = \"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\"",
            vec![],
            "primary.url",
        ),
        (
            "[chain]\nendpoints = [\"ws://x\", \"http://x\"]\nnetuid = 1",
            vec![],
            "chain.endpoints",
        ),
        (
            "[chain]\nendpoint = \"ws://x\"\nnetuid = 1\nhotkey_file = \"a\"\nwallet = \"a/b\"",
            vec![],
            "two hotkeys",
        ),
        (
            "[chain]\nendpoint = \"ws://x\"\nnetuid = 1\nwallet = \"a\"",
            vec![],
            "chain.wallet",
        ),
        (
            "[chain]\nhotkey_passphrase_file = \"a\"",
            vec![],
            "chain.hotkey_passphrase_file",
        ),
        ("[chain.beacon]\nperiod = 0", vec![], "chain.beacon"),
        ("[store]\nquota = \"63MiB\"", vec![], "store.quota"),
        ("", vec![("PLATFORM_STORE__QUOTA", "much")], "size"),
        ("[epoch]\npolicy = \"generous\"", vec![], "policy"),
        (
            "[chain]\nendpoint = \"http://x\"\nnetuid = 1",
            vec![],
            "chain.endpoint",
        ),
        ("[chain]\nendpoint = \"ws://x\"", vec![], "chain.netuid"),
        ("", vec![("PLATFORM_ADMIN__LISTEM", "127.0.0.1:2")], "listem"),
        ("", vec![("PLATFORM_CHAIN__NETUID", "x")], "netuid"),
        ("[log]\nfilter = \"a=b=c\"", vec![], "log.filter"),
        ("[jobs]\nimages = [\"ghcr.io/*\"]", vec![], "jobs.images"),
        ("[jobs]\nimages = [\"python\"]", vec![], "jobs.images"),
        ("[jobs]\nurl = \"docker\"", vec![], "jobs.url"),
        ("[jobs]\nseconds = 86401", vec![], "jobs.seconds"),
        ("[jobs]\nat_once = 0", vec![], "jobs.at_once"),
        ("[jobs]\nmax_gpus = 65", vec![], "jobs.max_gpus"),
        ("[jobs]\ngpu_wait = 86401", vec![], "jobs.gpu_wait"),
        ("[jobs]\nmemory = \"1MiB\"", vec![], "jobs.memory"),
        ("[jobs]\nnetwork = [\"A!\"]", vec![], "network"),
        ("[breaker]\nfailures = 0", vec![], "breaker.failures"),
        (
            "[registries.\"a.example:5000\"]\nusername = \"ann\"",
            vec![],
            "registries.\"a.example:5000\".username",
        ),
        ("[registries.\"https://a.example\"]", vec![], "https://a.example"),
        ("[registries.\"a.example\"]\npassword = \"x\"", vec![], "password"),
        (
            "[breaker]\nlongest_backoff_ms = 3600001",
            vec![],
            "breaker.longest_backoff_ms",
        ),
    ] {
        let error = load(file, &env, &[]).unwrap_err();
        assert!(error.contains(word), "{file:?} {env:?}: {error}");
    }
}

#[test]
fn every_key_can_come_from_the_environment_as_it_is_written() {
    let env = [
        ("PLATFORM_STATE_DIR", "007"),
        ("PLATFORM_ADMIN__TOKEN_FILE", "1e3"),
        ("PLATFORM_PUBLIC__MAX_BODY_BYTES", "9"),
        ("PLATFORM_CHAIN__ENDPOINT", "ws://127.0.0.1:1"),
        ("PLATFORM_CHAIN__NETUID", "7"),
        ("PLATFORM_CHAIN__MECHANISM", "1"),
        ("PLATFORM_CHAIN__HOTKEY_FILE", "true"),
        ("PLATFORM_CHAIN__RPC_TIMEOUT_MS", "8"),
        ("PLATFORM_EPOCH__SCHEDULE", "every 7 blocks"),
        ("PLATFORM_EPOCH__FALLBACK", "sink"),
        ("PLATFORM_EPOCH__POLICY", "absolute"),
        ("PLATFORM_BREAKER__FAILURES", "50"),
        ("PLATFORM_LOG__JSON", "true"),
    ];
    let config = load("", &env, &[]).unwrap();
    assert_eq!(config.state_dir, Path::new("007"));
    assert_eq!(config.admin.token_file.as_deref(), Some(Path::new("1e3")));
    assert_eq!(config.public.max_body_bytes, 9);
    assert_eq!(
        (config.chain.netuid, config.chain.mechanism),
        (Netuid(7), MechanismId(1))
    );
    assert_eq!(config.chain.hotkey_file.as_deref(), Some(Path::new("true")));
    assert_eq!(config.epoch.fallback, Fallback::Sink);
    assert_eq!(config.chain.rpc_timeout(), Duration::from_millis(8));
    assert_eq!(
        (config.epoch.schedule, config.epoch.policy),
        (Schedule::Every(7), Policy::Absolute)
    );
    assert_eq!(config.breaker.failures, 50);
    assert!(config.log.json);
}

#[test]
fn a_variable_that_is_no_text_is_refused_only_where_it_counts() {
    let load = |name: &str| {
        let broken = OsString::from_vec(vec![0xff]);
        Config::load(None, [(name.into(), broken)].into(), Vec::new())
    };
    assert!(load("OTHER").is_ok() && load("PLATFORM_CONFIG").is_ok());
    let error = load("PLATFORM_STATE_DIR").unwrap_err().to_string();
    assert!(error.contains("PLATFORM_STATE_DIR"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_not_called_missing() {
    let dir = tempfile::tempdir().unwrap();
    let error = Config::load(Some(dir.path()), HashMap::new(), Vec::new()).unwrap_err();
    let ConfigError::File { path, source } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (path.as_path(), source.kind()),
        (dir.path(), io::ErrorKind::IsADirectory)
    );
}

#[test]
fn a_configuration_is_shown_without_the_secrets_of_its_endpoint() {
    for (endpoint, shown) in [
        ("ws://127.0.0.1:9944", "ws://127.0.0.1:9944"),
        ("wss://node.example/", "wss://node.example"),
        ("wss://user:secret@node.example:443", "wss://node.example:443/…"),
        ("wss://node.example/ws/secret?key=secret", "wss://node.example/…"),
        ("wss://node.example?key=se@cret", "wss://node.example/…"),
    ] {
        let config = load("", &[], &[("chain.endpoint", endpoint), ("chain.netuid", "1")]).unwrap();
        assert_eq!(config.chain.endpoint.as_deref(), Some(endpoint));
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!(json["chain"]["endpoint"], shown);
        let more = format!("[chain]\nendpoints = [{endpoint:?}]\nnetuid = 1");
        let json = serde_json::to_value(load(&more, &[], &[]).unwrap()).unwrap();
        assert_eq!(json["chain"]["endpoints"], serde_json::json!([shown]));
    }
}

#[test]
fn the_guide_for_operators_has_an_example_with_every_key_and_the_defaults() {
    let guide = include_str!("../../../../docs/operators.md");
    let example = guide
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    load(example, &[], &[]).unwrap();
    // What most leave out is behind a comment sign, and holds as well.
    let whole = example
        .replace("\n# ", "\n")
        .replace("0x…", &format!("0x{}", "0".repeat(64)));
    let whole = serde_json::to_value(load(&whole, &[], &[]).unwrap()).unwrap();
    let mut defaults = serde_json::to_value(Config::default()).unwrap();
    let own = [
        "/state_dir",
        "/admin/token_file",
        "/public/tls",
        "/callers/require_registered",
        "/chain/endpoint",
        "/chain/endpoints",
        "/chain/netuid",
        "/chain/hotkey_file",
        "/chain/hotkey_passphrase_file",
        "/chain/proxy_for",
        "/chain/genesis",
        "/docker/endpoint",
        "/docker/relay_image",
        "/jobs/images",
        "/jobs/listen",
        "/jobs/url",
        "/jobs/network",
        "/primary/url",
        "/primary/hotkey",
        "/secrets/key_file",
        "/registries",
        "/trust/keys",
    ];
    for pointer in own {
        let (given, default) = (
            &whole.pointer(pointer).unwrap(),
            defaults.pointer_mut(pointer).unwrap(),
        );
        assert_ne!(*given, default, "{pointer} is missing in the example");
        *default = (*given).clone();
    }
    assert_eq!(whole, defaults);
    for (section, keys) in defaults.as_object().unwrap() {
        assert!(example.contains(section), "{section} is missing in the example");
        if section == "limits" {
            // Too many for an example: they have a page of their own, which another test keeps complete.
            continue;
        }
        if section == "registries" {
            // Its keys are names of the operator's.
            continue;
        }
        // There is one way to name a hotkey; the others, and the beacon that all have, are on the page about weights.
        let elsewhere = ["wallet", "hotkey_seed_file", "beacon"];
        let keys = keys.as_object().into_iter().flat_map(|keys| keys.keys());
        for key in keys.filter(|key| section != "chain" || !elsewhere.contains(&key.as_str())) {
            assert!(
                example.contains(&format!("{key} = ")) || example.contains(&format!("[{section}.{key}]")),
                "{section}.{key} is missing in the example"
            );
        }
    }
}

#[test]
fn the_command_lines_own_variables_are_not_configuration() {
    assert!(load("", &[("PLATFORM_ADMIN_URL", "http://127.0.0.1:1")], &[]).is_ok());
    for variable in variables_of(&<crate::cli::Cli as clap::CommandFactory>::command()) {
        assert!(
            load("", &[(&variable, "x")], &[]).is_ok(),
            "{variable} is of the command line"
        );
    }
    assert!(load("", &[("PLATFORM_REGISTRY_PASSWORD", "x")], &[]).is_ok());
}

#[test]
fn a_registry_is_named_with_its_port() {
    let file = r#"
        [registries."Registry.example:5000"]
        username = "ann"
        password_file = "/etc/platform/password"
        [registries."127.0.0.1:5000"]
        plain_http = false
    "#;
    let registries = load(file, &[], &[]).unwrap().registries;
    let names: Vec<_> = registries.keys().collect();
    assert_eq!(names, ["127.0.0.1:5000", "Registry.example:5000"]);
    assert_eq!(
        registries["Registry.example:5000"].username.as_deref(),
        Some("ann")
    );
    assert_eq!(registries["127.0.0.1:5000"].plain_http, Some(false));
}
