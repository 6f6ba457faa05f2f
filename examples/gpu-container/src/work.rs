//! What the challenge keeps in its volume: how often each hotkey had it work.

use std::{
    collections::BTreeMap,
    fs, hint, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Rounds of arithmetic for one request: some milliseconds.
const ROUNDS: u64 = 1_000_000;
/// Hotkeys that are remembered.
const HOTKEYS: usize = 4096;

/// The counts, in a file that is replaced as a whole.
pub struct Work {
    dir: PathBuf,
    /// One writer at a time.
    writing: Mutex<()>,
}

impl Work {
    pub fn new(dir: PathBuf) -> Self {
        let writing = Mutex::new(());
        Self { dir, writing }
    }

    /// How often each hotkey had it work.
    pub fn done(&self) -> BTreeMap<String, u64> {
        let text = fs::read_to_string(self.dir.join("work.txt")).unwrap_or_default();
        let counts = text.lines().filter_map(|line| {
            let (hotkey, count) = line.split_once(' ')?;
            Some((hotkey.to_owned(), count.parse().ok()?))
        });
        counts.collect()
    }

    /// Works, and counts it for the hotkey if there is one.
    pub fn more(&self, hotkey: &str) -> io::Result<(u64, u64)> {
        let result = (1..=ROUNDS).fold(7_u64, |sum, n| {
            hint::black_box(sum.wrapping_mul(31).wrapping_add(n))
        });
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.done();
        let plain = hotkey.len() <= 64 && hotkey.bytes().all(|c| c.is_ascii_alphanumeric());
        if hotkey.is_empty() || !plain || counts.len() >= HOTKEYS {
            return Ok((result, 0));
        }
        let count = counts.entry(hotkey.to_owned()).or_default();
        *count += 1;
        let count = *count;
        let lines: Vec<String> = counts
            .iter()
            .map(|(hotkey, count)| format!("{hotkey} {count}\n"))
            .collect();
        let new = self.dir.join("work.new");
        fs::write(&new, lines.concat())?;
        fs::rename(new, self.dir.join("work.txt"))?;
        Ok((result, count))
    }
}
