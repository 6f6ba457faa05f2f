//! Takes its time over its files, so that calls queue.

use std::{fs, path::PathBuf, thread::sleep, time::Duration};

use platform_guest_sdk::prelude::*;

struct Slow;

#[challenge(name = "slow", data = exclusive)]
impl Slow {
    /// Counts itself, for so many milliseconds, and answers with the configuration's `VERSION`.
    #[post("/for/{millis}")]
    fn work(request: &Request) -> Result<String> {
        let file = counter(request)?;
        fs::write(file.with_file_name("begun"), "")?;
        let count = read(&file);
        sleep(Duration::from_millis(request.param("millis")?));
        fs::write(file, (count + 1).to_string())?;
        request.environment().config_or("VERSION", String::new())
    }

    /// How many calls were counted.
    #[get("/count")]
    fn count(request: &Request) -> Result<String> {
        Ok(read(&counter(request)?).to_string())
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        Ok(Weights::new())
    }
}

fn counter(request: &Request) -> Result<PathBuf> {
    Ok(request.environment().data_dir()?.join("count"))
}

fn read(file: &PathBuf) -> u32 {
    fs::read_to_string(file)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
