//! What must be true after every run, checked by what a `read_committed` reader sees.

use std::collections::{BTreeMap, BTreeSet};

use emostream::domain::{Commit, Partial, Seq, StreamName, Tally, Window};

use crate::broker::Broker;
use crate::group::Stage;
use crate::record::{Payload, Sent, Topic};
use crate::roles::NUM_SHARDS;
use crate::run::{DISORDER_MS, Run};

/// Every promise that the run has broken.
pub(crate) fn violations(run: &Run) -> Vec<String> {
    let mut found = run.broker.violations.clone();
    if !run.has_settled {
        found.push("something is written for ever".to_owned());
    }
    let windows = windows(run);
    check_sums(run, &windows, &mut found);
    check_streams(run, &windows, &mut found);
    check_partials(run, &mut found);
    check_carried(run, &windows, &mut found);
    found
}

/// Every published window, per stream in the order of the log.
pub(crate) fn windows(run: &Run) -> BTreeMap<StreamName, Vec<&Window>> {
    let mut windows: BTreeMap<StreamName, Vec<&Window>> = BTreeMap::new();
    for shard in 0..NUM_SHARDS {
        for (_, payload) in run.broker.visible((Topic::Aggregated, shard)) {
            if let Payload::Window(window) = payload {
                windows
                    .entry(window.stream.clone())
                    .or_default()
                    .push(window);
            }
        }
    }
    windows
}

fn sent(run: &Run, partition: usize) -> impl Iterator<Item = &Sent> {
    let records = run.broker.visible((Topic::Input, partition));
    records.filter_map(|(_, payload)| match payload {
        Payload::Reaction(sent) => Some(sent),
        _ => None,
    })
}

/// Each reaction is in exactly one window, or was a duplicate there.
fn check_sums(run: &Run, windows: &BTreeMap<StreamName, Vec<&Window>>, found: &mut Vec<String>) {
    let (mut unnamed, mut all): (BTreeMap<_, Tally>, BTreeMap<_, u64>) = Default::default();
    for sent in (0..run.settings.num_inputs).flat_map(|partition| sent(run, partition)) {
        *all.entry(sent.stream.clone()).or_default() += u64::from(sent.count);
        if sent.event_id.is_none() {
            let tally = unnamed.entry(sent.stream.clone()).or_default();
            tally.add(sent.emoji, u64::from(sent.count));
        }
    }
    for (stream, total) in all {
        let of_stream = windows.get(&stream).map(Vec::as_slice).unwrap_or_default();
        let counted: u64 = of_stream.iter().map(|window| window.tally.total()).sum();
        let deduplicated: u64 = of_stream.iter().map(|window| window.deduplicated).sum();
        if counted + deduplicated != total {
            found.push(format!(
                "{stream}: {total} sent, {counted} counted, {deduplicated} deduplicated"
            ));
        }
        let counts: Tally = of_stream
            .iter()
            .flat_map(|window| window.tally.iter())
            .collect();
        let missing = unnamed.get(&stream).into_iter().flat_map(Tally::iter);
        for (emoji, at_least) in missing.filter(|&(emoji, at_least)| counts.get(emoji) < at_least) {
            found.push(format!(
                "{stream}: {} sent {at_least} times, counted {}",
                emoji.name(),
                counts.get(emoji)
            ));
        }
    }
}

/// No window twice, none missing while the stream is live, and totals that add up.
fn check_streams(run: &Run, windows: &BTreeMap<StreamName, Vec<&Window>>, found: &mut Vec<String>) {
    let idle_after = run.settings.merging.idle_after;
    for (stream, windows) in windows {
        let mut running = Tally::new();
        let mut empty_in_a_row = idle_after;
        let mut last: Option<Seq> = None;
        for (window, ordinal) in windows.iter().zip(1_u64..) {
            running.merge(&window.tally);
            if *window.running != running || window.ordinal != ordinal {
                found.push(format!("{stream} {}: totals do not add up", window.seq));
            }
            let follows = last.is_none_or(|last| window.seq == last.next());
            if last.is_some_and(|last| window.seq <= last) {
                found.push(format!("{stream} {}: published again", window.seq));
            } else if !follows && empty_in_a_row < idle_after {
                found.push(format!("{stream} {}: a hole before it", window.seq));
            }
            let says_nothing = window.tally.is_empty() && window.deduplicated == 0;
            if says_nothing && empty_in_a_row >= idle_after {
                found.push(format!("{stream} {}: published while idle", window.seq));
            }
            empty_in_a_row = if window.tally.is_empty() {
                empty_in_a_row + 1
            } else {
                0
            };
            last = Some(window.seq);
        }
        if empty_in_a_row < idle_after {
            found.push(format!("{stream}: ended while live"));
        }
    }
}

/// Where append times go back no further than lateness allows, each partial holds just the reactions of its window.
fn check_partials(run: &Run, found: &mut Vec<String>) {
    let partials = partials(&run.broker);
    let places: BTreeSet<_> = partials
        .iter()
        .map(|&(input, partial)| (input, &partial.stream, partial.seq))
        .collect();
    if places.len() < partials.len() {
        found.push("a partial was written twice".to_owned());
    }
    if !is_late_impossible(run) {
        return;
    }
    let mut expected: BTreeMap<_, u64> = BTreeMap::new();
    for input in 0..run.settings.num_inputs {
        for sent in sent(run, input) {
            let seq = run.settings.timing.window.seq_at(sent.at);
            *expected.entry((input, &sent.stream, seq)).or_default() += u64::from(sent.count);
        }
    }
    for (input, partial) in partials {
        let Partial {
            stream,
            seq,
            tally,
            late,
            deduplicated,
        } = partial;
        let (counted, sent) = (
            tally.total() + deduplicated,
            expected.get(&(input, stream, *seq)).copied(),
        );
        if *late > 0 || sent != Some(counted) {
            found.push(format!(
                "{stream} {seq} of {input}: {sent:?} in time, {counted} counted, {late} late"
            ));
        }
    }
}

/// The count of what was carried survives every restart.
fn check_carried(run: &Run, windows: &BTreeMap<StreamName, Vec<&Window>>, found: &mut Vec<String>) {
    let mut late_of_input: BTreeMap<usize, u64> = BTreeMap::new();
    for (input, partial) in partials(&run.broker) {
        *late_of_input.entry(input).or_default() += partial.late;
    }
    for (input, late) in late_of_input {
        let carried = carried(&run.broker, Stage::Aggregator, input);
        if carried != late {
            found.push(format!(
                "input {input}: {late} were late, the commit says {carried}"
            ));
        }
    }
    if is_late_impossible(run) {
        let late: u64 = windows.values().flatten().map(|window| window.late).sum();
        let carried: u64 = (0..NUM_SHARDS)
            .map(|shard| carried(&run.broker, Stage::Merger, shard))
            .sum();
        if carried != late {
            found.push(format!(
                "{late} were late in the merge, the commits say {carried}"
            ));
        }
    }
}

fn partials(broker: &Broker) -> Vec<(usize, &Partial)> {
    let shards = 0..NUM_SHARDS;
    let records = shards.flat_map(|shard| broker.visible((Topic::Partials, shard)));
    let partials = records.filter_map(|(_, payload)| match payload {
        Payload::Partial { input, partial } => Some((*input, partial)),
        _ => None,
    });
    partials.collect()
}

fn carried(broker: &Broker, stage: Stage, partition: usize) -> u64 {
    let committed = broker.committed(stage, partition).ok().flatten();
    let commit = committed.and_then(|(offset, metadata)| Commit::read(*offset, metadata).ok());
    commit.map_or(0, |commit| commit.carried)
}

pub(crate) fn is_late_impossible(run: &Run) -> bool {
    run.settings.timing.lateness.as_millis() as u64 >= DISORDER_MS
}
