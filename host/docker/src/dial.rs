//! A connection into a network of an engine, carried by `nc` in a container there, over the connection to the engine: nothing has to
//! listen anywhere, and whoever may not speak to the engine reaches nothing.

mod dialed;
mod line;

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use self::line::{Line, NotStarted};
use crate::{Engine, EngineError, limits::QUESTION, refusal::Subject, spec::check_name};

pub use dialed::Dialed;

/// Tells its number first, by which it can be ended, and becomes `nc`.
const CARRY: &str = "echo $$ >&2; exec nc \"$0\" \"$1\"";

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

impl Engine {
    /// Connects from inside a container, whose image has `sh` and `nc`, to an address of a network that it is in. A container that does not
    /// run, or in which nothing can be started any more, is [`EngineError::NotFound`].
    pub async fn dial(&self, container: &str, to: SocketAddr) -> Result<Dialed, EngineError> {
        let (ip, port) = (to.ip().to_string(), to.port().to_string());
        let program = json!({
            "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Tty": false,
            "Cmd": ["sh", "-c", CARRY, ip, port],
        });
        let start = self.program(container, &program).await?;
        let how = json!({ "Detach": false, "Tty": false });
        let subject = Subject::Container(container);
        let line = Line::new(self.switch(QUESTION, &start, &how, subject).await?);
        let mut dialed = Dialed::new(line, self, container);
        match timeout(QUESTION, dialed.started()).await {
            Ok(Ok(())) => Ok(dialed),
            Ok(Err(error)) => match error.get_ref().is_some_and(|inner| inner.is::<NotStarted>()) {
                true => Err(EngineError::NotFound(format!(
                    "way into container {container}: {error}"
                ))),
                false => Err(self.failed(error)),
            },
            Err(_) => Err(EngineError::Timeout(QUESTION)),
        }
    }

    /// Makes a program in a container, and gives the path by which it is started.
    async fn program(&self, container: &str, program: &serde_json::Value) -> Result<String, EngineError> {
        check_name(container, "the name of a container")?;
        let path = format!("/containers/{container}/exec");
        let made = self.post(QUESTION, &path, program, None, Subject::Container(container));
        let Made { id } = match made.await {
            // It is there and does not run, or is halted.
            Err(EngineError::Engine { status: 409, message }) => return Err(EngineError::NotFound(message)),
            made => made?,
        };
        check_name(&id, "the name of a program").map_err(EngineError::protocol)?;
        Ok(format!("/exec/{id}/start"))
    }

    /// Ends a program in a container by its number there.
    async fn end_program(&self, container: &str, number: u32) -> Result<(), EngineError> {
        let program = json!({ "Cmd": ["sh", "-c", format!("kill -9 {number}")] });
        let start = self.program(container, &program).await?;
        let how = json!({ "Detach": true, "Tty": false });
        self.tell(QUESTION, &start, &how, Subject::Container(container))
            .await
    }
}
