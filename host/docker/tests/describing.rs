//! What an engine says of itself, and what is said of one that is not there.

use platform_docker::{Engine, EngineError, Gpus, Swarm};
use tempfile::TempDir;

use crate::fixture::engine;

#[tokio::test]
async fn an_engine_says_what_it_is_and_has() {
    let engine = engine();
    engine.ping().await.unwrap();
    let told = engine.describe().await.unwrap();
    assert_eq!(told.platform.to_string(), "linux/amd64");
    assert!(told.api.starts_with("1.") && !told.version.is_empty() && !told.id.is_empty());
    assert!(told.has_seccomp());
    assert!(told.runtimes.contains(&"runc".to_owned()));
    assert_eq!(
        told.cpus as usize,
        std::thread::available_parallelism().unwrap().get()
    );
    assert!(told.memory.0 > 1 << 28);
    assert_eq!(told.gpus, Gpus::default());
    assert!(!told.gpus.any_told());
    assert_eq!(told.swarm, Swarm::Inactive);
    assert_eq!(told.cannot_limit, [""; 0]);
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_absent_with_a_hint() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("docker.sock");
    let text = format!("unix://{}", socket.display());
    let engine = Engine::new(crate::fixture::endpoint(&text, None)).unwrap();
    let error = engine.ping().await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Absent { hint, .. } if hint.contains("no such socket")),
        "{error:?}"
    );
    // A socket that nobody serves any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = engine.describe().await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Absent { hint, .. } if hint.contains("nobody listens")),
        "{error:?}"
    );
    // One that hangs up.
    std::fs::remove_file(&socket).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let hanging_up = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let error = engine.ping().await.unwrap_err();
    assert!(matches!(&error, EngineError::Absent { .. }), "{error:?}");
    hanging_up.join().unwrap();
}
