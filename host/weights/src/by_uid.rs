//! What several challenges say of one UID, for one UID after the other.

use std::{iter::Peekable, slice};

use platform_domain::Uid;

use crate::{combine::Part, score::Score};

/// Walks through the known scores of all parts at once, which are ordered by UID. So what is made for a UID is
/// made in one go, while it is at hand, and nothing is looked up.
pub(crate) struct ByUid<'a> {
    ahead: Vec<Peekable<slice::Iter<'a, (Uid, Score)>>>,
    scores: Vec<Option<Score>>,
}

impl<'a> ByUid<'a> {
    pub(crate) fn new(parts: &[Part<'a>]) -> Self {
        let known = |part: &Part<'a>| part.scores.known.iter().peekable();
        Self {
            ahead: parts.iter().map(known).collect(),
            scores: Vec::with_capacity(parts.len()),
        }
    }

    /// The next UID with its scores in the order of the parts.
    pub(crate) fn next(&mut self) -> Option<(Uid, &[Option<Score>])> {
        let uids = self.ahead.iter_mut().filter_map(|ahead| ahead.peek());
        let next = uids.map(|(uid, _)| *uid).min()?;
        let of_next = |ahead: &mut Peekable<slice::Iter<'_, (Uid, Score)>>| {
            ahead.next_if(|(uid, _)| *uid == next).map(|(_, score)| *score)
        };
        self.scores.clear();
        self.scores.extend(self.ahead.iter_mut().map(of_next));
        Some((next, &self.scores))
    }
}
