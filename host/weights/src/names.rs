//! Whom answers name. Challenges of one subnet name much the same hotkeys, and reading an address costs more than
//! everything else that is done with an entry: each text is read once.

use std::collections::HashMap;

use platform_domain::{Hotkey, Uid};

use crate::Uids;

/// The hotkeys that were named so far.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    uids: &'a Uids,
    /// `None` for a text that is not a hotkey.
    by_text: HashMap<&'a str, Option<usize>>,
    by_hotkey: HashMap<Hotkey, usize>,
    all: Vec<Name>,
    /// Counts the answers.
    answer: usize,
}

/// A hotkey that is well formed.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) hotkey: Hotkey,
    /// Where it is registered, if it is.
    pub(crate) uid: Option<Uid>,
    /// The last answer that named it.
    answer: usize,
}

/// A hotkey of the answer in hand.
#[derive(Debug)]
pub(crate) struct Found<'n> {
    pub(crate) name: &'n Name,
    /// Whether the same answer named it before.
    pub(crate) again: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn new(uids: &'a Uids) -> Self {
        Self {
            uids,
            by_text: HashMap::new(),
            by_hotkey: HashMap::new(),
            all: Vec::new(),
            answer: 0,
        }
    }

    /// Begins the next answer.
    pub(crate) const fn next_answer(&mut self) {
        self.answer += 1;
    }

    /// The hotkey of an entry; `None` when the text is not one.
    pub(crate) fn find(&mut self, text: &'a str) -> Option<Found<'_>> {
        let at = match self.by_text.get(text) {
            Some(at) => *at,
            None => self.read(text),
        };
        let name = self.all.get_mut(at?)?;
        let again = name.answer == self.answer;
        name.answer = self.answer;
        Some(Found { name, again })
    }

    /// Reads a text for the first time. Should two texts ever be one hotkey, they are one name.
    fn read(&mut self, text: &'a str) -> Option<usize> {
        let at = text.parse::<Hotkey>().ok().map(|hotkey| {
            *self.by_hotkey.entry(hotkey).or_insert_with(|| {
                let uid = self.uids.get(&hotkey);
                let answer = 0;
                self.all.push(Name { hotkey, uid, answer });
                self.all.len() - 1
            })
        });
        self.by_text.insert(text, at);
        at
    }
}
