//! What one host tells another: what counts, and every way in which something else does not.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod page;
