//! A challenge's database at its border.

// The attribute tells the linter that helpers between the tests may unwrap.
#[cfg(test)]
mod archive;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod digest;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod given;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod late;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod rehearsed;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod small_disk;
#[cfg(test)]
mod sql;
