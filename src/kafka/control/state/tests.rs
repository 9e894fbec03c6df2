#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn id(number: u64) -> ClusterId {
    ClusterId::try_new(number).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn policy(min_count: u64) -> Policy {
    Policy {
        min_count,
        ..Policy::default()
    }
}

fn cluster(state: ClusterState, min_count: u64, revision: u64) -> ControlRecord {
    let wanted = Wanted {
        state,
        policy: policy(min_count),
        revision,
    };
    wanted.record(id(9))
}

fn client(name: &str, lease_end: u64) -> ControlRecord {
    ControlRecord::Client {
        client_id: user(name),
        cluster: id(1),
        lease_end: EpochMs(lease_end),
    }
}

#[test]
fn of_two_changes_at_once_the_first_in_the_log_holds() {
    let mut state = ControlState::new(10);
    let first = state.apply(cluster(ClusterState::Starting, 1, 1), 0);
    assert_eq!(first, Some(Effect::Cluster(id(9))));
    assert_eq!(state.apply(cluster(ClusterState::Starting, 2, 1), 1), None);
    assert_eq!(state.cluster(id(9)).unwrap().policy, policy(1));
    assert!(state.outcome(0).unwrap().holds);
    assert!(!state.outcome(1).unwrap().holds);
    assert!(state.unsettled().contains(&id(9)), "compaction keeps it");

    let again = Wanted::after(state.cluster(id(9)), ClusterState::Starting, policy(1));
    state.apply(again.record(id(9)), 2);
    assert!(state.unsettled().is_empty());
    assert_eq!(state.cluster(id(9)), Some(again));
}

#[test]
fn a_record_that_says_the_same_leaves_nothing_to_settle() {
    let mut state = ControlState::new(10);
    for offset in 0..2 {
        state.apply(cluster(ClusterState::Stopped, 1, 5), offset);
    }
    assert!(state.unsettled().is_empty());
}

#[test]
fn what_holds_said_again_with_its_own_number_settles_nothing() {
    let live = cluster(ClusterState::Live, 1, 1);
    let loser = cluster(ClusterState::Starting, 1, 1);
    let mut before = ControlState::new(10);
    for (offset, record) in [&live, &loser, &live].into_iter().enumerate() {
        before.apply(record.clone(), offset as i64);
    }
    assert!(before.unsettled().contains(&id(9)));
    let held = before.cluster(id(9)).unwrap();
    let again = Wanted::after(Some(held), held.state, held.policy);
    before.apply(again.record(id(9)), 3);
    assert!(before.unsettled().is_empty());

    // Compaction took the first while the second was the last.
    let mut after = ControlState::new(10);
    for (offset, record) in [(1, loser), (2, live), (3, again.record(id(9)))] {
        after.apply(record, offset);
    }
    assert_eq!(before.clusters(), after.clusters());
}

#[test]
fn an_outcome_tells_how_many_clusters_there_were_right_after() {
    let mut state = ControlState::new(10);
    state.apply(cluster(ClusterState::Live, 1, 1), 7);
    state.apply(cluster(ClusterState::Draining, 1, 2), 8);
    let (before, after) = (state.outcome(7).unwrap(), state.outcome(8).unwrap());
    assert_eq!((before.live, before.active), (1, 1));
    assert_eq!((after.live, after.active), (0, 0));
    assert_eq!(state.outcome(9), None);
}

#[test]
fn the_number_of_a_stopped_cluster_is_free() {
    let mut state = ControlState::new(10);
    let known = [ClusterState::Live, ClusterState::Stopped];
    for (offset, cluster_state) in known.into_iter().enumerate() {
        let wanted = Wanted::after(None, cluster_state, policy(0));
        state.apply(wanted.record(id(offset as u64 + 1)), offset as i64);
    }
    assert_eq!(state.lowest_free(), Some(id(2)));
    assert_eq!(state.num_active(), 1);
}

#[test]
fn of_a_client_the_last_word_counts_and_there_are_not_too_many() {
    let mut state = ControlState::new(2);
    state.apply(client("a", 10), 0);
    state.apply(client("b", 10), 1);
    assert_eq!(state.apply(client("c", 10), 2), None, "there may be two");
    state.apply(client("a", 20), 3);
    assert_eq!(state.client(&user("a")).unwrap().lease_end, EpochMs(20));
    state.apply(ControlRecord::ClientGone(user("a")), 4);
    assert_eq!(state.client(&user("a")), None);
    assert!(state.apply(client("c", 10), 5).is_some());
}

/// A change that some node makes of what it has read by then: how far behind it is, which cluster, and what of it.
type Step = (usize, u64, ClusterState, u64);

fn any_step() -> impl Strategy<Value = Step> {
    let states = prop_oneof![
        Just(ClusterState::Starting),
        Just(ClusterState::Live),
        Just(ClusterState::Draining),
        Just(ClusterState::Stopped),
    ];
    (0..4_usize, 1..4_u64, states, 0..3_u64)
}

fn read(log: &[(i64, ControlRecord)]) -> ControlState {
    let mut state = ControlState::new(10);
    for (offset, record) in log {
        state.apply(record.clone(), *offset);
    }
    state
}

/// The log that nodes write who each know it up to some records before its end, settled by the last of them.
fn written(steps: &[Step]) -> Vec<(i64, ControlRecord)> {
    let mut log: Vec<(i64, ControlRecord)> = Vec::new();
    for (behind, cluster, cluster_state, min_count) in steps {
        let known = read(&log[..log.len().saturating_sub(*behind)]);
        let wanted = Wanted::after(
            known.cluster(id(*cluster)),
            *cluster_state,
            policy(*min_count),
        );
        log.push((log.len() as i64, wanted.record(id(*cluster))));
    }
    let known = read(&log);
    for cluster in known.unsettled() {
        let held = known.cluster(*cluster).unwrap();
        let again = Wanted::after(Some(held), held.state, held.policy);
        log.push((log.len() as i64, again.record(*cluster)));
    }
    log
}

/// What compaction may leave of a log: of everything before `cut` the last record of each key.
fn compacted(log: &[(i64, ControlRecord)], cut: usize) -> Vec<(i64, ControlRecord)> {
    let cut = cut.min(log.len());
    let is_last = |place: usize| {
        let key = log[place].1.key();
        log[place + 1..cut]
            .iter()
            .all(|(_, later)| later.key() != key)
    };
    let kept = (0..log.len()).filter(|place| *place >= cut || is_last(*place));
    kept.map(|place| log[place].clone()).collect()
}

proptest! {
    #[test]
    fn nodes_that_have_read_the_same_log_know_the_same(
        steps in prop::collection::vec(any_step(), 0..30), again_from in 0..30_usize,
    ) {
        let log = written(&steps);
        let once = read(&log);
        // A reader that begins anew somewhere reads records a second time.
        let mut twice = read(&log);
        for (offset, record) in log.iter().skip(again_from) {
            prop_assert_eq!(twice.apply(record.clone(), *offset), None);
        }
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_node_that_comes_after_compaction_knows_the_same_as_those_before(
        steps in prop::collection::vec(any_step(), 0..30), cut in 0..40_usize,
    ) {
        let log = written(&steps);
        let (before, after) = (read(&log), read(&compacted(&log, cut)));
        prop_assert_eq!(before.clusters(), after.clusters());
        prop_assert!(before.unsettled().is_empty());
    }
}
