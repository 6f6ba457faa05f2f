//! Why there is no room now. The texts are for the challenge that asked.

/// Which room is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Of this challenge.
    #[error("this challenge has as many jobs waiting as it may")]
    ChallengeWaits,
    /// Of all challenges.
    #[error("too many jobs are waiting")]
    AllWait,
    /// In memory.
    #[error("what is handed in and has not ended takes all the memory there is for it")]
    Memory,
    /// Of this challenge, within an hour.
    #[error("this challenge has asked for as many jobs within an hour as it may")]
    Hour,
}
