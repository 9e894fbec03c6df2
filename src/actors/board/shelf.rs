//! Frames that bring sessions up to date, encoded once for all that stand at the same place.

use std::collections::HashMap;

use bytes::Bytes;
use prometheus::IntCounter;

use crate::domain::Seq;

/// A frame, and the metric that counts how often it is sent.
#[derive(Debug, Clone)]
pub(super) struct Shelved {
    pub(super) frame: Bytes,
    pub(super) sent: IntCounter,
}

/// The frames from where a cursor stands to where its cluster has delivered, by where it stands.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// The one asked for last: nearly all of a crowd stand at the same place, and need not be hashed for.
    last: Option<(Seq, Shelved)>,
    others: HashMap<Seq, Shelved>,
}

impl Shelf {
    pub(super) fn clear(&mut self) {
        self.last = None;
        self.others.clear();
    }

    /// The frame for who has seen that much, made if there is none yet. None if it can't be made.
    pub(super) fn take(
        &mut self,
        seen: Seq,
        make: impl FnOnce() -> Option<Shelved>,
    ) -> Option<&Shelved> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != seen) {
            let shelved = match self.others.remove(&seen) {
                Some(shelved) => shelved,
                None => make()?,
            };
            if let Some((seen, shelved)) = self.last.replace((seen, shelved)) {
                self.others.insert(seen, shelved);
            }
        }
        self.last.as_ref().map(|(_, shelved)| shelved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelved(text: &'static str) -> Option<Shelved> {
        let sent = IntCounter::new("sent", "sent").unwrap();
        let frame = Bytes::from_static(text.as_bytes());
        Some(Shelved { frame, sent })
    }

    #[test]
    fn a_frame_is_made_once_for_each_place_however_they_take_turns() {
        let mut shelf = Shelf::default();
        let mut made = Vec::new();
        for seen in [1, 1, 2, 1, 2, 3, 3, 1] {
            let text = ["", "one", "two", "three"][seen];
            let make = || {
                made.push(seen);
                shelved(text)
            };
            let taken = shelf.take(Seq(seen as u64), make).unwrap();
            assert_eq!(taken.frame, text.as_bytes());
        }
        assert_eq!(made, [1, 2, 3]);
    }

    #[test]
    fn what_cannot_be_made_takes_no_place_and_what_is_cleared_is_made_anew() {
        let mut shelf = Shelf::default();
        assert!(shelf.take(Seq(1), || None).is_none());
        assert!(shelf.take(Seq(1), || shelved("old")).is_some());
        shelf.clear();
        let anew = shelf.take(Seq(1), || shelved("new")).unwrap();
        assert_eq!(anew.frame, "new");
    }
}
