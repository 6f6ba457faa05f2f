//! Asking every active challenge for its weights, all at once, each with its own deadline.

use std::time::Duration;

use platform_domain::{Artifact, Capability, Challenge, EpochContext, RawWeight, Status, with_causes};
use platform_runtime::{CallError, RouteReader};
use platform_store::Answer;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Asks every challenge of `challenges` that is active and gives weights. One that fails, hangs or does not
/// run is an answer too, with its reason; it never keeps the others waiting beyond `deadline`.
pub(crate) async fn collect(
    challenges: Vec<Challenge>,
    routes: RouteReader,
    context: EpochContext,
    deadline: Duration,
) -> Vec<Answer> {
    let mut asked = JoinSet::new();
    for challenge in challenges.into_iter().filter(takes_part) {
        let (routes, context) = (routes.clone(), context.clone());
        asked.spawn(async move {
            let weights = ask(&challenge, routes, &context, deadline).await;
            answer(challenge, weights)
        });
    }
    let mut answers = Vec::new();
    while let Some(joined) = asked.join_next().await {
        match joined {
            Ok(answer) => answers.push(answer),
            Err(panic) => {
                tracing::error!(epoch.id = %context.epoch, error = %panic, "asking a challenge panicked")
            }
        }
    }
    answers.sort_by(|a, b| a.slug.cmp(&b.slug));
    answers
}

fn takes_part(challenge: &Challenge) -> bool {
    challenge.status == Status::Active && challenge.capabilities.contains(&Capability::GetWeights)
}

async fn ask(
    challenge: &Challenge,
    mut routes: RouteReader,
    context: &EpochContext,
    deadline: Duration,
) -> Result<Vec<RawWeight>, String> {
    let by = Instant::now() + deadline;
    let late = || format!("no answer within {} s", deadline.as_secs());
    let asking = async {
        loop {
            let route = routes.current().get(&challenge.slug).cloned();
            let route = route.ok_or_else(|| "it does not run".to_owned())?;
            match route.target.weights(context.clone(), by).await {
                Ok(weights) => return Ok(weights),
                // It comes with one of the next tables, and an epoch can wait for that.
                Err(CallError::Starting { .. }) if routes.changed().await.is_ok() => {}
                Err(CallError::Overdue) => return Err(late()),
                Err(error) => return Err(with_causes(&error)),
            }
        }
    };
    timeout_at(by, asking).await.unwrap_or_else(|_| Err(late()))
}

fn answer(challenge: Challenge, weights: Result<Vec<RawWeight>, String>) -> Answer {
    if let Err(reason) = &weights {
        tracing::warn!(challenge.slug = %challenge.slug, reason, "a challenge gave no weights");
    }
    let component = match &challenge.artifact {
        Artifact::Component(pinned) => Some(pinned.component.to_string()),
        Artifact::Image(_) => None,
    };
    let Challenge {
        slug,
        emission_percent,
        ..
    } = challenge;
    Answer {
        slug,
        component,
        emission_percent,
        // A crash is told with the guest's whole stack: that is for the log.
        weights: weights.map_err(|reason| reason.lines().next().unwrap_or_default().to_owned()),
    }
}
