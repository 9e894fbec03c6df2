#![allow(clippy::unwrap_used)]

use super::*;

/// A fold that does what it is told.
#[derive(Debug, Default)]
struct Stub {
    position: Offset,
    must_reach: Offset,
    read_through: Option<(Offset, EpochMs)>,
    wants_proof: bool,
    /// What it closes next.
    due: Option<&'static str>,
}

impl LogFold for Stub {
    type Closing = &'static str;

    fn position(&self) -> Offset {
        self.position
    }

    fn must_reach(&self) -> Offset {
        self.must_reach
    }

    fn read_through(&mut self, end: Offset, at: EpochMs) {
        self.read_through = Some((end, at));
    }

    fn wants_proof(&self, _: EpochMs) -> bool {
        self.wants_proof
    }

    fn close(&mut self) -> Option<(&'static str, Commit)> {
        Some((self.due.take()?, commit()))
    }
}

fn commit() -> Commit {
    Commit {
        offset: Offset(1),
        closed_through: EpochMs(2_000),
        position: Offset(3),
        carried: 0,
    }
}

const NOW: EpochMs = EpochMs(5_000);
const TICK: Input<Stub> = Input::Tick { now: NOW };

type Machine = ExactlyOnce<Stub>;
type Actions = Vec<Action<&'static str>>;

/// The lives that the actions ask to restore, per partition.
fn restores(actions: &Actions) -> Vec<(usize, Life)> {
    let restores = actions.iter().filter_map(|action| match action {
        Action::Restore { partition, life } => Some((*partition, *life)),
        _ => None,
    });
    restores.collect()
}

fn restore_with(machine: &mut Machine, actions: &Actions, stub: impl Fn() -> Stub) {
    for (partition, life) in restores(actions) {
        let fold = stub();
        let answer = machine.step(Input::Restored {
            partition,
            life,
            fold,
        });
        assert_eq!(answer, []);
    }
}

/// A machine that reads these partitions.
fn reading(partitions: &[usize]) -> Machine {
    let mut machine = Machine::new();
    let actions = machine.step(Input::Assigned(partitions.to_vec()));
    restore_with(&mut machine, &actions, Stub::default);
    machine
}

/// One that has just asked for a transaction.
fn transacting(partitions: &[usize]) -> Machine {
    let mut machine = reading(partitions);
    machine.fold_mut(partitions[0]).unwrap().due = Some("window");
    let actions = machine.step(TICK);
    assert!(matches!(actions[..], [Action::Transact(_)]), "{actions:?}");
    machine
}

#[test]
fn a_partition_takes_no_record_before_it_is_restored() {
    let mut machine = Machine::new();
    let actions = machine.step(Input::Assigned(vec![0, 2]));
    assert_eq!(
        restores(&actions)
            .iter()
            .map(|&(partition, _)| partition)
            .collect::<Vec<_>>(),
        [0, 2]
    );
    assert!(machine.fold_mut(0).is_none());
    restore_with(&mut machine, &actions, Stub::default);
    assert!(machine.fold_mut(0).is_some());
    assert!(machine.fold_mut(1).is_none());
    assert_eq!(
        machine
            .folds()
            .map(|(partition, _)| partition)
            .collect::<Vec<_>>(),
        [0, 2]
    );
}

#[test]
fn a_revoked_partition_is_dropped_and_nothing_is_written() {
    let mut machine = reading(&[0, 1]);
    machine.fold_mut(0).unwrap().due = Some("window");
    assert_eq!(machine.step(Input::Revoked(vec![0])), []);
    assert!(machine.fold_mut(0).is_none());
    assert!(machine.fold_mut(1).is_some());
    assert_eq!(machine.step(TICK), []);
}

#[test]
fn an_answer_for_an_earlier_life_is_not_taken() {
    let mut machine = Machine::new();
    let earlier = machine.step(Input::Assigned(vec![0]));
    machine.step(Input::Revoked(vec![0]));
    restore_with(&mut machine, &earlier, Stub::default);
    assert!(machine.fold_mut(0).is_none());

    let actions = machine.step(Input::Assigned(vec![0]));
    restore_with(&mut machine, &earlier, Stub::default);
    assert!(machine.fold_mut(0).is_none());
    let (partition, life) = restores(&earlier)[0];
    assert_eq!(machine.step(Input::RestoreFailed { partition, life }), []);
    restore_with(&mut machine, &actions, Stub::default);
    assert!(machine.fold_mut(0).is_some());
}

#[test]
fn a_restore_that_failed_is_asked_for_again() {
    let mut machine = Machine::new();
    let actions = machine.step(Input::Assigned(vec![0]));
    let (partition, life) = restores(&actions)[0];
    assert_eq!(
        machine.step(Input::RestoreFailed { partition, life }),
        actions
    );
    assert_eq!(machine.step(TICK), []);
}

#[test]
fn what_is_due_in_all_partitions_is_one_transaction() {
    let mut machine = reading(&[0, 1, 2]);
    machine.fold_mut(0).unwrap().due = Some("zero");
    machine.fold_mut(2).unwrap().due = Some("two");
    let part = |partition, closing| Part {
        partition,
        closing,
        commit: commit(),
    };
    let parts = vec![part(0, "zero"), part(2, "two")];
    assert_eq!(
        machine.step(TICK),
        [Action::Transact(Transaction { parts })]
    );
    assert_eq!(
        machine.step(Input::TransactionEnded(Outcome::Committed)),
        []
    );
    assert!(machine.fold_mut(0).is_some(), "a committed fold goes on");
    assert_eq!(machine.step(TICK), []);
}

#[test]
fn after_an_abort_every_partition_is_restored() {
    let mut machine = transacting(&[0, 1]);
    let actions = machine.step(Input::TransactionEnded(Outcome::Aborted));
    assert_eq!((actions.len(), restores(&actions).len()), (2, 2));
    assert!(machine.fold_mut(0).is_none() && machine.fold_mut(1).is_none());
    restore_with(&mut machine, &actions, Stub::default);
    assert!(machine.fold_mut(0).is_some() && machine.fold_mut(1).is_some());
}

#[test]
fn after_an_unclear_end_the_producer_is_rebuilt_before_anything_is_read_again() {
    let mut machine = transacting(&[0, 1]);
    let actions = machine.step(Input::TransactionEnded(Outcome::Unclear));
    assert_eq!(actions[0], Action::RebuildProducer);
    assert_eq!(restores(&actions).len(), 2);
    assert!(machine.fold_mut(0).is_none() && machine.fold_mut(1).is_none());
}

#[test]
fn a_fenced_instance_stops_for_good() {
    let mut machine = transacting(&[0]);
    let actions = machine.step(Input::TransactionEnded(Outcome::Fenced));
    assert_eq!(actions, [Action::Halt(Halt::Fenced)]);
    assert!(machine.fold_mut(0).is_none());
    assert_eq!(machine.step(Input::Assigned(vec![0])), []);
    assert_eq!(machine.step(TICK), []);
}

fn log_end(end: u64, position: u64) -> Input<Stub> {
    Input::LogEnd {
        partition: 0,
        asked_at: NOW,
        end: Offset(end),
        position: Offset(position),
    }
}

/// A machine with one partition that wants a proof.
fn wanting_proof() -> Machine {
    let mut machine = reading(&[0, 1]);
    machine.fold_mut(0).unwrap().wants_proof = true;
    machine
}

const PROVE: [Action<&str>; 1] = [Action::ProveEnd { partition: 0 }];

#[test]
fn the_end_is_asked_for_where_a_fold_wants_it_until_there_is_an_answer() {
    let mut machine = wanting_proof();
    assert_eq!(machine.step(TICK), PROVE);
    assert_eq!(machine.step(TICK), PROVE);
    machine.fold_mut(0).unwrap().wants_proof = false;
    assert_eq!(machine.step(TICK), []);
}

#[test]
fn the_end_is_believed_only_of_a_consumer_that_stands_there() {
    let mut machine = wanting_proof();
    assert_eq!(machine.step(log_end(8, 7)), []);
    assert_eq!(machine.fold_mut(0).unwrap().read_through, None);
    // Behind the last record stands the marker of its transaction.
    assert_eq!(machine.step(log_end(8, 8)), []);
    assert_eq!(
        machine.fold_mut(0).unwrap().read_through,
        Some((Offset(8), NOW))
    );
}

#[test]
fn an_end_ahead_is_proof_as_soon_as_everything_before_it_was_read() {
    let mut machine = wanting_proof();
    machine.step(TICK);
    machine.step(log_end(8, 2));
    machine.fold_mut(0).unwrap().position = Offset(7);
    assert_eq!(
        machine.step(TICK),
        [],
        "records are coming, also if they never stop"
    );
    assert_eq!(machine.fold_mut(0).unwrap().read_through, None);
    machine.fold_mut(0).unwrap().position = Offset(9);
    machine.step(TICK);
    assert_eq!(
        machine.fold_mut(0).unwrap().read_through,
        Some((Offset(8), NOW))
    );
}

#[test]
fn an_end_ahead_that_no_record_leads_to_is_asked_for_again() {
    let mut machine = wanting_proof();
    machine.fold_mut(0).unwrap().position = Offset(7);
    machine.step(TICK);
    machine.step(log_end(8, 7));
    assert_eq!(machine.step(TICK), PROVE);
}

#[test]
fn an_end_that_comes_too_late_finds_nobody() {
    let mut machine = reading(&[0]);
    machine.step(Input::Revoked(vec![0]));
    let end = Input::LogEnd {
        partition: 0,
        asked_at: NOW,
        end: Offset(1),
        position: Offset(1),
    };
    assert_eq!(machine.step(end), []);
}

#[test]
fn a_log_that_is_shorter_than_its_commit_stops_the_instance() {
    let mut machine = Machine::new();
    let actions = machine.step(Input::Assigned(vec![4]));
    restore_with(&mut machine, &actions, || Stub {
        must_reach: Offset(9),
        ..Stub::default()
    });
    let actions = machine.step(Input::LogEnd {
        partition: 4,
        asked_at: NOW,
        end: Offset(8),
        position: Offset(8),
    });
    let halt = Halt::LogTooShort {
        partition: 4,
        end: Offset(8),
        committed: Offset(9),
    };
    assert_eq!(actions, [Action::Halt(halt)]);
    assert_eq!(machine.step(TICK), []);
}

#[test]
fn a_log_that_is_shorter_than_what_was_read_of_it_stops_the_instance() {
    let mut machine = wanting_proof();
    machine.fold_mut(0).unwrap().position = Offset(7);
    machine.step(TICK);
    assert_eq!(machine.step(log_end(7, 7)), [], "all of it was read");
    let halt = Halt::LogTooShort {
        partition: 0,
        end: Offset(6),
        committed: Offset(7),
    };
    assert_eq!(machine.step(log_end(6, 0)), [Action::Halt(halt)]);
}
