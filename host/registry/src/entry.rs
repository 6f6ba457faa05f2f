//! One active challenge as the reconciler sees it: what runs of it, what is being started, how it is shown.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use platform_domain::{
    Artifact, Challenge, ComponentRef, PinnedComponent, Runs, Serving, UnixSeconds, with_causes,
};
use platform_fleet::{FleetError, Running};
use platform_runtime::{About, Guarded, Health, Route, Target};
use platform_wasm::Code;
use tokio::time::Instant;

use crate::{
    board::{Observed, StartStep},
    load::{Callable, LoadError, Loaded},
    plan::{Present, Stage, Wanted},
    reconciler::now,
};

/// An active challenge.
pub(crate) struct Entry {
    /// Shared with the published tables; replaced when anything of it changes.
    route: Arc<Route>,
    /// The challenge's, whichever program runs.
    health: Arc<Health>,
    state: State,
    /// What the start under way is to bring.
    starting: Option<Wanted>,
    /// How far it has come, and when.
    step: (StartStep, UnixSeconds),
}

enum State {
    /// Its first start has not ended.
    New,
    Running {
        wanted: Wanted,
        since: UnixSeconds,
        code: Code,
        container: Option<Arc<Running>>,
        /// Attempts that failed before, without much between them.
        failures: u32,
    },
    Failed {
        wanted: Wanted,
        reason: Arc<str>,
        at: UnixSeconds,
        attempts: u32,
        retry_at: Instant,
    },
}

/// A container that ran for so long and ends is no part of a series of crashes.
const STEADY: u64 = 600;
/// The first retry of a failed start comes after this, each further one after twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// No retry waits longer: an operator who repaired something should not have to wait for long.
pub(crate) const LONGEST_RETRY: Duration = Duration::from_secs(300);
/// A component that the compiler refuses, or that takes more than it may, does the same each time. It is tried again
/// after this, and a change of something else in the registry does not hasten it by more than [`LONGEST_RETRY`]: so
/// a component that takes a minute to fail does not take a minute of each change.
const REFUSED_RETRY: Duration = Duration::from_secs(600);

impl Entry {
    /// Nothing runs of it yet.
    pub(crate) fn new(challenge: &Challenge, health: Arc<Health>) -> Self {
        let route = Route {
            slug: challenge.slug.clone(),
            target: Target::Starting,
            rules: Vec::new(),
            serving: Serving::default(),
            about: About::default(),
            capabilities: BTreeSet::new(),
            emission_percent: challenge.emission_percent,
            component: None,
        };
        let mut entry = Self {
            route: Arc::new(route),
            health,
            state: State::New,
            starting: None,
            step: (StartStep::Loading, now()),
        };
        entry.describe(challenge);
        entry
    }

    /// Takes over what a record says and no program is made of.
    pub(crate) fn describe(&mut self, challenge: &Challenge) {
        self.route = Arc::new(Route {
            slug: challenge.slug.clone(),
            target: self.route.target.clone(),
            rules: self.route.rules.clone(),
            serving: challenge.serving.clone(),
            about: about(challenge),
            capabilities: challenge.capabilities.clone(),
            emission_percent: challenge.emission_percent,
            component: match challenge.runs() {
                Runs::Component(pinned) => Some(pinned.component),
                Runs::Container(_) => None,
            },
        });
    }

    /// A start begins; what ran before still answers.
    pub(crate) fn begin(&mut self, wanted: Wanted) {
        self.starting = Some(wanted);
        self.step(StartStep::Loading);
    }

    /// The start has come further.
    pub(crate) fn step(&mut self, step: StartStep) {
        self.step = (step, now());
    }

    /// The start has ended; what it brought takes the place of what was before.
    pub(crate) fn end(&mut self, outcome: Result<Loaded, LoadError>) {
        let Some(wanted) = self.starting.take() else {
            return;
        };
        let slug = &self.route.slug;
        if self.state.wanted().is_some_and(|before| *before != wanted) {
            // What another program did says nothing of this one.
            self.health.reset();
        }
        let (target, rules) = match outcome {
            Ok(Loaded {
                callable,
                rules,
                code,
            }) => {
                let load_ms = u64::try_from(code.loading.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(
                    challenge.slug = %slug, code.bytes = code.bytes, code.cached = code.cached, load.ms = load_ms,
                    "The challenge is running"
                );
                let since = now();
                let failures = self.state.failures();
                let container = match &callable {
                    Callable::Container(_, running) => running.clone(),
                    Callable::Program(_) => None,
                };
                self.state = State::Running {
                    wanted,
                    since,
                    code,
                    container,
                    failures,
                };
                let target = match callable {
                    Callable::Program(program) => {
                        Target::Wasm(Guarded::new(program, Arc::clone(&self.health)))
                    }
                    Callable::Container(container, _) => Target::Container(container),
                };
                (target, rules)
            }
            Err(error) => {
                let attempts = match self.state.wanted() {
                    Some(before) if *before == wanted => self.state.failures().saturating_add(1),
                    _ => 1,
                };
                let retry_after = match error.is_of_the_component() {
                    true => REFUSED_RETRY,
                    false => retry_after(attempts),
                };
                let reason: Arc<str> = with_causes(&error).into();
                if matches!(error, LoadError::Untrusted(_)) {
                    tracing::error!(challenge.slug = %slug, error = %reason, "The challenge is not trusted, and does not run");
                } else {
                    tracing::warn!(challenge.slug = %slug, attempts, error = %reason, "The challenge cannot be started");
                }
                self.state = State::Failed {
                    wanted,
                    reason: Arc::clone(&reason),
                    at: now(),
                    attempts,
                    retry_at: Instant::now() + retry_after,
                };
                // It keeps its place in the table: it exists, it only does not answer.
                (Target::Down(reason), Vec::new())
            }
        };
        self.route = Arc::new(Route {
            target,
            rules,
            ..Route::clone(&self.route)
        });
    }

    /// The container has ended, or was lost. Whether this is news: another may run by now.
    pub(crate) fn lost(&mut self, lost: &Running, why: &FleetError) -> bool {
        let State::Running {
            wanted,
            since,
            container: Some(running),
            failures,
            ..
        } = &self.state
        else {
            return false;
        };
        if running.container != lost.container {
            return false;
        }
        let steady = now().0.saturating_sub(since.0) >= STEADY;
        let attempts = if steady { 1 } else { failures.saturating_add(1) };
        let reason: Arc<str> = with_causes(why).into();
        tracing::warn!(
            challenge.slug = %self.route.slug, attempts, error = %reason, "The challenge's container does not run any more"
        );
        self.state = State::Failed {
            wanted: wanted.clone(),
            reason: Arc::clone(&reason),
            at: now(),
            attempts,
            retry_at: Instant::now() + retry_after(attempts),
        };
        self.route = Arc::new(Route {
            target: Target::Down(reason),
            rules: Vec::new(),
            ..Route::clone(&self.route)
        });
        true
    }

    pub(crate) fn route(&self) -> Arc<Route> {
        Arc::clone(&self.route)
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    pub(crate) fn observed(&self) -> Observed {
        match &self.state {
            State::New => {
                let (step, since) = self.step;
                Observed::Starting { step, since }
            }
            State::Running {
                since,
                code,
                container,
                ..
            } => Observed::Running {
                since: *since,
                code: *code,
                container: container.clone(),
            },
            State::Failed { reason, at, .. } => Observed::Failed {
                reason: Arc::clone(reason),
                at: *at,
            },
        }
    }

    /// What `plan()` compares; `None` while there is nothing of it.
    pub(crate) fn present(&self) -> Option<Present<'_>> {
        let (wanted, stage) = match (&self.starting, &self.state) {
            (Some(wanted), _) => (wanted, Stage::Starting),
            (None, State::New) => return None,
            (None, State::Running { wanted, .. }) => (wanted, Stage::Running),
            (None, State::Failed { wanted, retry_at, .. }) => (wanted, Stage::Failed { retry_at: *retry_at }),
        };
        Some(Present { wanted, stage })
    }

    /// When it is to be tried again, if it failed.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        match (&self.starting, &self.state) {
            (None, State::Failed { retry_at, .. }) => Some(*retry_at),
            _ => None,
        }
    }
}

/// What anybody may know of it.
fn about(challenge: &Challenge) -> About {
    let reference = match &challenge.artifact {
        Artifact::Image(image) => Some(image.to_string()),
        Artifact::Component(PinnedComponent { reference, .. }) => match reference {
            ComponentRef::Registry { .. } => Some(reference.to_string()),
            // Where files are is the host's own affair.
            ComponentRef::Layout { .. } | ComponentRef::Archive { .. } | ComponentRef::File(_) => None,
        },
    };
    About {
        name: challenge.name.clone(),
        version: challenge.version.clone(),
        description: challenge.description.clone(),
        reference,
        metadata: challenge.metadata.clone(),
    }
}

impl State {
    fn wanted(&self) -> Option<&Wanted> {
        match self {
            Self::New => None,
            Self::Running { wanted, .. } | Self::Failed { wanted, .. } => Some(wanted),
        }
    }

    /// How often it failed in a row.
    const fn failures(&self) -> u32 {
        match self {
            Self::New => 0,
            Self::Running { failures, .. } => *failures,
            Self::Failed { attempts, .. } => *attempts,
        }
    }
}

fn retry_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_keeps_failing_is_tried_less_and_less_often() {
        let seconds: Vec<_> = [1, 2, 3, 9, 10, 1000, u32::MAX]
            .map(|n| retry_after(n).as_secs())
            .into();
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300, 300]);
    }
}
