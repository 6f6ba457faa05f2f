//! A connection into a network of an engine, carried by `nc` in a container there, over the connection to the engine: nothing has to
//! listen anywhere, and whoever may not speak to the engine reaches nothing.

mod line;

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    runtime::Handle,
    time::timeout,
};

use self::line::Line;
use crate::{
    Engine, EngineError,
    limits::{DIALED_LINGER, QUESTION},
    refusal::Subject,
    spec::check_name,
};

/// Tells its number first, by which it can be ended, and becomes `nc`.
const CARRY: &str = "echo $$ >&2; exec nc \"$0\" \"$1\"";

/// A connection of `nc`. Whether it has reached anybody shows when it is read: until then what is written waits. If it has not, reading
/// is an error whose kind is [`io::ErrorKind::ConnectionRefused`], with the reason in the words of `nc`. Shutting it down tells
/// the other side that nothing more comes, which may still answer. Dropping it ends both directions, and the `nc` with them, by a
/// task of the same runtime. Holds no more than it reads at once.
pub struct Dialed {
    /// Until it is dropped.
    line: Option<Line>,
    engine: Engine,
    container: String,
}

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
        let mut dialed = Dialed {
            line: Some(line),
            engine: self.clone(),
            container: container.to_owned(),
        };
        match timeout(QUESTION, dialed.started()).await {
            Ok(Ok(())) => Ok(dialed),
            Ok(Err(error)) => match error
                .get_ref()
                .is_some_and(|inner| inner.is::<line::NotStarted>())
            {
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

impl Dialed {
    async fn started(&mut self) -> io::Result<()> {
        match &mut self.line {
            Some(line) => line.started().await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn line(&mut self) -> io::Result<&mut Line> {
        self.line.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

/// Tells the other side that it is over, and waits a moment until it is: then the program has ended by itself.
async fn let_go(mut line: Line, engine: Engine, container: String) {
    let over = timeout(DIALED_LINGER, async {
        drop(line.io.shutdown().await);
        line.drained().await
    });
    if over.await.is_err()
        && let Some(number) = line.number()
        // As long as the connection is there, it is this program that has the number.
        && let Err(error) = engine.end_program(&container, number).await
    {
        tracing::debug!(container, error = %error, "what carried a connection cannot be ended");
    }
}

impl Drop for Dialed {
    fn drop(&mut self) {
        let line = self.line.take().filter(|line| !line.is_over());
        if let (Some(line), Ok(runtime)) = (line, Handle::try_current()) {
            let container = std::mem::take(&mut self.container);
            drop(runtime.spawn(let_go(line, self.engine.clone(), container)));
        }
    }
}

impl AsyncRead for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.line()?;
        ready!(line.poll_fill(context))?;
        line.reason()?;
        line.take(buffer);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.line()?.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line()?.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line()?.io).poll_shutdown(context)
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Dialed");
        shown.field("container", &self.container).finish_non_exhaustive()
    }
}
