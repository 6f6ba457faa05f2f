//! What happens to containers of ours, as the engine tells it. A hint to look, not a record: who connects late has missed something.

use std::collections::HashMap;

use bollard::models::EventMessage;
use platform_domain::{Slug, UnixSeconds};

use crate::{
    Engine, EngineError, Kind, OWNER, Owner, SLUG, labels::COMPONENT, limits::TEXT_CHARS, lines::Lines,
    refusal::Subject, text::shown,
};

/// Something that happened to a container of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineEvent {
    /// Which container.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is, if it says so.
    pub component: String,
    /// Whose it is, if it says so.
    pub slug: Option<Slug>,
    /// `create`, `start`, `die`, `oom`, `destroy` and others.
    pub action: String,
    /// What the program said when it ended.
    pub exit_code: Option<i64>,
    /// When.
    pub at: UnixSeconds,
}

/// Events as they come. Dropping it hangs up.
pub struct Events {
    engine: Engine,
    lines: Lines,
}

impl Engine {
    /// What happens from now on to containers of this owner.
    pub async fn events(&self, owner: &Owner) -> Result<Events, EngineError> {
        // The JSON of the filters, in the alphabet of a query. An owner needs no escapes.
        let path = format!(
            "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22label%22%3A%5B%22{OWNER}%3D{owner}%22%5D%7D"
        );
        let body = self.open(http::Method::GET, &path, Subject::Engine).await?;
        Ok(Events {
            engine: self.clone(),
            lines: Lines::new(body),
        })
    }
}

impl Events {
    /// The next one. An engine that stops or hangs up is an error: whoever followed looks at everything when it is back.
    /// Can be dropped while it waits, and asked again.
    pub async fn next(&mut self) -> Result<EngineEvent, EngineError> {
        let message = self.lines.next(&self.engine).await?;
        message.map(event).ok_or_else(|| self.engine.hung_up())
    }
}

fn event(message: EventMessage) -> EngineEvent {
    let actor = message.actor.unwrap_or_default();
    let attributes: HashMap<String, String> = actor.attributes.unwrap_or_default();
    let text = |name: &str| shown(attributes.get(name).map_or("", String::as_str), TEXT_CHARS);
    EngineEvent {
        id: actor.id.unwrap_or_default(),
        name: text("name"),
        component: text(COMPONENT),
        slug: attributes.get(SLUG).and_then(|slug| slug.parse().ok()),
        action: shown(&message.action.unwrap_or_default(), TEXT_CHARS),
        exit_code: attributes.get("exitCode").and_then(|code| code.parse().ok()),
        at: UnixSeconds(
            message
                .time
                .and_then(|time| time.try_into().ok())
                .unwrap_or_default(),
        ),
    }
}

impl EngineEvent {
    /// What the container is.
    pub fn kind(&self) -> Option<Kind> {
        let kinds = [Kind::Challenge, Kind::Job, Kind::Helper];
        kinds.into_iter().find(|kind| kind.as_str() == self.component)
    }
}
