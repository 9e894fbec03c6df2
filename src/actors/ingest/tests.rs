use std::collections::BTreeMap;

use super::*;
use crate::actors::link::Gone;
use crate::domain::Ledger;
use crate::testkit::{
    Die, Ground, Probe, Stage, event, mortal, reaction, reactions, settle, stream,
};

mortal!(Ingest);

type Aggregator = Probe<ReactionsAccepted>;

const CONFIG: IngestConfig = IngestConfig {
    flush_interval: Duration::from_millis(10),
    max_batch: 4,
    max_backlog: 10,
    max_delay: Duration::from_secs(1),
};

async fn ingest(ground: &Ground, worker: usize, aggregators: &[&Aggregator]) -> Stage<Ingest> {
    on_credit(ground, worker, aggregators).await.0
}

/// An ingest, and the credit that it gives.
async fn on_credit(
    ground: &Ground,
    worker: usize,
    aggregators: &[&Aggregator],
) -> (Stage<Ingest>, Rc<Credit>) {
    let links: Vec<_> = aggregators.iter().map(|probe| probe.link()).collect();
    let (streams, metrics) = (ground.streams.clone(), ground.metrics.clone());
    let credit = Rc::new(Credit::new(CONFIG.max_backlog));
    let given = credit.clone();
    let factory = move || {
        let (streams, metrics) = (streams.clone(), metrics.clone());
        Ingest::new(
            CONFIG,
            worker,
            given.clone(),
            links.clone(),
            streams,
            metrics,
        )
    };
    (Stage::start(&ground.metrics, factory).await, credit)
}

/// What is handed in on credit.
fn deposit(number: usize, credit: &Credit, ground: &Ground) -> Deposit {
    assert!(credit.take(number));
    Deposit {
        reactions: InFlight::new(reactions(number), &ground.streams),
    }
}

fn submit(number: usize) -> Submit {
    Submit {
        reactions: reactions(number),
    }
}

const NOTHING: [usize; 0] = [];

/// The batches that have come by now.
fn batches(aggregator: &mut Aggregator) -> Vec<Vec<Countable>> {
    let batches = aggregator.drain().into_iter();
    batches.map(|sent| sent.batch.arrive()).collect()
}

fn sizes(aggregator: &mut Aggregator) -> Vec<usize> {
    batches(aggregator).iter().map(Vec::len).collect()
}

/// Long enough for what is held to be offered again.
async fn flushed() {
    tokio::time::sleep(CONFIG.flush_interval * 2).await;
}

async fn ms(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[actix::test]
async fn a_batch_stays_open_for_the_flush_interval() {
    let ground = Ground::new();
    let mut aggregator = Probe::new();
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    assert_eq!(ingest.ask(submit(2)).await, Ok(()));
    ms(5).await;
    assert_eq!(ingest.ask(submit(1)).await, Ok(()));
    ms(4).await;
    assert_eq!(sizes(&mut aggregator), NOTHING);
    ms(2).await;
    assert_eq!(sizes(&mut aggregator), [3]);
    ms(1_000).await;
    assert_eq!(
        sizes(&mut aggregator),
        NOTHING,
        "an empty batch is not sent"
    );
}

#[actix::test]
async fn a_batch_of_the_largest_size_goes_at_once() {
    let ground = Ground::new();
    let mut aggregator = Probe::new();
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    assert_eq!(ingest.ask(submit(3)).await, Ok(()));
    settle().await;
    assert_eq!(sizes(&mut aggregator), NOTHING);
    assert_eq!(ingest.ask(submit(1)).await, Ok(()));
    settle().await;
    assert_eq!(sizes(&mut aggregator), [4]);
}

#[actix::test]
async fn reactions_are_accepted_in_the_ledger_of_their_stream_with_every_copy() {
    let ground = Ground::new();
    let other = ground.streams.open(&stream("other")).unwrap();
    let aggregator = Probe::new();
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    let elsewhere = Reaction {
        stream: stream("other"),
        count: 5,
        ..reaction()
    };
    let reactions = vec![reaction(), elsewhere.clone(), reaction(), elsewhere];
    assert_eq!(ingest.ask(Submit { reactions }).await, Ok(()));
    assert_eq!(ground.ledger().accepted, 2);
    assert_eq!(other.snapshot().accepted, 10);
}

#[actix::test]
async fn the_same_event_meets_in_one_partition_whichever_worker_takes_it() {
    let ground = Ground::new();
    let mut aggregators = [Probe::new(), Probe::new(), Probe::new()];
    let mut partitions_by_worker = Vec::new();
    for worker in 0..2 {
        let ingest = ingest(&ground, worker, &aggregators.each_ref()).await;
        for number in 0..8 {
            let reactions = vec![event(&format!("e{number}"))];
            assert_eq!(ingest.ask(Submit { reactions }).await, Ok(()));
        }
        flushed().await;
        let mut partitions = BTreeMap::new();
        for (partition, aggregator) in aggregators.iter_mut().enumerate() {
            for reaction in batches(aggregator).concat() {
                partitions.insert(format!("{:?}", reaction.event_id), partition);
            }
        }
        assert_eq!(partitions.len(), 8);
        partitions_by_worker.push(partitions);
    }
    assert_eq!(partitions_by_worker[0], partitions_by_worker[1]);
    let first = partitions_by_worker[0].values().next();
    let used_by_all = |partition: &usize| Some(partition) == first;
    assert!(!partitions_by_worker[0].values().all(used_by_all));
}

#[actix::test]
async fn reactions_that_may_go_to_any_partition_go_to_the_workers_own() {
    let ground = Ground::new();
    let mut aggregators = [Probe::new(), Probe::new(), Probe::new()];
    let ingest = ingest(&ground, 4, &aggregators.each_ref()).await;
    assert_eq!(ingest.ask(submit(4)).await, Ok(()));
    settle().await;
    let received = aggregators.each_mut().map(sizes);
    assert_eq!(received, [vec![], vec![4], vec![]]);
}

#[actix::test]
async fn a_full_mailbox_holds_reactions_up_to_the_backlog_and_then_sheds_new_ones() {
    let ground = Ground::new();
    let mut aggregator = Probe::deaf(1);
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    for _ in 0..3 {
        assert_eq!(ingest.ask(submit(4)).await, Ok(()));
    }
    assert_eq!(ingest.ask(submit(3)).await, Err(Shed::Overloaded));
    assert_eq!(ingest.ask(submit(2)).await, Ok(()), "there is room for two");
    assert_eq!(ingest.ask(submit(1)).await, Err(Shed::Overloaded));
    let expected = Ledger {
        accepted: 14,
        shed: 4,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected);
    assert!(ground.mailbox_full("reactions") > 0);

    aggregator.hear();
    flushed().await;
    assert_eq!(sizes(&mut aggregator), [4, 10], "all that was accepted");
    assert_eq!(ingest.ask(submit(10)).await, Ok(()), "it is behind no more");
}

#[actix::test]
async fn an_aggregator_that_is_rebuilt_finds_what_was_held_for_it() {
    let ground = Ground::new();
    let mut aggregator = Probe::absent();
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    assert_eq!(ingest.ask(submit(2)).await, Ok(()));
    ms(1_000).await;
    aggregator.start();
    flushed().await;
    assert_eq!(sizes(&mut aggregator), [2]);

    aggregator.die().await;
    assert_eq!(ingest.ask(submit(3)).await, Ok(()));
    ms(1_000).await;
    aggregator.start();
    flushed().await;
    assert_eq!(sizes(&mut aggregator), [3]);
    assert_eq!(ground.ledger().lost, 0);
    assert_eq!(ground.mailbox_full("reactions"), 0, "nobody was there");
}

#[actix::test]
async fn a_partition_that_is_behind_does_not_hold_the_others() {
    let ground = Ground::new();
    let (mut busy, mut free) = (Probe::deaf(1), Probe::new());
    let ingest = ingest(&ground, 0, &[&busy, &free]).await;
    assert_eq!(ingest.ask(submit(4)).await, Ok(()));
    let events: Vec<_> = (0..8).map(|number| event(&format!("e{number}"))).collect();
    let sent = Submit { reactions: events };
    assert_eq!(ingest.ask(sent).await, Ok(()));
    flushed().await;
    let passed: usize = sizes(&mut free).iter().sum();
    assert!((1..8).contains(&passed), "{passed} have another partition");
    assert_eq!(sizes(&mut busy), NOTHING);
    busy.hear();
    flushed().await;
    assert_eq!(sizes(&mut busy), [4, 8 - passed]);
}

#[actix::test]
async fn a_drain_hands_on_what_is_held_and_turns_away_what_comes_after() {
    let ground = Ground::new();
    let mut aggregator = Probe::deaf(1);
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    assert_eq!(ingest.ask(submit(4)).await, Ok(()));
    assert_eq!(ingest.ask(submit(3)).await, Ok(()));
    assert_eq!(ingest.ask(Drain).await, 3, "still held");
    assert_eq!(ingest.ask(submit(2)).await, Err(Shed::Draining));
    aggregator.hear();
    settle().await;
    assert_eq!(ingest.ask(Drain).await, 0);
    settle().await;
    assert_eq!(sizes(&mut aggregator), [4, 3]);
    let expected = Ledger {
        accepted: 7,
        shed: 2,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected);
}

#[actix::test]
async fn what_it_held_when_it_died_is_lost_in_the_ledger_and_the_next_life_goes_on() {
    let ground = Ground::new();
    let mut aggregator = Probe::deaf(1);
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    assert_eq!(ingest.ask(submit(4)).await, Ok(()), "handed on");
    assert_eq!(ingest.ask(submit(4)).await, Ok(()), "found no room");
    assert_eq!(ingest.ask(submit(1)).await, Ok(()), "in an open batch");
    ingest.die_and_come_back().await;
    let expected = Ledger {
        accepted: 9,
        lost: 5,
        ..Ledger::default()
    };
    assert_eq!(ground.ledger(), expected);

    aggregator.hear();
    assert_eq!(ingest.ask(submit(2)).await, Ok(()));
    flushed().await;
    assert_eq!(sizes(&mut aggregator), [4, 2]);
    assert_eq!(ground.ledger().lost, 5);
}

#[actix::test]
async fn reactions_that_wait_in_the_mailbox_of_a_dying_ingest_are_not_accepted() {
    let ground = Ground::new();
    let mut aggregator = Probe::new();
    let ingest = ingest(&ground, 0, &[&aggregator]).await;
    ingest.put(Die);
    let answer = ingest.link().ask(submit(3)).await;
    assert_eq!(answer, Err(Gone));
    ingest.come_back().await;
    flushed().await;
    assert_eq!(ground.ledger(), Ledger::default());
    assert_eq!(sizes(&mut aggregator), NOTHING);
}

#[actix::test]
async fn what_is_deposited_is_handed_on_like_the_rest_and_its_credit_comes_back() {
    let ground = Ground::new();
    let mut aggregator = Probe::new();
    let (ingest, credit) = on_credit(&ground, 0, &[&aggregator]).await;
    ingest.put(deposit(2, &credit, &ground));
    assert_eq!(ingest.ask(submit(1)).await, Ok(()));
    assert_eq!(credit.taken(), 3);
    flushed().await;
    assert_eq!(sizes(&mut aggregator), [3]);
    assert_eq!(credit.taken(), 0);
    ingest.put(deposit(4, &credit, &ground));
    settle().await;
    assert_eq!(sizes(&mut aggregator), [4], "a batch of the largest size");
    assert_eq!(ground.ledger().lost, 0);
}

#[actix::test]
async fn credit_runs_out_while_the_aggregator_is_behind() {
    let ground = Ground::new();
    let mut aggregator = Probe::deaf(1);
    let (ingest, credit) = on_credit(&ground, 0, &[&aggregator]).await;
    ingest.put(deposit(4, &credit, &ground));
    ingest.put(deposit(6, &credit, &ground));
    assert!(!credit.take(1), "what waits in the mailbox has taken it");
    flushed().await;
    assert_eq!(credit.taken(), 6, "what the aggregator has is held no more");
    assert!(!credit.take(5));
    assert_eq!(ingest.ask(submit(5)).await, Err(Shed::Overloaded));
    aggregator.hear();
    flushed().await;
    assert_eq!(sizes(&mut aggregator), [4, 6]);
    assert_eq!(credit.taken(), 0);
}

#[actix::test]
async fn a_drain_is_not_over_while_a_deposit_waits_in_the_mailbox() {
    let ground = Ground::new();
    let mut aggregator = Probe::new();
    let (ingest, credit) = on_credit(&ground, 0, &[&aggregator]).await;
    let late = deposit(2, &credit, &ground);
    let link = ingest.link();
    let behind = async { ingest.put(late) };
    let (held, ()) = tokio::join!(link.ask(Drain), behind);
    assert_eq!(held, Ok(2), "it comes behind the drain");
    assert!(!credit.take(1), "no more is given");
    assert_eq!(ingest.ask(Drain).await, 0);
    settle().await;
    assert_eq!(sizes(&mut aggregator), [2]);
}

#[actix::test]
async fn what_was_deposited_with_a_dying_ingest_is_lost_in_the_ledger_and_the_next_life_gives_credit_anew()
 {
    let ground = Ground::new();
    let mut aggregator = Probe::new();
    let (ingest, credit) = on_credit(&ground, 0, &[&aggregator]).await;
    ingest.put(Die);
    ingest.put(deposit(3, &credit, &ground));
    ingest.come_back().await;
    assert_eq!(ground.ledger().lost, 3);
    assert_eq!(credit.taken(), 0);
    ingest.put(deposit(CONFIG.max_backlog, &credit, &ground));
    settle().await;
    assert_eq!(sizes(&mut aggregator), [CONFIG.max_backlog]);
}
