//! What the pages on publishing, on components and on weights say is done as they say it: every block of shell, in its order, by an author
//! and then by an operator, with a real registry that wants a password.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use platform_admin_types::Client;
use platform_domain::PlainToken;
use platform_keys::Keypair;
use platform_tests::{Program, guest, new_challenge, platform, until_running};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    docker_registry::Registry,
    epochs::{devnet, miners},
};

const PUBLISHING: &str = include_str!("../../docs/publishing.md");
const WEIGHTS: &str = include_str!("../../docs/operators/weights.md");
const ARTIFACTS: &str = include_str!("../../docs/operators/artifacts.md");
/// `ann` with the password `opensesame`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuQbLfdQZSxZ9gjhA5V9o8Tyc6aQRO0Qi\n";
const PASSWORD: &str = "opensesame";

/// The folder in which somebody follows a page, and the registry that the page calls `registry.example`.
struct Desk {
    dir: TempDir,
    registry: Registry,
}

impl Desk {
    fn new() -> Self {
        let (dir, home) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let htpasswd = home.path().join("htpasswd");
        fs::write(&htpasswd, HTPASSWD).unwrap();
        let auth = format!(
            "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
            htpasswd.display()
        );
        let registry = Registry::start_in(home, &auth);
        Self { dir, registry }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The page's own words, but for what cannot be had here: a name for the registry, and the root of the disk.
    fn here(&self, text: &str) -> String {
        let text = text.replace("registry.example", &self.registry.address);
        text.replace("/etc/platform", &self.path("etc/platform").display().to_string())
    }

    /// Runs a page's blocks of shell one after the other, as one person does.
    fn follow(&self, page: &str, variables: &[(&str, &str)]) {
        self.run(&self.here(&blocks(page, "sh").join("\n")), variables);
    }

    /// Runs a script and gives what it says.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> String {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        if !bin.join("platform").exists() {
            std::os::unix::fs::symlink(platform(), bin.join("platform")).unwrap();
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell
            .args(["-eux", "-c", script])
            .current_dir(self.dir.path())
            .env("PATH", path);
        // Nobody else's.
        shell.env("HOME", self.dir.path()).env_remove("DOCKER_CONFIG");
        let output = shell.envs(variables.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The blocks of a page that are written in this language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

fn show(admin: &str, token: &Path) -> Value {
    let mut ask = Command::new(platform());
    ask.args(["--json", "--admin-url", admin, "--admin-token-file"])
        .arg(token);
    let output = ask.args(["challenge", "show", "guess"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_on_publishing_and_on_components_are_followed_word_by_word() {
    let desk = Desk::new();
    desk.write(
        "target/wasm32-wasip2/release/guess.wasm",
        fs::read(guest("echo")).unwrap(),
    );
    desk.write("registry-password", PASSWORD);
    desk.write("key-password", "correct horse");
    desk.follow(PUBLISHING, &[]);
    let pulled = fs::read(desk.path("guess.wasm")).unwrap();
    assert_eq!(pulled, fs::read(guest("echo")).unwrap());

    // The version that the operator's page updates to, and what its configuration names.
    let ours = "platform publish new.wasm registry.example/ann/guess:1.1.0 --sign ann.key";
    let mut new = pulled;
    new.extend([0, 3, 1, b'm', 7]);
    desk.write("new.wasm", new);
    let variables = [
        ("PLATFORM_REGISTRY_USERNAME", "ann"),
        ("PLATFORM_REGISTRY_PASSWORD", PASSWORD),
        ("PLATFORM_KEY_PASSWORD", "correct horse"),
    ];
    desk.follow(&format!("```sh\n{ours}\n```"), &variables);
    desk.write("etc/platform/registry-password", PASSWORD);
    desk.write("etc/platform/ann.pub", fs::read(desk.path("ann.pub")).unwrap());
    let state = desk.path("state");
    let config = format!(
        "state_dir = {state:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n{}",
        desk.here(&blocks(ARTIFACTS, "toml").join("\n"))
    );
    desk.write("platform.toml", config);
    let file = desk.path("platform.toml").display().to_string();
    let host = Program::start(&["serve", "--config", &file]).await;
    let (admin, token) = (host.answer["admin"].as_str().unwrap(), state.join("admin.token"));
    let token_text = token.display().to_string();
    let operator = [
        ("PLATFORM_ADMIN_URL", admin),
        ("PLATFORM_ADMIN_TOKEN_FILE", &token_text),
        ("PLATFORM_REGISTRY_USERNAME", "ann"),
        ("PLATFORM_REGISTRY_PASSWORD", PASSWORD),
    ];
    desk.follow(ARTIFACTS, &operator);
    let view = show(admin, &token);
    assert_eq!(view["observed"]["state"], "running", "{view}");
    assert_eq!(view["trust"]["signed_by"], serde_json::json!(["ann"]));
    assert!(
        view["component"]["reference"]
            .as_str()
            .unwrap()
            .starts_with("oci-archive:")
    );
}

/// A host on a test node, with a challenge that gives its miners weights, and the page on weights followed word by word.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_on_weights_is_followed_word_by_word_on_an_epoch() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(3));
    let devnet = devnet(&validator, &miners).await;
    let desk = Desk::new();
    fs::create_dir_all(desk.path("etc/platform")).unwrap();
    validator
        .write_new_file(&desk.path("etc/platform/hotkey.json"))
        .unwrap();
    let state = desk.path("state");
    // All of the page's settings hold together; only where the node and the primary are is no page's to say.
    let settings = desk.here(&blocks(WEIGHTS, "toml").join("\n"));
    let settings = settings.replace("wss://NODE", &devnet.url());
    let config = format!(
        "state_dir = {state:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n{settings}"
    );
    desk.write(
        "platform.toml",
        config.replace("schedule = \"tempo\"", "schedule = \"manual\"\npoll_ms = 20"),
    );
    let file = desk.path("platform.toml").display().to_string();
    let host = Program::start(&["serve", "--config", &file]).await;
    let (admin, token) = (host.answer["admin"].as_str().unwrap(), state.join("admin.token"));
    let client = Client::new(admin, PlainToken::from_text(&fs::read_to_string(&token).unwrap())).unwrap();
    let weights = json!({ miners[0].to_string(): 1, miners[1].to_string(): 3, miners[2].to_string(): 0.5 });
    let challenge = new_challenge("echo", "echo", "90", &[("WEIGHTS", &weights.to_string())]);
    client.challenge_create(&challenge).await.unwrap();
    until_running(&client, "echo").await;
    let token = token.display().to_string();
    let operator = [
        ("PLATFORM_ADMIN_URL", admin),
        ("PLATFORM_ADMIN_TOKEN_FILE", &token),
    ];
    desk.follow(WEIGHTS, &operator);

    // What the page says of `explain` is what a person sees.
    let said = desk.run("platform weights explain latest 1", &operator);
    for part in ["on the chain", "recorded", "share", "echo", "sha256:"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}
