//! `platform serve` as a process: what it takes for itself and what it closes to others.

use std::os::unix::fs::PermissionsExt as _;

use platform_tests::{Program, client, guest};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_second_host_is_told_what_the_first_one_has() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state").display().to_string();
    let other = dir.path().join("other").display().to_string();
    let any = "127.0.0.1:0";
    let first = Program::start(&[
        "serve",
        "--state-dir",
        &state,
        "--admin-listen",
        any,
        "--public-listen",
        any,
    ])
    .await;
    let taken = |side: &str| {
        first.answer[side]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .to_owned()
    };
    let (admin, public) = (taken("admin"), taken("public"));
    for (state, admin, public, word) in [
        (&state, any, any, "another host is running"),
        (&other, admin.as_str(), any, "set admin.listen"),
        (&other, any, public.as_str(), "set public.listen"),
    ] {
        let args = [
            "serve",
            "--state-dir",
            state,
            "--admin-listen",
            admin,
            "--public-listen",
            public,
        ];
        let output = Program::run(&args, "").await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(word), "{said}");
        assert!(
            !said.contains('\u{1b}'),
            "no colours where nobody sees them: {said:?}"
        );
    }
    first.kill().await;
}

#[tokio::test]
async fn everything_in_the_state_directory_is_the_hosts_alone() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    // As a service manager or a hasty operator makes it.
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (state_dir, any) = (state.display().to_string(), "127.0.0.1:0");
    let host = Program::start(&[
        "serve",
        "--state-dir",
        &state_dir,
        "--admin-listen",
        any,
        "--public-listen",
        any,
    ])
    .await;
    let token = state.join("admin.token").display().to_string();
    let files = format!("file:{}", guest("files").display());
    let url = host.answer["admin"].as_str().unwrap();
    let create = [
        "--admin-url",
        url,
        "--admin-token-file",
        &token,
        "challenge",
        "create",
        "files",
        &files,
        "--activate",
    ];
    let output = Program::run(&create, "").await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let write = format!("{}/challenges/files/", host.answer["public"].as_str().unwrap());
    client().post(write).body("x").send().await.unwrap();

    let mut pending = vec![state];
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        let metadata = std::fs::metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(
            metadata.permissions().mode() & 0o777,
            expected,
            "{}",
            path.display()
        );
        if metadata.is_dir() {
            pending.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        seen += 1;
    }
    assert!(seen > 12, "{seen}");
    host.kill().await;
}
