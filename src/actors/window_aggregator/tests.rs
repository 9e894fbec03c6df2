use super::*;
use crate::domain::{Ledger, Reaction};
use crate::testkit::{Die, Ground, Probe, Stage, event, mortal, reactions, settle};

mortal!(WindowAggregator);

type Merger = Probe<PartialsClosed>;

/// What a report says: through which window, and the number and total of each partial.
type Row = (u64, Vec<(u64, u64)>);

async fn aggregator(ground: &Ground, merger: &Merger) -> Stage<WindowAggregator> {
    let fold = TumblingWindows::new(ground.window, ground.start());
    let aggregator = WindowAggregator {
        partition: 2,
        window: ground.window,
        fold: Rc::new(RefCell::new(fold)),
        waiting: Rc::default(),
        retry_is_due: false,
        merger: merger.link(),
        clock: ground.clock.clone(),
        streams: ground.streams.clone(),
        metrics: ground.metrics.clone(),
    };
    Stage::start(&ground.metrics, move || aggregator.clone()).await
}

fn batch(ground: &Ground, reactions: Vec<Reaction>) -> ReactionsAccepted {
    let countable = reactions.into_iter().map(Into::into).collect();
    let batch = InFlight::new(countable, &ground.streams);
    ReactionsAccepted { batch }
}

fn rows(merger: &mut Merger) -> Vec<Row> {
    let row = |report: PartialsClosed| {
        assert_eq!(report.partition, 2);
        let partials = report.partials.arrive();
        let partials = partials
            .iter()
            .map(|partial| (partial.seq.0, partial.tally.total()));
        (report.closed_through.0, partials.collect())
    };
    merger.drain().into_iter().map(row).collect()
}

#[actix::test]
async fn every_window_of_the_grid_is_reported_at_its_end_also_when_nothing_came() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let _aggregator = aggregator(&ground, &merger).await;
    ground.at_ms(995).await;
    assert_eq!(rows(&mut merger), [(9, vec![])], "where it starts");
    ground.at_ms(1_005).await;
    assert_eq!(rows(&mut merger), [(10, vec![])]);
    ground.at_ms(3_005).await;
    assert_eq!(rows(&mut merger), [(11, vec![]), (12, vec![])]);
}

#[actix::test]
async fn a_reaction_is_counted_in_the_window_in_which_its_batch_arrives() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let aggregator = aggregator(&ground, &merger).await;
    for (at_ms, number) in [(0, 1), (990, 2), (1_010, 4)] {
        ground.at_ms(at_ms).await;
        aggregator.ask(batch(&ground, reactions(number))).await;
    }
    ground.at_ms(2_005).await;
    let expected = [(10, vec![(10, 3)]), (11, vec![(11, 4)])];
    assert_eq!(rows(&mut merger)[1..], expected);
}

#[actix::test]
async fn an_event_that_comes_again_is_left_out_and_reported_as_such() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let aggregator = aggregator(&ground, &merger).await;
    for events in [vec![event("a"), event("b")], vec![event("a")]] {
        aggregator.ask(batch(&ground, events)).await;
    }
    ground.at_ms(1_005).await;
    let reports = merger.drain().into_iter();
    let partials: Vec<_> = reports
        .flat_map(|report| report.partials.arrive())
        .collect();
    assert_eq!(partials.len(), 1);
    assert_eq!(
        (partials[0].tally.total(), partials[0].deduplicated),
        (2, 1)
    );
}

#[actix::test]
async fn a_full_mailbox_keeps_partials_which_go_in_order_with_those_of_the_next_windows() {
    let ground = Ground::new();
    let mut merger = Probe::deaf(1);
    let aggregator = aggregator(&ground, &merger).await;
    for (at_ms, number) in [(0, 1), (1_010, 2), (2_010, 4)] {
        ground.at_ms(at_ms).await;
        aggregator.ask(batch(&ground, reactions(number))).await;
    }
    ground.at_ms(3_010).await;
    merger.hear();
    ground.at_ms(3_100).await;
    let expected = [(9, vec![]), (12, vec![(10, 1), (11, 2), (12, 4)])];
    assert_eq!(rows(&mut merger), expected);
    assert!(ground.mailbox_full("partials") > 0);
    assert_eq!(ground.ledger().lost, 0);
}

#[actix::test]
async fn a_full_mailbox_is_tried_no_more_often_the_more_windows_wait() {
    let ground = Ground::new();
    let merger: Merger = Probe::deaf(1);
    let _aggregator = aggregator(&ground, &merger).await;
    let mut tries = Vec::new();
    for second in 0..10 {
        let before = ground.mailbox_full("partials");
        ground.at_ms(1_500 + second * 1_000).await;
        tries.push(ground.mailbox_full("partials") - before);
    }
    assert!((40..=60).contains(tries.last().unwrap()), "{tries:?}");
}

#[actix::test]
async fn a_merger_that_is_rebuilt_finds_what_waited_for_it() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let aggregator = aggregator(&ground, &merger).await;
    merger.die().await;
    aggregator.ask(batch(&ground, reactions(3))).await;
    ground.at_ms(1_500).await;
    merger.start();
    ground.at_ms(1_600).await;
    assert_eq!(rows(&mut merger), [(9, vec![]), (10, vec![(10, 3)])]);
    assert_eq!(ground.mailbox_full("partials"), 0, "nobody was there");
}

#[actix::test]
async fn open_windows_outlive_a_panic_and_batches_in_the_mailbox_are_lost() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let aggregator = aggregator(&ground, &merger).await;
    aggregator.ask(batch(&ground, reactions(3))).await;
    aggregator.put(Die);
    aggregator.put(batch(&ground, reactions(5)));
    aggregator.come_back().await;
    aggregator.ask(batch(&ground, reactions(1))).await;
    ground.at_ms(1_005).await;
    let counted: Vec<_> = rows(&mut merger)
        .into_iter()
        .flat_map(|row| row.1)
        .collect();
    assert_eq!(counted, [(10, 4)]);
    let expected = Ledger {
        lost: 5,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected);
}

#[actix::test]
async fn an_event_is_known_again_after_a_panic() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let aggregator = aggregator(&ground, &merger).await;
    aggregator.ask(batch(&ground, vec![event("a")])).await;
    aggregator.die_and_come_back().await;
    aggregator.ask(batch(&ground, vec![event("a")])).await;
    ground.at_ms(1_005).await;
    let counted: Vec<_> = rows(&mut merger)
        .into_iter()
        .flat_map(|row| row.1)
        .collect();
    assert_eq!(counted, [(10, 1)]);
}

#[actix::test]
async fn a_window_that_ended_between_two_lives_is_reported_at_the_start_of_the_next() {
    let ground = Ground::new();
    let mut merger = Probe::new();
    let aggregator = aggregator(&ground, &merger).await;
    aggregator.ask(batch(&ground, reactions(3))).await;
    ground.at_ms(950).await;
    aggregator.die_and_come_back().await;
    ground.at_ms(1_100).await;
    assert_eq!(rows(&mut merger), [(9, vec![]), (10, vec![(10, 3)])]);
}

#[actix::test]
async fn partials_that_waited_outlive_a_panic_and_go_as_soon_as_there_is_room() {
    let ground = Ground::new();
    let mut merger = Probe::deaf(1);
    let aggregator = aggregator(&ground, &merger).await;
    aggregator.ask(batch(&ground, reactions(3))).await;
    ground.at_ms(1_010).await;
    aggregator.die_and_come_back().await;
    merger.hear();
    ground.at_ms(1_500).await;
    assert_eq!(rows(&mut merger), [(9, vec![]), (10, vec![(10, 3)])]);
    assert_eq!(ground.ledger().lost, 0);
}

#[actix::test]
async fn a_drain_closes_the_open_window_early_and_asks_to_be_repeated_while_there_is_no_room() {
    let ground = Ground::new();
    let mut merger = Probe::deaf(1);
    let aggregator = aggregator(&ground, &merger).await;
    aggregator.ask(batch(&ground, reactions(3))).await;
    assert_eq!(aggregator.ask(Drain).await, 1, "there is no room");
    aggregator.ask(batch(&ground, reactions(2))).await;
    assert_eq!(aggregator.ask(Drain).await, 2, "there is no room");
    merger.hear();
    settle().await;
    assert_eq!(aggregator.ask(Drain).await, 0);
    settle().await;
    let expected = [(9, vec![]), (11, vec![(10, 3), (11, 2)])];
    assert_eq!(rows(&mut merger), expected, "a closed window stays closed");
}
