use super::*;
use crate::actors::in_flight::InFlight;
use crate::domain::{Emoji, Ledger, Partial, StreamName};
use crate::testkit::{Die, Ground, Probe, Stage, mortal, settle};

mortal!(WindowMerger);

type Publisher = Probe<WindowsClosed>;

const DEADLINE: Duration = Duration::from_millis(500);

/// A merger of two partitions, whose streams fall idle after three empty windows.
async fn merger(ground: &Ground, next: &Publisher) -> Stage<WindowMerger> {
    let merge = Rc::new(RefCell::new(PartialMerge::new(2, ground.start(), 3)));
    let (window, link, clock) = (ground.window, next.link(), ground.clock.clone());
    let (streams, metrics) = (ground.streams.clone(), ground.metrics.clone());
    let factory = move || {
        WindowMerger::new(
            window,
            DEADLINE,
            merge.clone(),
            Outbox::new("windows", link.clone(), metrics.clone()),
            clock.clone(),
            streams.clone(),
            metrics.clone(),
        )
    };
    Stage::start(&ground.metrics, factory).await
}

fn partial(seq: u64, count: u64) -> Partial {
    Partial {
        stream: StreamName::main(),
        seq: Seq(seq),
        tally: [(Emoji::parse("🔥").unwrap(), count)].into_iter().collect(),
        late: 0,
        deduplicated: 0,
    }
}

fn report(
    ground: &Ground,
    partition: usize,
    through: u64,
    partials: Vec<Partial>,
) -> PartialsClosed {
    PartialsClosed {
        partition,
        closed_through: Seq(through),
        partials: InFlight::new(partials, &ground.streams),
    }
}

/// Both partitions report one window, the first one with a count.
async fn close(ground: &Ground, merger: &Stage<WindowMerger>, seq: u64, count: u64) {
    let first = report(ground, 0, seq, vec![partial(seq, count)]);
    merger.ask(first).await;
    merger.ask(report(ground, 1, seq, vec![])).await;
    settle().await;
}

/// Number, total and running total of each window that has come by now, message by message.
fn messages(next: &mut Publisher) -> Vec<Vec<(u64, u64, u64)>> {
    let row = |window: &Arc<Window>| (window.seq.0, window.tally.total(), window.running.total());
    let messages = next.drain().into_iter();
    messages
        .map(|message| message.windows.iter().map(row).collect())
        .collect()
}

fn rows(next: &mut Publisher) -> Vec<(u64, u64, u64)> {
    messages(next).concat()
}

#[actix::test]
async fn a_window_is_published_and_counted_once_every_partition_has_reported_it() {
    let ground = Ground::new();
    let mut next = Probe::new();
    let merger = merger(&ground, &next).await;
    ground.at_ms(1_001).await;
    let repeated = Partial {
        deduplicated: 2,
        late: 1,
        ..partial(10, 3)
    };
    merger.ask(report(&ground, 0, 10, vec![repeated])).await;
    settle().await;
    assert_eq!(rows(&mut next), []);
    assert_eq!(ground.ledger(), Ledger::default());

    let other = report(&ground, 1, 10, vec![partial(10, 4)]);
    merger.ask(other).await;
    settle().await;
    assert_eq!(rows(&mut next), [(10, 7, 7)]);
    let expected = Ledger {
        counted: 7,
        deduplicated: 2,
        late_carried: 1,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected);
    assert_eq!(ground.metrics.windows.get(), 1);
}

#[actix::test]
async fn at_the_deadline_a_window_goes_without_the_missing_and_what_comes_later_is_carried() {
    let ground = Ground::new();
    let mut next = Probe::new();
    let merger = merger(&ground, &next).await;
    ground.at_ms(1_001).await;
    let first = report(&ground, 0, 10, vec![partial(10, 3)]);
    merger.ask(first).await;
    ground.at_ms(1_490).await;
    assert_eq!(rows(&mut next), []);
    ground.at_ms(1_560).await;
    assert_eq!(rows(&mut next), [(10, 3, 3)]);
    assert_eq!(ground.metrics.partitions_late.get(), 1);

    let late = report(&ground, 1, 10, vec![partial(10, 4)]);
    merger.ask(late).await;
    close(&ground, &merger, 11, 1).await;
    assert_eq!(rows(&mut next), [(11, 5, 8)]);
    assert_eq!(ground.ledger().late_carried, 4);
    assert_eq!(
        ground.metrics.partitions_late.get(),
        1,
        "no deadline passed"
    );
}

#[actix::test]
async fn a_live_stream_goes_on_at_the_deadline_when_no_partition_reports_and_all_are_late() {
    let ground = Ground::new();
    let mut next = Probe::new();
    let merger = merger(&ground, &next).await;
    close(&ground, &merger, 10, 3).await;
    ground.at_ms(2_490).await;
    assert_eq!(rows(&mut next), [(10, 3, 3)]);
    ground.at_ms(2_560).await;
    assert_eq!(rows(&mut next), [(11, 0, 3)]);
    assert_eq!(ground.metrics.partitions_late.get(), 2);
}

#[actix::test]
async fn a_stream_without_reactions_publishes_empty_windows_until_it_falls_idle() {
    let ground = Ground::new();
    let mut next = Probe::new();
    let merger = merger(&ground, &next).await;
    close(&ground, &merger, 10, 3).await;
    for seq in 11..=20 {
        for partition in 0..2 {
            merger.ask(report(&ground, partition, seq, vec![])).await;
        }
    }
    close(&ground, &merger, 21, 1).await;
    let expected = [(10, 3, 3), (11, 0, 3), (12, 0, 3), (13, 0, 3), (21, 1, 4)];
    assert_eq!(rows(&mut next), expected);
}

#[actix::test]
async fn a_full_mailbox_keeps_windows_in_order_until_there_is_room() {
    let ground = Ground::new();
    let mut next = Probe::deaf(1);
    let merger = merger(&ground, &next).await;
    for seq in 10..=12 {
        close(&ground, &merger, seq, 1).await;
    }
    assert!(ground.mailbox_full("windows") > 0);
    assert_eq!(ground.ledger().counted, 3);
    next.hear();
    ground.at_ms(100).await;
    let expected = [vec![(10, 1, 1)], vec![(11, 1, 2), (12, 1, 3)]];
    assert_eq!(messages(&mut next), expected);
}

#[actix::test]
async fn a_main_publisher_that_is_rebuilt_is_sent_the_newest_window_again() {
    let ground = Ground::new();
    let mut next = Probe::new();
    let merger = merger(&ground, &next).await;
    close(&ground, &merger, 10, 1).await;
    close(&ground, &merger, 11, 1).await;
    assert_eq!(rows(&mut next), [(10, 1, 1), (11, 1, 2)]);
    next.die().await;
    ground.at_ms(200).await;
    next.start();
    ground.at_ms(300).await;
    assert_eq!(rows(&mut next), [(11, 1, 2)]);
}

#[actix::test]
async fn totals_and_merged_partials_outlive_a_panic_and_those_in_the_mailbox_are_lost() {
    let ground = Ground::new();
    let mut next = Probe::new();
    let merger = merger(&ground, &next).await;
    close(&ground, &merger, 10, 3).await;
    let merged = report(&ground, 0, 11, vec![partial(11, 2)]);
    merger.ask(merged).await;
    assert_eq!(rows(&mut next), [(10, 3, 3)]);

    merger.put(Die);
    merger.put(report(&ground, 1, 11, vec![partial(11, 5)]));
    merger.come_back().await;
    ground.at_ms(200).await;
    assert_eq!(rows(&mut next), [(10, 3, 3)], "the newest, again");
    let expected = Ledger {
        counted: 3,
        lost: 5,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected);

    merger.ask(report(&ground, 1, 11, vec![])).await;
    settle().await;
    assert_eq!(rows(&mut next), [(11, 2, 5)]);
    assert_eq!(ground.ledger().counted, 5);
}

#[actix::test]
async fn windows_that_died_in_its_outbox_are_in_the_totals_of_the_one_the_next_life_sends() {
    let ground = Ground::new();
    let mut next = Probe::deaf(1);
    let merger = merger(&ground, &next).await;
    for seq in 10..=12 {
        close(&ground, &merger, seq, 1).await;
    }
    merger.die_and_come_back().await;
    next.hear();
    ground.at_ms(300).await;
    assert_eq!(rows(&mut next), [(10, 1, 1), (12, 1, 3)]);
    let expected = Ledger {
        counted: 3,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected, "each is counted once");
}

#[actix::test]
async fn a_drain_publishes_what_was_reported_and_asks_to_be_repeated_while_there_is_no_room() {
    let ground = Ground::new();
    let mut next = Probe::deaf(1);
    let merger = merger(&ground, &next).await;
    close(&ground, &merger, 10, 3).await;
    ground.at_ms(1_001).await;
    let early = report(&ground, 0, 11, vec![partial(11, 2)]);
    merger.ask(early).await;
    assert_eq!(merger.ask(Drain).await, 1, "there is no room");
    assert_eq!(ground.ledger().counted, 5);
    next.hear();
    settle().await;
    assert_eq!(merger.ask(Drain).await, 0);
    settle().await;
    assert_eq!(rows(&mut next), [(10, 3, 3), (11, 2, 5)]);
}
