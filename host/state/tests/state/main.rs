//! A challenge's database at its border.

mod archive;
mod blobs;
mod functions;
mod given;
mod hostile;
mod keys;
mod migrations;
mod sharing;
mod sql;
