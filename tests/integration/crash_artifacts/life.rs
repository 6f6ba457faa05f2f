//! One life of a host: from its start on a state directory to its sudden end.

use std::{path::Path, time::Duration};

use platform_admin_types::{ChallengeView, Client, Observed, VersionView};
use platform_domain::{Digest, PlainToken, Slug};
use platform_tests::{Program, client};

/// The longest a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Life {
    pub(super) program: Program,
    pub(super) admin: Client,
    public: String,
}

impl Life {
    pub(super) async fn start(state: &Path) -> Self {
        let (dir, any) = (state.display().to_string(), "127.0.0.1:0");
        let args = ["serve", "--state-dir", &dir];
        let ports = ["--admin-listen", any, "--public-listen", any];
        let program = Program::start_logged(&[&args[..], &ports].concat()).await;
        let token = std::fs::read_to_string(state.join("admin.token")).unwrap();
        let url = |field: &str| program.answer[field].as_str().unwrap().to_owned();
        Self {
            admin: Client::new(&url("admin"), PlainToken::from_text(&token)).unwrap(),
            public: url("public"),
            program,
        }
    }

    /// A challenge that runs, once it does; `None` when there is none.
    pub(super) async fn running(&self, slug: &Slug) -> Option<ChallengeView> {
        let all = self.admin.challenge_list().await.unwrap().challenges;
        all.iter().find(|view| view.slug == *slug)?;
        let looking = async {
            loop {
                let view = self.admin.challenge_get(slug).await.unwrap();
                match &view.observed {
                    Observed::Running { .. } => return view,
                    Observed::Failed { reason, .. } => panic!("{slug} failed: {reason}"),
                    Observed::Starting { .. } | Observed::Stopped => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        };
        Some(
            tokio::time::timeout(PATIENCE, looking)
                .await
                .expect("it runs in time"),
        )
    }

    /// What a miner is answered.
    pub(super) async fn answer(&self, slug: &Slug) -> String {
        let url = format!("{}/challenges/{slug}/", self.public);
        let answer = client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    /// The same, for a body.
    pub(super) async fn post(&self, slug: &Slug, path: &str, body: String) -> String {
        let url = format!("{}/challenges/{slug}{path}", self.public);
        let answer = client().post(url).body(body).send().await.unwrap();
        answer.text().await.unwrap()
    }

    pub(super) async fn history(&self, slug: &Slug) -> Vec<VersionView> {
        self.admin.challenge_versions(slug).await.unwrap().versions
    }
}

/// The component that a challenge is pinned to.
pub(super) fn digest_of(view: &ChallengeView) -> Digest {
    view.component.as_ref().unwrap().digest
}
