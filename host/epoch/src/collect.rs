//! Asking every active challenge for its weights, all at once, each with its own deadline; and, where a challenge does not
//! answer, those whose word its rule takes instead.

use std::time::Duration;

use platform_domain::{
    Artifact, Capability, Challenge, Digest, EpochContext, RawWeight, Slug, Status, with_causes,
};
use platform_fallback::Taken;
use platform_runtime::{CallError, RouteReader};
use platform_store::{Answer, EpochKey, Source, Store, StoreError, epochs};
use platform_weights::check_answer;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::primary::{Primary, PrimaryError, Sought};

/// Whom to ask, about what, and for how long.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) epoch: EpochKey,
    pub(crate) context: EpochContext,
    pub(crate) routes: RouteReader,
    pub(crate) store: Store,
    pub(crate) primary: Option<Primary>,
    /// For a challenge's own answer.
    pub(crate) deadline: Duration,
}

impl Asking {
    /// Asks every challenge that is active and gives weights. One that fails, hangs or does not run is an answer too, with its
    /// reason; it never keeps the others waiting beyond the deadline. In the order of the slugs; for each of them its own
    /// answer, then what was tried in its place.
    pub(crate) async fn all(&self, challenges: Vec<Challenge>) -> Vec<Answer> {
        let mut asked = JoinSet::new();
        for challenge in challenges.into_iter().filter(takes_part) {
            let asking = self.clone();
            asked.spawn(async move { asking.one(challenge).await });
        }
        let mut answers = Vec::new();
        while let Some(joined) = asked.join_next().await {
            match joined {
                Ok(of_one) => answers.push(of_one),
                Err(panic) => {
                    let epoch = self.epoch.epoch;
                    tracing::error!(epoch.id = %epoch, error = %panic, "asking a challenge panicked")
                }
            }
        }
        answers.sort_by(|a, b| a.first().map(|it| &it.slug).cmp(&b.first().map(|it| &it.slug)));
        answers.into_iter().flatten().collect()
    }

    async fn one(&self, challenge: Challenge) -> Vec<Answer> {
        let component = match &challenge.artifact {
            Artifact::Component(pinned) => Some(pinned.component),
            Artifact::Image(_) => None,
        };
        let (weights, state) = match self.ask(&challenge.slug).await {
            Ok((weights, state)) => (Ok(weights), state),
            Err(reason) => (Err(reason), None),
        };
        let own = answer(&challenge, Source::Live, component, weights);
        let mut tried = vec![Answer { state, ..own }];
        if let Some(primary) = &self.primary
            && challenge.on_failure.primary()
            && is_refused(&tried)
        {
            let (component, weights) = match self.told_by(primary, &challenge.slug).await {
                Ok(told) => (told.component, Ok(told.weights)),
                Err(error) => (None, Err(with_causes(&error))),
            };
            let source = Source::Primary(primary.hotkey());
            tried.push(answer(&challenge, source, component, weights));
        }
        if challenge.on_failure.last_good() > 0 && is_refused(&tried) {
            match self.last_good(&challenge).await {
                Ok(Some(found)) => tried.push(found),
                Ok(None) => {}
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::error!(challenge.slug = %challenge.slug, error, "the last good answer cannot be read");
                }
            }
        }
        tried
    }

    /// What the challenge itself says, and from which state. A state that is another one after the answer than before is not
    /// told: which of the two it came from, or whether from one in between, nobody knows.
    async fn ask(&self, slug: &Slug) -> Result<(Vec<RawWeight>, Option<Digest>), String> {
        let by = Instant::now() + self.deadline;
        let late = || format!("no answer within {} s", self.deadline.as_secs());
        let mut routes = self.routes.clone();
        let asking = async {
            loop {
                let route = routes.current().get(slug).cloned();
                let route = route.ok_or_else(|| "it does not run".to_owned())?;
                let before = route.target.state_digest().await;
                match route.target.weights(self.context.clone(), by).await {
                    Ok(weights) => {
                        let after = route.target.state_digest().await;
                        return Ok((weights, before.filter(|_| before == after)));
                    }
                    // It comes with one of the next tables, and an epoch can wait for that.
                    Err(CallError::Starting { .. }) if routes.changed().await.is_ok() => {}
                    Err(CallError::Overdue) => return Err(late()),
                    Err(error) => return Err(with_causes(&error)),
                }
            }
        };
        timeout_at(by, asking).await.unwrap_or_else(|_| Err(late()))
    }

    /// What another host says of the challenge.
    async fn told_by(&self, primary: &Primary, slug: &Slug) -> Result<Taken, PrimaryError> {
        let EpochKey {
            lane,
            numbering,
            epoch,
        } = self.epoch;
        let sought = Sought {
            genesis: lane.genesis,
            netuid: lane.netuid,
            mechanism: lane.mechanism,
            numbering: &numbering.to_string(),
            epoch,
            slug,
        };
        primary.weights(&sought).await
    }

    /// The newest answer of its own that counted, if it is not too old.
    async fn last_good(&self, challenge: &Challenge) -> Result<Option<Answer>, StoreError> {
        let (epoch, slug) = (self.epoch, challenge.slug.clone());
        let back = u64::from(challenge.on_failure.last_good());
        let registered = challenge.created_at;
        let find = move |connection: &_| {
            let Some((at, good)) = epochs::last_good(connection, &epoch, &slug, back)? else {
                return Ok(None);
            };
            // Before that the slug was another challenge's.
            let row = epochs::get(connection, &EpochKey { epoch: at, ..epoch })?;
            let own = row.is_some_and(|row| row.began_at >= registered);
            Ok::<_, StoreError>(own.then_some((at, good)))
        };
        let found = self.store.read("epoch_last_good", find).await?;
        Ok(found.map(|(epoch, good)| Answer {
            source: Source::LastGood(epoch),
            emission_percent: challenge.emission_percent,
            ..good
        }))
    }
}

fn takes_part(challenge: &Challenge) -> bool {
    challenge.status == Status::Active && challenge.capabilities.contains(&Capability::GetWeights)
}

fn is_refused(tried: &[Answer]) -> bool {
    tried.iter().all(|answer| answer.refused.is_some())
}

/// What was said, and why it does not count if it does not.
fn answer(
    challenge: &Challenge,
    source: Source,
    component: Option<Digest>,
    weights: Result<Vec<RawWeight>, String>,
) -> Answer {
    let (weights, refused) = match weights {
        Ok(weights) => {
            let invalid = check_answer(&weights).err();
            (Some(weights), invalid.map(|error| error.to_string()))
        }
        // A crash is told with the guest's whole stack: that is for the log.
        Err(reason) => (None, Some(reason)),
    };
    if let Some(reason) = &refused {
        let slug = &challenge.slug;
        tracing::warn!(challenge.slug = %slug, weights.source = %source, reason, "a challenge gave no weights");
    }
    Answer {
        slug: challenge.slug.clone(),
        source,
        component,
        state: None,
        emission_percent: challenge.emission_percent,
        weights,
        refused: refused.map(|reason| reason.lines().next().unwrap_or_default().to_owned()),
    }
}
