//! Secrets, through the doors of the operator and of miners: known to whom they are for, and found nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::{Arc, Mutex},
    time::Duration,
};

use platform_admin_types::{ClientError, Observed, SetSecret};
use platform_domain::{SecretValue, Slug};
use platform_tests::{Program, TestHost, client, guest, new_challenge};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Two that are looked for, and nobody would write by chance.
const SALT: &str = "saLt-9f3b1c7e55d04a2b-Q";
const TOKEN: &str = "tOken-0c44be91aa7f63d8-Z";

/// A server on this machine that writes down what it is asked.
struct Server {
    authority: String,
    heads: Arc<Mutex<Vec<String>>>,
    /// As many answers as it gives; whoever asks beyond that waits.
    answers: Arc<Semaphore>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (heads, answers) = (Arc::default(), Arc::new(Semaphore::new(answers)));
        let mut serving = JoinSet::new();
        let (seen, given): (Arc<Mutex<Vec<String>>>, _) = (Arc::clone(&heads), Arc::clone(&answers));
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &seen, &given).await;
            }
        });
        Self {
            authority,
            heads,
            answers,
            _serving: serving,
        }
    }

    fn rule(&self) -> String {
        format!("http://{}", self.authority)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, heads: &Mutex<Vec<String>>, answers: &Semaphore) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    heads.lock().unwrap().push(String::from_utf8(head).unwrap());
    answers.acquire().await.unwrap().forget();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    drop(stream.write_all(answer).await);
}

/// The guest with a manifest that asks for this server and for these secrets, in a file.
fn keeper(dir: &Path, server: &Server) -> PathBuf {
    let manifest = serde_json::json!({
        "name": "keeper", "version": "1.0.0", "data": "none",
        "outbound": [server.rule()], "secrets": ["SALT", "SEED"],
    });
    let manifest = manifest.to_string();
    // The section's name with its length, and lengths below 2^14 in two bytes of seven bits.
    let content = [&b"\x11platform:manifest"[..], manifest.as_bytes()].concat();
    let [low, high] = [content.len() & 0x7f, content.len() >> 7].map(|bits| u8::try_from(bits).unwrap());
    let component = fs::read(guest("keeper")).unwrap();
    let path = dir.join("keeper.wasm");
    fs::write(&path, [&component[..], &[0, 0x80 | low, high], &content].concat()).unwrap();
    path
}

/// A host as a process with its log at its most talkative, and all that it and its commands have said.
struct Watched {
    program: Program,
    dir: tempfile::TempDir,
    said: Vec<u8>,
}

impl Watched {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("platform.toml");
        let text = format!(
            "state_dir = {:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
             [log]\nfilter = \"trace\"\n",
            dir.path().join("state")
        );
        fs::write(&config, text).unwrap();
        let args = ["serve", "--config", config.to_str().unwrap()];
        let program = Program::start_logging_to(&args, &dir.path().join("log")).await;
        Self {
            program,
            dir,
            said: Vec::new(),
        }
    }

    fn url(&self, side: &str) -> String {
        self.program.answer[side].as_str().unwrap().to_owned()
    }

    async fn run(&mut self, args: &[&str], input: &str) -> Output {
        let token = self.dir.path().join("state/admin.token");
        let url = self.url("admin");
        let to = ["--admin-url", &url, "--admin-token-file", token.to_str().unwrap()];
        let output = Program::run(&[&to[..], args].concat(), input).await;
        self.said.extend([&output.stdout[..], &output.stderr].concat());
        output
    }

    /// A command that has to go well, and what it says.
    async fn done(&mut self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input).await;
        let said = String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{args:?}: {said}");
        said
    }

    /// A command that has to be refused, and why.
    async fn refused(&mut self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?}: {said}");
        said
    }

    async fn send(&self, slug: &str, path: &str, body: &str) -> String {
        let url = format!("{}/challenges/{slug}{path}", self.url("public"));
        let request = match body {
            "" => client().get(url),
            body => client().post(url).body(body.to_owned()),
        };
        let sent = request.send().await.unwrap();
        sent.text().await.unwrap()
    }
}

/// Every file below, with its bytes.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

fn sum(value: &str) -> String {
    let sum: u64 = value.bytes().map(u64::from).sum();
    format!("{} bytes, {sum}", value.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_known_to_whom_it_is_for_and_found_nowhere_else() {
    let server = Server::start(usize::MAX >> 4).await;
    let mut host = Watched::start().await;
    let component = format!("file:{}", keeper(host.dir.path(), &server).display());
    let (rule, place) = (server.rule(), tempfile::tempdir().unwrap());
    let create = [
        "challenge",
        "create",
        "keeper",
        &component,
        "--activate",
        "--allow",
        &rule,
    ];
    let ungranted = host.refused(&create, "").await;
    assert!(ungranted.contains("platform:challenge/secrets"), "{ungranted}");
    let created = host
        .done(&[&create[..], &["--grants", "secrets"]].concat(), "")
        .await;
    assert!(
        created.contains("SALT (not set: platform secret set keeper SALT)"),
        "{created}"
    );
    let other = format!("file:{}", guest("confidant").display());
    host.done(
        &[
            "challenge",
            "create",
            "other",
            &other,
            "--activate",
            "--grants",
            "secrets",
        ],
        "",
    )
    .await;

    // From standard input without its line end, and from a file.
    let set = host
        .done(&["secret", "set", "keeper", "SALT"], &format!("{SALT}\n"))
        .await;
    assert!(set.contains("read by the challenge"), "{set}");
    let file = place.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let (file, header) = (file.to_str().unwrap(), "authorization: Bearer {}");
    let inject = ["--inject", &rule, "--header", header];
    let set_token = ["secret", "set", "keeper", "TOKEN", "--file", file];
    host.done(&[&set_token[..], &inject].concat(), "").await;

    // Revealed to the one, and put into its requests.
    assert_eq!(host.send("keeper", "/known/SALT", "").await, sum(SALT));
    assert_eq!(host.send("keeper", "/known/TOKEN", "").await, "none");
    assert_eq!(host.send("keeper", "/known/SEED", "").await, "none");
    for header in ["authorization", "x-other"] {
        assert_eq!(
            host.send("keeper", &format!("/send/{header}"), &server.authority)
                .await,
            "200"
        );
    }
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    for head in &heads {
        assert_eq!(
            head.matches(&format!("authorization: Bearer {TOKEN}\r\n"))
                .count(),
            1,
            "{head}"
        );
        assert_eq!(head.matches("authorization").count(), 1, "{head}");
    }
    assert!(
        !heads[0].contains("guess") && heads[1].contains("x-other: a guess"),
        "{heads:?}"
    );

    // Another challenge has its own, whatever its names are.
    for name in ["SALT", "TOKEN", "PEPPER"] {
        assert_eq!(host.send("other", &format!("/is-set/{name}"), "").await, "false");
    }
    host.done(&["secret", "set", "other", "SALT"], "pinch").await;
    assert_eq!(host.send("other", "/salt", "").await, "pinch");
    assert_eq!(host.send("keeper", "/known/SALT", "").await, sum(SALT));

    // Whatever is asked, refused or spoilt, shows none of it.
    for args in [
        &["challenge", "show", "keeper"][..],
        &["challenge", "list"],
        &["challenge", "incidents", "keeper"],
        &["challenge", "logs", "keeper"],
        &["secret", "list", "keeper"],
        &["status"],
        &["state", "list"],
    ] {
        host.done(args, "").await;
        host.done(&[args, &["--json"]].concat(), "").await;
    }
    let listed = host.done(&["secret", "list", "keeper"], "").await;
    assert!(
        listed.contains("SALT") && listed.contains(header) && listed.contains("SEED is asked for"),
        "{listed}"
    );
    let clear = ["--inject", "http://api.example.com", "--header", header];
    let refused = host.refused(&[&set_token[..], &clear].concat(), "").await;
    assert!(refused.contains("over https"), "{refused}");
    let args = [&["secret", "set", "keeper", "TOKEN"][..], &inject].concat();
    let line_end = host.refused(&args, &format!("{TOKEN}\n\n")).await;
    assert!(line_end.contains("printable ASCII"));
    host.refused(&["secret", "set", "nobody", "SALT"], SALT).await;
    host.refused(&["secret", "set", "keeper", "no name"], SALT).await;
    host.refused(&["secret", "set", "keeper", "SALT", "--inject", &rule], SALT)
        .await;
    host.refused(&["secret", "remove", "keeper", "SEED"], "").await;
    let token = fs::read_to_string(host.dir.path().join("state/admin.token")).unwrap();
    let url = format!("{}/v1/admin/challenges/keeper/secrets/SALT", host.url("admin"));
    for body in [
        format!(r#"{{"value_base64":"{SALT}"}}"#),
        format!(r#"{{"value_base64":["{SALT}"]}}"#),
        format!(r#"{{"value_base64":"{SALT}"#),
        format!(r#"{{"value":"{SALT}"}}"#),
    ] {
        let put = client().put(&url).bearer_auth(token.trim()).body(body);
        let answer = put
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_client_error());
        host.said.extend(answer.bytes().await.unwrap());
    }
    let archive = place.path().join("archive.tar");
    host.done(&["state", "backup", archive.to_str().unwrap()], "")
        .await;

    let Watched { program, dir, said } = host;
    program.kill().await;
    let mut everything = files(dir.path());
    assert!(
        everything
            .iter()
            .any(|(path, _)| path.ends_with("state/secrets.key"))
    );
    assert!(
        everything
            .iter()
            .any(|(path, bytes)| path.ends_with("log") && bytes.len() > 100_000)
    );
    everything.push((archive.clone(), fs::read(&archive).unwrap()));
    everything.push(("said".into(), said));
    for value in [SALT, TOKEN] {
        let set = SetSecret {
            value: SecretValue::new(value.as_bytes().to_vec()),
            inject: None,
        };
        let json = serde_json::to_value(&set).unwrap();
        let base64 = json["value_base64"]
            .as_str()
            .unwrap()
            .trim_end_matches('=')
            .to_owned();
        for (path, bytes) in &everything {
            for needle in [value, &base64] {
                let found = bytes
                    .windows(needle.len())
                    .position(|part| part == needle.as_bytes());
                let around = found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at + 40]));
                assert!(found.is_none(), "{needle} is in {}: {around:?}", path.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_effect_and_what_had_begun_ends_as_it_began() {
    let server = Server::start(0).await;
    let host = TestHost::start().await;
    let mut new = new_challenge("keeper", "keeper", "0", &[]);
    let component = format!("file:{}", keeper(&host.scratch(), &server).display());
    new.component = Some(component.parse().unwrap());
    new.grants = Some(["secrets".parse().unwrap()].into());
    new.outbound = [server.rule().parse().unwrap()].into();
    // Whoever is remembered by an instance that is kept is forgotten with it.
    new.instances = Some("warm(2)".parse().unwrap());
    host.admin.challenge_create(&new).await.unwrap();
    host.running("keeper").await;
    let slug: Slug = "keeper".parse().unwrap();
    let name = "SALT".parse().unwrap();
    let set = async |value: &str| {
        let value = SecretValue::new(value.as_bytes().to_vec());
        let set = SetSecret { value, inject: None };
        host.admin.secret_set(&slug, &name, &set).await.unwrap();
    };
    let told = async || {
        let sent = client()
            .get(host.url("keeper", "/told/SALT"))
            .send()
            .await
            .unwrap();
        sent.text().await.unwrap()
    };
    set("first").await;
    assert_eq!(told().await, "first");
    let url = host.url("keeper", "/send/x-own");
    let begun = client().post(url).body(server.authority.clone()).send();
    let meanwhile = async {
        let arrived = async {
            while server.heads().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.unwrap();
        // Once the answer is there, so is the change.
        set("second").await;
        assert_eq!(told().await, "second");
        host.admin.secret_remove(&slug, &name).await.unwrap();
        assert_eq!(told().await, "none");
        server.answers.add_permits(1);
    };
    let (answer, ()) = tokio::join!(begun, meanwhile);
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_without_its_key_is_down_and_says_why() {
    let mut host = TestHost::start().await;
    let mut new = new_challenge("other", "confidant", "0", &[]);
    new.grants = Some(["secrets".parse().unwrap()].into());
    host.admin.challenge_create(&new).await.unwrap();
    let slug: Slug = "other".parse().unwrap();
    let set = SetSecret {
        value: SecretValue::new(b"pinch".to_vec()),
        inject: None,
    };
    let name = "SALT".parse().unwrap();
    host.admin.secret_set(&slug, &name, &set).await.unwrap();
    let key = host.scratch().join("elsewhere.key");
    fs::rename(host.state().join("secrets.key"), &key).unwrap();
    host.restart().await;
    let down = async {
        loop {
            let seen = host.admin.challenge_get(&slug).await.unwrap().observed;
            if let Observed::Failed { reason, .. } = seen {
                return reason;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reason = tokio::time::timeout(PATIENCE, down).await.unwrap();
    assert!(reason.contains("secrets.key is missing"), "{reason}");
    let answer = client().get(host.url("other", "/salt")).send().await.unwrap();
    assert_eq!(answer.status(), 502);
    let refused = host.admin.secret_set(&slug, &name, &set).await.unwrap_err();
    let ClientError::Refused {
        status, code, hint, ..
    } = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!((status.as_u16(), code.as_str()), (409, "secrets_key"));
    assert!(hint.unwrap().contains("put the file back"));
    // The file may be anywhere.
    host.stop().await;
    host.configure(|config| config.secrets.key_file = Some(key));
    host.start_again().await;
    host.running("other").await;
    let answer = client().get(host.url("other", "/salt")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "pinch");
}
