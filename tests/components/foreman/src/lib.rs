//! Hands in jobs, keeps their tickets, and asks for them in later calls. What it is told it asks for, allowed or not. And attacks
//! whoever takes jobs.

mod attacks;

use platform_guest_sdk::{
    jobs::{Gpus, Job, JobError, Status, Ticket},
    prelude::*,
};
use serde_json::{Value, json};

struct Foreman;

#[challenge(name = "foreman")]
impl Foreman {
    /// The body: image, command, and more of what a job has.
    #[post("/jobs/{name}")]
    fn submit(request: &Request) -> Result<(u16, Json<Value>)> {
        let (name, wanted): (String, Value) = (request.param("name")?, request.json()?);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let words = wanted["command"].as_array().into_iter().flatten().map(text);
        let mut job = Job::new(&name, text(&wanted["image"]), words);
        job.timeout_seconds = wanted["seconds"].as_u64();
        job.memory = wanted["memory"].as_u64();
        job.network = wanted["network"].as_bool().unwrap_or_default();
        if let Some(archive) = wanted["archive"].as_str() {
            job = job.input("/in", archive.as_bytes());
        }
        let jobs = request.environment().jobs();
        let submitted = match wanted["gpus"].as_u64() {
            None => jobs.submit(job),
            Some(count) => {
                let mut gpus = Gpus::new(count as u16);
                if let Some(kind) = wanted["kind"].as_str() {
                    gpus = gpus.kind(kind).label("zone", "eu");
                }
                jobs.submit_with_gpus(job, gpus)
            }
        };
        match submitted {
            Ok(ticket) => {
                let ticket = ticket.to_string();
                request
                    .environment()
                    .bucket("tickets")?
                    .set(&name, ticket.as_bytes())?;
                Ok((202, Json(json!({ "ticket": ticket }))))
            }
            Err(error) => Ok((409, Json(json!({ "error": shown(&error) })))),
        }
    }

    #[get("/jobs/{name}")]
    fn poll(request: &Request) -> Result<Json<Value>> {
        let status = request.environment().jobs().poll(&kept(request)?);
        Ok(Json(match status {
            Ok(Status::Done(outcome)) => json!({
                "status": "done", "exit_code": outcome.exit_code, "timed_out": outcome.timed_out,
                "out_of_memory": outcome.out_of_memory, "stdout": outcome.stdout_text(),
            }),
            Ok(Status::Failed(reason)) => json!({ "status": "failed", "reason": reason }),
            Ok(other) => json!({ "status": format!("{other:?}").to_lowercase() }),
            Err(error) => json!({ "error": shown(&error) }),
        }))
    }

    #[delete("/jobs/{name}")]
    fn cancel(request: &Request) -> Result<Json<Value>> {
        let cancelled = request.environment().jobs().cancel(&kept(request)?);
        Ok(Json(
            json!({ "error": cancelled.err().map(|error| shown(&error)) }),
        ))
    }

    /// Hands in other jobs for ever.
    #[get("/flood")]
    fn flood(request: &Request) -> Result<()> {
        attacks::flood(&request.environment().jobs())
    }

    /// Asks for one job for ever.
    #[get("/polls")]
    fn polls(request: &Request) -> Result<()> {
        attacks::polls(&request.environment().jobs())
    }

    /// Asks for jobs of others, and ends them.
    #[get("/others")]
    fn others(request: &Request) -> Result<Json<Value>> {
        Ok(Json(attacks::others(&request.environment().jobs())))
    }

    /// Asks for what no job may have.
    #[get("/forbidden")]
    fn forbidden(request: &Request) -> Result<Json<Value>> {
        Ok(Json(attacks::forbidden(&request.environment().jobs())))
    }

    /// Hands over more than a call may.
    #[get("/giant")]
    fn giant(request: &Request) -> Result<()> {
        attacks::giant(&request.environment().jobs())
    }

    #[get("/fine")]
    fn fine(_: &Request) -> Result<String> {
        Ok("fine".to_owned())
    }
}

/// The ticket of this name, or the name itself, which may be somebody else's ticket.
fn kept(request: &Request) -> Result<Ticket> {
    let name: String = request.param("name")?;
    let kept = request.environment().bucket("tickets")?.get(&name)?;
    let kept = kept.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(kept.unwrap_or(name).into())
}

fn shown(error: &JobError) -> Value {
    match error {
        JobError::Refused(reason) => json!({ "refused": reason }),
        other => json!(format!("{other:?}").to_lowercase()),
    }
}
