//! What the machine wants done.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::stage::ClosingOf;
use super::writer::Trouble;
use super::{Counting, Output, PAUSE, Thread};
use crate::domain::{Action, Input, Outcome, Transaction};
use crate::kafka::thread::{Failure, Stop};
use crate::telemetry::kafka::TransactionEnded;

impl<C: Counting> Thread<'_, C> {
    pub(super) fn act(
        &mut self,
        actions: Vec<Action<ClosingOf<C>>>,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let mut to_do = VecDeque::from(actions);
        let mut is_answered = true;
        while let Some(action) = to_do.pop_front() {
            match action {
                Action::Restore { partition, life } => {
                    self.waiting.insert(partition, life);
                }
                Action::ProveEnd { partition } if is_answered => {
                    let proof = self.prove(partition);
                    is_answered = proof.is_some();
                    to_do.extend(proof.into_iter().flat_map(|proof| self.machine.step(proof)));
                }
                // Who does not answer for one partition need not be asked for the next.
                Action::ProveEnd { .. } => {}
                Action::Transact(transaction) => {
                    let outcome = self.transact(transaction);
                    to_do.extend(self.machine.step(Input::TransactionEnded(outcome)));
                }
                Action::RebuildProducer => self.rebuild(stop)?,
                Action::Halt(why) => return Err(self.reader.halted(why)),
            }
        }
        Ok(())
    }

    fn prove(&self, partition: usize) -> Option<Input<C::Fold>> {
        let asked_at = self.member.clock.now();
        let (end, position) = self.reader.log_end(partition)?;
        self.member.health.answered();
        Some(Input::LogEnd {
            partition,
            asked_at,
            end,
            position,
        })
    }

    fn transact(&mut self, transaction: Transaction<ClosingOf<C>>) -> Outcome {
        let began = Instant::now();
        let Transaction { parts } = transaction;
        let outputs = parts.iter();
        let outputs = outputs.flat_map(|part| {
            let (partition, commit) = (part.partition, &part.commit);
            self.stage.outputs(partition, &part.closing, commit)
        });
        let outputs: Vec<Output> = outputs.collect();
        let commits = parts.iter().map(|part| (part.partition, part.commit));
        let ended = match self.reader.membership() {
            Some(membership) => self
                .reader
                .offsets(commits)
                .map_err(Trouble::unclear)
                .and_then(|offsets| self.writer.transact(&outputs, &offsets, &membership)),
            None => Err(Trouble::lost()),
        };
        let (outcome, cause) = match ended {
            Ok(()) => (Outcome::Committed, None),
            Err(trouble) => (trouble.outcome, Some(trouble.cause)),
        };
        TransactionEnded {
            stage: self.member.health.stage(),
            outcome: name(outcome),
            took: began.elapsed(),
            cause_opt: cause.as_deref(),
        }
        .emit(self.member.health.metrics());
        match outcome {
            Outcome::Committed => {
                self.member.health.answered();
                self.num_written.inc_by(outputs.len() as u64);
                parts
                    .iter()
                    .for_each(|part| self.stage.settled(&part.closing));
            }
            Outcome::Unclear => self.doubtful = parts,
            // What has failed may fail again at once.
            Outcome::Aborted => self.next_try = Instant::now() + PAUSE,
            Outcome::Fenced => {}
        }
        outcome
    }

    /// The group is kept meanwhile, and what it changes is told later, in order.
    pub(super) fn rebuild(&mut self, stop: &Stop) -> Result<(), Failure> {
        self.writer.destroy();
        while !self.writer.try_init()? && !stop.is_asked() {
            // Records that are read here are read again: nothing is restored before this is done.
            drop(self.reader.consumer.poll(Duration::ZERO));
        }
        Ok(())
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Committed => "committed",
        Outcome::Aborted => "aborted",
        Outcome::Unclear => "unclear",
        Outcome::Fenced => "fenced",
    }
}
