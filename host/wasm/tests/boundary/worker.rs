//! The compiling process itself: what it is given, how it ends, and that nothing it does or says is trusted.

use std::{
    fs,
    io::Write as _,
    os::{
        fd::OwnedFd,
        unix::{fs::MetadataExt as _, net::UnixStream, process::ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use platform_domain::{ByteSize, Digest};
use platform_wasm::{CompilerProgram, ComponentError, Engine, Limits};

use crate::{
    guests,
    host::{self, Host, ask},
    hostile,
};

/// The longest a process may take to appear or to be gone, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn host_with(compiler: CompilerProgram, change: impl FnOnce(&mut Limits)) -> Host {
    let dir = tempfile::tempdir().unwrap();
    let mut config = host::config(dir.path().join("code"));
    config.compiler = compiler;
    change(&mut config.limits);
    let engine = Engine::new(config).unwrap();
    Host { engine, dir }
}

/// The real one, with a word in its arguments by which it is found among those of other tests.
fn marked(mark: &str) -> CompilerProgram {
    CompilerProgram {
        program: env!("CARGO_BIN_EXE_compile-worker").into(),
        arguments: vec![mark.to_owned()],
    }
}

/// One that does as this script says. The socket is its standard input.
fn script(text: &str) -> CompilerProgram {
    CompilerProgram {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), text.to_owned()],
    }
}

/// The process with this mark, if there is one.
fn process(mark: &str) -> Option<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.into_iter().find(|process| {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0);
        let program = arguments.next().unwrap_or_default();
        program.ends_with(b"compile-worker") && arguments.next() == Some(mark.as_bytes())
    })
}

/// Waits until a process is there and has been given its limits.
async fn confined(mark: &str) -> PathBuf {
    let found = async {
        loop {
            if let Some(process) = process(mark)
                && limits(&process).contains("Max open files            0")
            {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it compiles")
}

async fn gone(mark: &str) {
    let gone = async {
        while process(mark).is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("it is gone");
}

fn limits(process: &Path) -> String {
    fs::read_to_string(process.join("limits")).unwrap_or_default()
}

/// What a descriptor stands for, without its number.
fn target(descriptor: &Path) -> Option<String> {
    let target = fs::read_link(descriptor).ok()?.display().to_string();
    Some(target.split(':').next().unwrap_or_default().to_owned())
}

/// What this process hands on to each that it starts, besides the standard streams. The host hands on nothing, but
/// whoever started the tests may have.
fn handed_on() -> Vec<String> {
    const CLOSED_ON_EXEC: u32 = 0o2_000_000;
    let stays_open = |number: &str| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok());
        flags.is_some_and(|flags| flags & CLOSED_ON_EXEC == 0)
    };
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    descriptors
        .filter(|entry| {
            let number = entry.file_name();
            let number = number.to_str().unwrap();
            number.parse::<u32>().unwrap() > 2 && stays_open(number)
        })
        // Another test may have closed it by now.
        .filter_map(|entry| target(&entry.path()))
        .collect()
}

fn entries(host: &Host) -> usize {
    // All but the key.
    fs::read_dir(host.cache_dir()).unwrap().count() - 1
}

#[tokio::test]
async fn it_is_given_a_socket_and_limits_and_nothing_else() {
    const MARK: &str = "looked-at";
    // Its standard streams, and its standard input once more.
    let mut expected = ["socket", "/dev/null", "pipe", "socket"]
        .map(str::to_owned)
        .to_vec();
    expected.extend(handed_on());
    expected.sort();
    let host = host_with(marked(MARK), |limits| limits.compile_memory = ByteSize(1 << 30));
    let compiling = host.refusal(hostile::tangled_function(3_000));
    let looking = async {
        let process = confined(MARK).await;
        let environment = fs::read(process.join("environ")).unwrap();
        let names: Vec<_> = environment
            .split(|byte| *byte == 0)
            .filter(|pair| !pair.is_empty())
            .map(|pair| String::from_utf8(pair.to_vec()).unwrap())
            .map(|pair| pair.split('=').next().unwrap().to_owned())
            .collect();
        let expected_names = ["MALLOC_ARENA_MAX", "MALLOC_CONF", "RAYON_NUM_THREADS"];
        assert_eq!(names, expected_names);
        let descriptors = fs::read_dir(process.join("fd")).unwrap();
        let mut open: Vec<_> = descriptors
            .map(|entry| target(&entry.unwrap().path()).unwrap())
            .collect();
        open.sort();
        assert_eq!(open, expected);
        let limits = limits(&process);
        for line in [
            "Max cpu time              60                   61                   seconds",
            "Max file size             0                    0                    bytes",
            "Max core file size        0                    0                    bytes",
            "Max address space         1073741824           1073741824           bytes",
        ] {
            assert!(limits.contains(line), "{line}\n{limits}");
        }
        let stat = fs::read_to_string(process.join("stat")).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let (group, niceness) = (fields[2], fields[16]);
        assert_eq!(
            process.file_name().unwrap().to_str(),
            Some(group),
            "its own group"
        );
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        let own: Vec<_> = own.rsplit_once(") ").unwrap().1.split(' ').collect();
        assert!(niceness.parse::<i32>().unwrap() > own[16].parse().unwrap());
        assert_eq!(
            fs::read_to_string(process.join("oom_score_adj")).unwrap().trim(),
            "1000"
        );
        assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    };
    tokio::select! {
        () = looking => {}
        error = compiling => panic!("it ended before: {error}"),
    }
    gone(MARK).await;
}

#[tokio::test]
async fn killed_in_the_middle_it_is_one_clear_error_and_the_next_try_succeeds() {
    const MARK: &str = "killed";
    let host = host_with(marked(MARK), |_| ());
    let component = hostile::long_function(1_000_000);
    let kill = async {
        let process = confined(MARK).await;
        let id = process.file_name().unwrap().to_str().unwrap();
        let killed = Command::new("kill").args(["-KILL", id]).status().unwrap();
        assert!(killed.success());
    };
    let (error, ()) = tokio::join!(host.refusal(component.clone()), kill);
    assert!(
        matches!(&error, ComponentError::CompilerCrashed(text) if text.contains("signal: 9")),
        "{error:?}"
    );
    assert_eq!(entries(&host), 0, "no half entry");
    assert_eq!(ask(&host.load(component).await, "/").await.unwrap(), "/");
}

#[tokio::test]
async fn a_start_that_is_abandoned_takes_its_compilation_with_it() {
    const MARK: &str = "abandoned";
    let host = host_with(marked(MARK), |_| ());
    tokio::select! {
        error = host.refusal(hostile::tangled_function(3_000)) => panic!("{error}"),
        _ = confined(MARK) => {}
    }
    gone(MARK).await;
    assert_eq!(
        (entries(&host), host.engine.compiler_status().compiling),
        (0, None)
    );
    host.load(guests::whole()).await;
}

/// As a host does that is killed: its end of the socket is closed, and nothing is said.
#[tokio::test]
async fn it_does_not_outlive_its_host() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_compile-worker"))
        .arg("orphan")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let component = hostile::tangled_function(3_000);
    let job = serde_json::json!({
        "task": "Compile", "digest": Digest::of(&component), "size": component.len(), "limits": Limits::default(),
    });
    let job = job.to_string();
    let length = u32::try_from(job.len()).unwrap().to_le_bytes();
    for part in [&length[..], job.as_bytes(), &component] {
        (&ours).write_all(part).unwrap();
    }
    confined("orphan").await;
    assert_eq!(process.try_wait().unwrap(), None, "it compiles");
    drop(ours);
    let ended = async {
        loop {
            match process.try_wait().unwrap() {
                Some(status) => return status,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    let status = tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert_eq!((status.code(), status.signal()), (Some(1), None));
}

#[tokio::test]
async fn without_a_job_it_says_so_and_ends() {
    let output = Command::new(env!("CARGO_BIN_EXE_compile-worker"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("the host's job"),
        "{said}"
    );
}

#[tokio::test]
async fn whatever_a_compiling_process_does_it_is_an_error_of_that_component() {
    let code = |bytes: &str| {
        let report = format!(
            r#"{{"Compiled":{{"found":{{"imports":[],"exports":[],"manifest":null,"needs":{{"core_instances":1,"memories":1,"tables":1,"table_elements":1}}}},"engine":0,"code":{bytes}}}}}"#
        );
        let length: String = u32::try_from(report.len())
            .unwrap()
            .to_le_bytes()
            .iter()
            .map(|byte| format!("\\{byte:03o}"))
            .collect();
        format!("printf '{length}{}' >&0", report.replace('%', "%%"))
    };
    // More than waits in a socket for somebody who reads nothing.
    let component = hostile::ballast(4 << 20);
    for (what, text, words) in [
        ("ends at once", "exit 0".to_owned(), "crashed"),
        (
            "fails",
            "echo oh no >&2; exit 7".to_owned(),
            "exit status: 7; oh no",
        ),
        ("dies", "kill -SEGV $$".to_owned(), "signal: 11"),
        (
            "says that there is no memory",
            "echo memory allocation of 9 bytes failed >&2; kill -ABRT $$".to_owned(),
            "of memory",
        ),
        (
            "crashes after that",
            "echo memory allocation of 9 bytes failed >&2; kill -SEGV $$".to_owned(),
            "signal: 11",
        ),
        (
            "says too much",
            "printf '\\377\\377\\377\\377' >&0".to_owned(),
            "crashed",
        ),
        (
            "says less than it announced",
            "printf '\\100\\0\\0\\0{' >&0".to_owned(),
            "crashed",
        ),
        (
            "says nonsense",
            "printf '\\2\\0\\0\\0{]' >&0".to_owned(),
            "crashed",
        ),
        ("is another version", code("1"), "another version"),
        ("hangs", "exec /bin/sleep 100".to_owned(), "longer than"),
        (
            "floods its errors",
            "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&2; done".to_owned(),
            "longer than",
        ),
    ] {
        let host = host_with(script(&text), |limits| limits.compile_wall_ms = 3_000);
        let error = host.refusal(component.clone()).await.to_string();
        assert!(error.contains(words) && error.len() < 5_000, "{what}: {error}");
        assert_eq!(entries(&host), 0, "{what}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_the_hosts_failure() {
    let nowhere = CompilerProgram {
        program: "/nowhere/compiler".into(),
        arguments: Vec::new(),
    };
    let host = host_with(nowhere, |_| ());
    let error = host.refusal(guests::whole()).await;
    assert!(
        matches!(&error, ComponentError::Host(text) if text.contains("cannot be started")),
        "{error:?}"
    );
    let error = host.engine.inspect(guests::whole()).await.unwrap_err();
    assert!(matches!(error, ComponentError::Host(_)), "{error:?}");
}

#[tokio::test]
async fn the_cache_is_for_the_host_alone() {
    let host = Host::new();
    host.load(guests::whole()).await;
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    for entry in fs::read_dir(host.cache_dir()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(
            fs::metadata(&path).unwrap().mode() & 0o777,
            0o600,
            "{}",
            path.display()
        );
        assert_eq!(owner(&path), owner(&host.cache_dir()));
    }
}
