//! A challenge's database at its border.

mod archive;
mod blobs;
mod full_disk;
mod functions;
mod given;
mod hostile;
mod keys;
mod late;
mod migrations;
mod rehearsed;
mod sharing;
mod small_disk;
mod sql;
