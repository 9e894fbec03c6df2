//! From what is committed to folds, and the consumer to where they go on.

use std::time::Duration;

use tokio::time::Instant;

use super::stage::ClosingOf;
use super::{Commits, Counting, PAUSE, Thread, Unrestored};
use crate::domain::{Action, Halt, Input, LogFold, Offset};
use crate::kafka::thread::Failure;

/// How long restoring may fail before it is told.
const QUIET: Duration = Duration::from_secs(10);

/// Between two times that it is told.
const AGAIN: Duration = Duration::from_secs(60);

/// For how long restoring has failed.
#[derive(Debug, Default)]
pub(super) struct Delay {
    /// Since when, and when it is told next.
    failing: Option<(Instant, Instant)>,
}

impl Delay {
    /// It has failed once more. Says for how long, if that is to be told now.
    fn failed_again(&mut self, now: Instant) -> Option<Duration> {
        let (since, next) = self.failing.get_or_insert((now, now + QUIET));
        if now < *next {
            return None;
        }
        *next = now + AGAIN;
        Some(now - *since)
    }

    fn end(&mut self) {
        self.failing = None;
    }
}

impl<C: Counting> Thread<'_, C> {
    pub(super) fn note_restores(&mut self, actions: Vec<Action<ClosingOf<C>>>) {
        for action in actions {
            if let Action::Restore { partition, life } = action {
                self.waiting.insert(partition, life);
            }
        }
    }

    /// Restores all that waits for it at once: moving the consumer moves it in all partitions.
    pub(super) fn restore(&mut self) -> Result<(), Failure> {
        // Nothing is counted until all of them are restored: moving the consumer moves it in all partitions.
        self.member.health.set_behind(!self.waiting.is_empty());
        if self.waiting.is_empty() {
            self.delay.end();
        }
        if self.waiting.is_empty() || Instant::now() < self.next_try {
            return Ok(());
        }
        match self.restored() {
            Ok(folds) => {
                self.member.health.answered();
                for (partition, fold) in folds {
                    let Some(life) = self.waiting.remove(&partition) else {
                        continue;
                    };
                    self.machine.step(Input::Restored {
                        partition,
                        life,
                        fold,
                    });
                }
                self.member.health.set_behind(!self.waiting.is_empty());
                Ok(())
            }
            Err(Unrestored::Hopeless(failure)) => Err(failure),
            Err(Unrestored::NotNow(cause)) => {
                let stage = self.member.health.stage();
                tracing::debug!(stage, cause, "not restored yet");
                if let Some(delay) = self.delay.failed_again(Instant::now()) {
                    let delay_s = delay.as_secs();
                    tracing::warn!(
                        stage,
                        cause,
                        delay_s,
                        "nothing is counted until this is restored"
                    );
                }
                self.next_try = Instant::now() + PAUSE;
                for (partition, life) in std::mem::take(&mut self.waiting) {
                    let actions = self.machine.step(Input::RestoreFailed { partition, life });
                    self.note_restores(actions);
                }
                Ok(())
            }
        }
    }

    fn restored(&mut self) -> Result<Vec<(usize, C::Fold)>, Unrestored> {
        self.reader.halt()?;
        self.stage.look(&self.reader.consumer)?;
        let commits = self.reader.commits(self.waiting.keys())?;
        let mut folds = self.stage.restore(&commits)?;
        for (partition, fold) in &mut folds {
            let (start, end) = self.reader.span(*partition)?;
            let committed = fold.must_reach().max(fold.position());
            if end < committed {
                let why = Halt::LogTooShort {
                    partition: *partition,
                    end,
                    committed,
                };
                return Err(Unrestored::Hopeless(self.reader.halted(why)));
            }
            if start > fold.position() {
                self.warn_of_gap(*partition, fold.position(), start, &commits);
                C::skip(fold, Offset(start.0 - 1));
            }
            if commits.get(partition) == Some(&None) && self.told_uncommitted.insert(*partition) {
                self.warn_of_beginning(*partition, end.0.saturating_sub(fold.position().0));
            }
        }
        let restored = folds.iter().map(|(partition, fold)| (*partition, fold));
        let positions = self.machine.folds().chain(restored);
        let positions = positions.map(|(partition, fold)| (partition, fold.position()));
        self.reader.start_at(positions)?;
        self.settle_doubtful(&commits);
        Ok(folds)
    }

    /// Restores everything once the log has turned out not to have a place where reading stood. Whether records were lost,
    /// or the log is another one, is found out on the way.
    pub(super) fn find_place(&mut self) {
        if !std::mem::take(&mut self.is_out_of_range) {
            return;
        }
        self.tell_out_of_range();
        let partitions = self.assigned.iter().copied().collect();
        let actions = self.machine.step(Input::Assigned(partitions));
        self.note_restores(actions);
    }

    /// The client does not say which partition it is.
    fn tell_out_of_range(&self) {
        let topic = self.stage.topic();
        let mut is_told = false;
        for (partition, fold) in self.machine.folds() {
            let position = fold.position();
            let Ok((start, end)) = self.reader.span(partition) else {
                break;
            };
            if (start..=end).contains(&position) {
                continue;
            }
            is_told = true;
            tracing::error!(
                topic,
                partition,
                position = position.0,
                start = start.0,
                end = end.0,
                "the log has no such place, restoring: records were deleted, or the topic was made anew"
            );
        }
        if !is_told {
            let partitions = &self.assigned;
            tracing::error!(
                topic,
                ?partitions,
                "the log has no such place in one of these, restoring"
            );
        }
    }

    /// A group that is new, or whose offsets have expired, reads again what may have been counted by another.
    fn warn_of_beginning(&self, partition: usize, records: u64) {
        if records > 0 {
            tracing::warn!(
                topic = self.stage.topic(),
                partition,
                group = self.member.group,
                records,
                "the group has committed nothing here, reading all that the log holds"
            );
        }
    }

    fn warn_of_gap(&self, partition: usize, from: Offset, to: Offset, commits: &Commits) {
        if commits.get(&partition).is_some_and(Option::is_some) {
            tracing::error!(
                topic = self.stage.topic(),
                partition,
                from = from.0,
                to = to.0,
                "records were deleted before they were counted, lengthen the topic's retention"
            );
        }
    }

    /// What was committed after all is settled; what was not is read again.
    fn settle_doubtful(&mut self, commits: &Commits) {
        for part in std::mem::take(&mut self.doubtful) {
            if commits.get(&part.partition) == Some(&Some(part.commit)) {
                self.stage.settled(&part.closing);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_restore_is_told_after_ten_seconds_and_then_every_minute() {
        let (mut delay, start) = (Delay::default(), Instant::now());
        let mut told = |second| delay.failed_again(start + Duration::from_secs(second));
        let seconds = (0..140).filter(|&second| told(second).is_some());
        assert_eq!(seconds.collect::<Vec<_>>(), [10, 70, 130]);
    }

    #[test]
    fn a_restore_that_fails_anew_is_given_its_time_anew() {
        let (mut delay, start) = (Delay::default(), Instant::now());
        delay.failed_again(start);
        delay.end();
        let again = start + Duration::from_secs(20);
        assert_eq!(delay.failed_again(again), None);
        assert_eq!(delay.failed_again(again + QUIET), Some(QUIET));
    }
}
