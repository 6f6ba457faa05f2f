//! What happens to one container, as its engine tells it. A hint to look, not a record: who listens late has missed something.

use bollard::models::EventMessage;
use http::Method;

use crate::{
    Engine, EngineError, limits::TEXT_CHARS, lines::Lines, refusal::Subject, spec::check_name, text::shown,
};

/// Events as they come. Dropping it hangs up.
pub struct Events {
    engine: Engine,
    lines: Lines,
}

impl Engine {
    /// What happens from now on to a container.
    pub async fn events(&self, container: &str) -> Result<Events, EngineError> {
        check_name(container, "the name of a container")?;
        // The JSON of the filters, in the alphabet of a query.
        let path = format!(
            "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22container%22%3A%5B%22{container}%22%5D%7D"
        );
        let body = self.open(Method::GET, &path, Subject::Engine).await?;
        Ok(Events {
            engine: self.clone(),
            lines: Lines::new(body),
        })
    }
}

impl Events {
    /// The next one: `start`, `die`, `oom`, `pause`, `destroy` and others. An engine that stops or hangs up is an error: whoever
    /// listened looks for himself. Can be dropped while it waits, and asked again.
    pub async fn next(&mut self) -> Result<String, EngineError> {
        let message: Option<EventMessage> = self.lines.next(&self.engine).await?;
        let message = message.ok_or_else(|| self.engine.hung_up())?;
        Ok(shown(&message.action.unwrap_or_default(), TEXT_CHARS))
    }
}
