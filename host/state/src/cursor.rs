//! A result that is read step by step, by a thread of its own: SQLite's statements stay where they were made, and a
//! guest's call may move between threads.

use std::sync::mpsc;

use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{Bounds, Parameters, SqlError, Value, lease::Lease};

/// An open cursor. Dropped, it ends.
pub struct Cursor {
    columns: Vec<String>,
    ask: mpsc::Sender<Step>,
}

struct Step {
    most: u64,
    bounds: Bounds,
    answer: oneshot::Sender<Result<Vec<Value>, SqlError>>,
}

impl Cursor {
    pub(crate) async fn open(
        reader: Lease,
        sql: String,
        parameters: Parameters,
        bounds: Bounds,
    ) -> Result<Self, SqlError> {
        let (tell, told) = oneshot::channel();
        let (ask, asked) = mpsc::channel::<Step>();
        spawn_blocking(move || {
            let mut tell = Some(tell);
            let mut waiting: Option<oneshot::Sender<_>> = None;
            let ended = reader.stream(
                &sql,
                &parameters,
                bounds,
                |columns| {
                    if let Some(tell) = tell.take() {
                        let _ = tell.send(Ok(columns));
                    }
                },
                |answer| {
                    if let Some(waiting) = waiting.take() {
                        // Whoever does not wait any more has ended.
                        let _ = waiting.send(answer);
                    }
                    let Step { most, bounds, answer } = asked.recv().ok()?;
                    waiting = Some(answer);
                    Some((most, bounds))
                },
            );
            if let (Err(error), Some(tell)) = (ended, tell) {
                let _ = tell.send(Err(error));
            }
        });
        let columns = told.await.map_err(|_| gone())??;
        Ok(Self { columns, ask })
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next rows, one after the other: at most so many, fewer when they are large; none after the last.
    pub async fn next(&self, most: u64, bounds: Bounds) -> Result<Vec<Value>, SqlError> {
        let (answer, answered) = oneshot::channel();
        let step = Step {
            most: most.max(1),
            bounds,
            answer,
        };
        self.ask.send(step).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn gone() -> SqlError {
    SqlError::misuse("the cursor has ended")
}
