//! What the ledger of epochs keeps beside the vector.

use platform_keys::Keypair;
use platform_store::{Store, StoreError, epochs};
use platform_tests::client;

use crate::epochs::{devnet, host, miners, scores, submit};

#[tokio::test]
async fn an_answer_is_kept_with_the_state_it_came_from() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet(&validator, &miners).await;
    let mut host = host(&devnet, &validator).await;
    let weights = scores(&[(&miners[0], 1.0)]);
    host.run_guest("echo", "echo", "50", &[("WEIGHTS", &weights)])
        .await;
    host.run_guest("ledger", "ledger", "50", &[]).await;
    let state = async || {
        let answers = host.admin.weights_preview().await.unwrap().answers;
        let states: Vec<_> = answers.into_iter().map(|answer| answer.state).collect();
        let [None, Some(ledger)] = states[..] else {
            panic!("the host keeps a state for one of them: {states:?}");
        };
        ledger
    };
    let before = state().await;
    assert_eq!(state().await, before, "being asked changes nothing");
    let insert = format!("INSERT INTO entries (note, amount) VALUES ('{}', 3)", miners[0]);
    let written = client()
        .post(host.url("ledger", "/execute"))
        .body(insert)
        .send()
        .await
        .unwrap();
    assert!(written.status().is_success());
    let after = state().await;
    assert_ne!(after, before);

    let epoch = submit(&host).await;
    host.stop().await;
    let store = Store::open(&host.state().join("host.sqlite3")).unwrap();
    let read = move |connection: &_| {
        let row = epochs::latest(connection, 1)?.remove(0);
        let answers = epochs::collected(connection, &row.key())?;
        Ok::<_, StoreError>((row.epoch, answers[0].state, answers[1].state))
    };
    let kept = store.read("state", read).await.unwrap();
    assert_eq!(kept, (epoch.epoch, None, Some(after)));
}
