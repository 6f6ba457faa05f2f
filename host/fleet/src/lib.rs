//! Where containers of challenges run: which engine, with which GPUs, and what becomes of each container. Everything that has
//! to be true on an engine is made true again from what is wanted, so nothing here has to be remembered over a restart but
//! leases, which the database keeps.

mod clear;
mod collecting;
mod engines;
mod error;
mod fleet;
mod images;
mod job_gpus;
mod leasing;
mod limits;
mod names;
mod outage;
mod places;
mod ready;
mod relay;
mod services;
mod start;
mod stats;
mod stays;
mod tidy;
mod tls;
mod volumes;
mod watch;
mod wish;

pub use collecting::{CollectedImages, UnwantedImage};
pub use engines::Engines;
pub use error::FleetError;
pub use fleet::{Fleet, Running};
pub use limits::{LOST_AFTER, READY_TIME};
pub use places::Unreached;
pub use platform_store::fetched_images::FetchedImage;
pub use relay::{Behind, Relay, RelayImage};
pub use stats::Load;
pub use tls::TlsFiles;
pub use volumes::{KeptVolume, KeptVolumes};
pub use wish::Wish;
