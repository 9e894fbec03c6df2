//! Windows go from topic to topic: whoever wrote them, and whoever dies.

use std::sync::Arc;
use std::time::Duration;

use emostream::domain::Seq;
use emostream::kafka::forward::Route;
use emostream::kafka::table::ClusterTable;
use tokio::time::Instant;

use super::support::broker::Broker;
use super::support::clients::{PATIENCE, delete_topic, set_topic};
use super::support::handed_on::{Reader, Rig, fire, id, laugh, numbers, own_window, wait_until};
use super::support::proxy::Proxy;

#[actix::test]
async fn own_windows_reach_the_subscribers_of_every_cluster_with_their_numbers_and_totals() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "own", &[1, 2]).await;
    let (_publisher, _cluster) = (rig.publisher(), rig.cluster());
    let base = Seq(rig.now().0 - 100);
    for number in 1..=20 {
        rig.write_window(&rig.topics.aggregated, &own_window("a", base, number));
    }
    for cluster in [1, 2] {
        let mut reader = rig.reader(&rig.topics.subscriber(id(cluster)));
        reader.until("twenty windows", PATIENCE, |reader| reader.num("a") == 20);
        assert_eq!(reader.first_seen("a"), numbers(base, 1, 20));
        assert_eq!(*reader.newest("a"), own_window("a", base, 20));
        assert_eq!(rig.table.last_window(id(cluster)), Some(Seq(base.0 + 20)));
    }
    assert_eq!(rig.table.served().len(), 2);
}

#[actix::test]
async fn poison_is_counted_and_passed_by() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "poison", &[1]).await;
    let publisher = rig.publisher();
    let base = Seq(rig.now().0 - 100);
    rig.write(&rig.topics.aggregated, None, Some("a"), b"no json");
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 1));
    let mut reader = rig.reader(&rig.topics.cluster(id(1)));
    reader.until("the window", PATIENCE, |reader| reader.num("a") == 1);
    let poison = &publisher.health.metrics().kafka.poison;
    assert_eq!(
        poison.with_label_values(&["aggregated", "bad_json"]).get(),
        1
    );
}

#[actix::test]
async fn a_forwarder_that_is_cut_off_is_replaced_and_every_window_comes_in_order() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "killed", &[1, 2]).await;
    let proxy = Proxy::start(broker.port());
    let doomed_table = Arc::new(ClusterTable::default());
    doomed_table.set((*rig.table.rows()).clone());
    let doomed = rig.forward(&proxy.address(), Route::Cluster, &doomed_table);
    let _publisher = rig.publisher();
    let base = Seq(rig.now().0 - 500);
    let write = |number| {
        for name in ["a", "b", "c", "d"] {
            rig.write_window(&rig.topics.aggregated, &own_window(name, base, number));
        }
    };
    let mut readers = [1, 2].map(|cluster| rig.reader(&rig.topics.subscriber(id(cluster))));
    (1..=20).for_each(write);
    readers[0].until("the first windows", PATIENCE, |reader| reader.num("a") > 0);
    assert_eq!(doomed_table.served().len(), 2);
    let other = rig.cluster();
    let rebalances = &other.health.metrics().kafka.rebalances;
    let shares = rebalances.with_label_values(&["cluster_publisher"]);
    wait_until("a share of the work", PATIENCE, || shares.get() > 0);
    (21..=40).for_each(write);
    proxy.cut();
    let cut = Instant::now();
    (41..=60).for_each(write);
    for reader in &mut readers {
        let is_whole = |reader: &Reader| {
            ["a", "b", "c", "d"]
                .iter()
                .all(|name| reader.num(name) == 60)
        };
        reader.until("everything", Duration::from_secs(25), is_whole);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(reader.first_seen(name), numbers(base, 1, 60), "{name}");
        }
    }
    let took = cut.elapsed();
    assert!(took < Duration::from_secs(14), "{took:?}");
    assert_eq!(rig.table.served().len(), 2);
    drop((doomed, other));
}

#[actix::test]
async fn a_window_in_pieces_waits_for_the_rest_also_where_the_forwarder_is_another() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "pieces", &[1]).await;
    let base = Seq(rig.now().0 - 100);
    let mut window = own_window("a", base, 2);
    window.tally = [(fire(), 2), (laugh(), 1)].into_iter().collect();
    window.running = Arc::new([(fire(), 3), (laugh(), 1)].into_iter().collect());
    let pieces = rig.values(&window);
    assert_eq!(pieces.len(), 2);
    let topic = rig.topics.aggregated.clone();
    let first = rig.publisher();
    let mut reader = rig.reader(&rig.topics.cluster(id(1)));
    rig.write(&topic, Some(0), None, &pieces[0]);
    rig.write(
        &topic,
        Some(0),
        None,
        &rig.values(&own_window("b", base, 1))[0],
    );
    reader.until("the window behind it", PATIENCE, |reader| {
        reader.num("b") == 1
    });
    first.stop();
    let _second = rig.publisher();
    rig.write(&topic, Some(0), None, &pieces[1]);
    reader.until("the whole window", PATIENCE, |reader| reader.num("a") == 1);
    assert_eq!(*reader.newest("a"), window);
}

#[actix::test]
async fn a_topic_that_is_deleted_holds_nobody_up_and_is_used_again_once_it_is_back() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "deleted", &[1, 2]).await;
    let (_publisher, _cluster) = (rig.publisher(), rig.cluster());
    let base = Seq(rig.now().0 - 100);
    let mut one = rig.reader(&rig.topics.subscriber(id(1)));
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 1));
    rig.write_window(&rig.topics.aggregated, &own_window("quiet", base, 1));
    one.until("both windows", PATIENCE, |reader| {
        reader.num("a") + reader.num("quiet") == 2
    });
    delete_topic(&rig.address, &rig.topics.cluster(id(2))).await;
    delete_topic(&rig.address, &rig.topics.subscriber(id(2))).await;
    let mut number = 1;
    let begun = Instant::now();
    while rig.table.served().len() > 1 || begun.elapsed() < Duration::from_secs(8) {
        number += 1;
        rig.write_window(&rig.topics.aggregated, &own_window("a", base, number));
        let within = Duration::from_secs(10);
        one.until("no standstill", within, |reader| {
            reader.num("a") as u64 == number
        });
        one.during(Duration::from_millis(200));
    }
    rig.create_cluster(2).await;
    let mut two = rig.reader(&rig.topics.subscriber(id(2)));
    let within = Duration::from_secs(10);
    two.until("the newest windows", within, |reader| {
        reader.num("a") + reader.num("quiet") >= 2
    });
    assert_eq!(*two.newest("a"), own_window("a", base, number));
    let next = own_window("a", base, number + 1);
    rig.write_window(&rig.topics.aggregated, &next);
    for reader in [&mut one, &mut two] {
        reader.until("the next window", PATIENCE, |reader| {
            *reader.newest("a") == next
        });
    }
    assert_eq!(one.first_seen("a"), numbers(base, 1, number + 1));
}

#[actix::test]
async fn what_cannot_be_written_is_read_again_until_it_can_and_stays_in_order() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "refused", &[1, 2]).await;
    let target = rig.topics.cluster(id(1));
    let largest = "max.message.bytes";
    set_topic(&rig.address, &target, largest, "64").await;
    let publisher = rig.publisher();
    let base = Seq(rig.now().0 - 100);
    for number in 1..=3 {
        rig.write_window(&rig.topics.aggregated, &own_window("a", base, number));
    }
    let records = &publisher.health.metrics().kafka.records;
    let read = records.with_label_values(&["main_publisher", "read"]);
    wait_until("another attempt", PATIENCE, || read.get() > 6);
    set_topic(&rig.address, &target, largest, "1048588").await;
    for cluster in [1, 2] {
        let mut reader = rig.reader(&rig.topics.cluster(id(cluster)));
        reader.until("all windows", PATIENCE, |reader| reader.num("a") == 3);
        assert_eq!(reader.first_seen("a"), numbers(base, 1, 3));
    }
}

#[actix::test]
async fn a_forwarder_that_is_stopped_leaves_the_next_one_what_is_not_done() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "again", &[1]).await;
    let base = Seq(rig.now().0 - 100);
    let mut reader = rig.reader(&rig.topics.cluster(id(1)));
    for life in 0..3 {
        let publisher = rig.publisher();
        for number in 5 * life + 1..=5 * life + 5 {
            rig.write_window(&rig.topics.aggregated, &own_window("a", base, number));
        }
        let whole = 5 * life as usize + 5;
        reader.until("its windows", PATIENCE, |reader| reader.num("a") == whole);
        let records = publisher.health.metrics().kafka.records.clone();
        publisher.stop();
        let read = records.with_label_values(&["main_publisher", "read"]);
        assert_eq!(read.get(), 5, "nothing that was done is read again");
    }
    assert_eq!(reader.first_seen("a"), numbers(base, 1, 15));
}

#[actix::test]
async fn two_nodes_share_a_cluster_that_is_spawned() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "shared", &[1]).await;
    let tables: [Arc<ClusterTable>; 2] = Default::default();
    for table in &tables {
        table.set((*rig.table.rows()).clone());
    }
    let nodes = tables
        .each_ref()
        .map(|table| rig.forward(&rig.address, Route::Cluster, table));
    for node in &nodes {
        let rebalances = &node.health.metrics().kafka.rebalances;
        let joined = rebalances.with_label_values(&["cluster_publisher"]);
        wait_until("a share of the work", PATIENCE, || joined.get() > 0);
    }
    let base = Seq(rig.now().0 - 100);
    for name in ["a", "b", "c", "d", "e"] {
        rig.write_window(&rig.topics.cluster(id(1)), &own_window(name, base, 1));
    }
    let has_all = |reader: &Reader| {
        ["a", "b", "c", "d", "e"]
            .iter()
            .all(|name| reader.num(name) == 1)
    };
    let mut one = rig.reader(&rig.topics.subscriber(id(1)));
    one.until("all streams", PATIENCE, has_all);
    rig.create_cluster(2).await;
    rig.set_clusters(&[1, 2]);
    for table in &tables {
        table.set((*rig.table.rows()).clone());
    }
    for name in ["a", "b", "c", "d", "e"] {
        rig.write_window(&rig.topics.cluster(id(2)), &own_window(name, base, 1));
    }
    let mut two = rig.reader(&rig.topics.subscriber(id(2)));
    two.until("all streams", PATIENCE, has_all);
    let served = || {
        tables
            .iter()
            .map(|table| table.served().len())
            .sum::<usize>()
    };
    wait_until("each is served by one", PATIENCE, || served() == 2);
}

#[actix::test]
async fn a_cluster_that_is_spawned_delivers_and_stands_on_exact_totals() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "spawned", &[1]).await;
    let (_publisher, _cluster) = (rig.publisher(), rig.cluster());
    let base = Seq(rig.now().0 - 100);
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 1));
    rig.write_window(&rig.topics.aggregated, &own_window("quiet", base, 4));
    let mut old = rig.reader(&rig.topics.subscriber(id(1)));
    old.until("both windows", PATIENCE, |reader| {
        reader.num("a") + reader.num("quiet") == 2
    });

    // The table knows it before its topics are there.
    rig.set_clusters(&[1, 2]);
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 2));
    old.until("no standstill", PATIENCE, |reader| reader.num("a") == 2);
    rig.create_cluster(2).await;
    let mut new = rig.reader(&rig.topics.subscriber(id(2)));
    new.until("the newest windows", PATIENCE, |reader| {
        reader.num("a") == 1 && reader.num("quiet") == 1
    });
    assert_eq!(*new.newest("quiet"), own_window("quiet", base, 4));
    assert_eq!(*new.newest("a"), own_window("a", base, 2));
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 3));
    for reader in [&mut old, &mut new] {
        reader.until("the next window", PATIENCE, |reader| {
            reader.newest("a").seq.0 == base.0 + 3
        });
    }
    assert_eq!(rig.table.served().len(), 2);
}

#[actix::test]
async fn a_broker_that_was_away_is_used_again_and_nothing_is_missing() {
    let mut broker = Broker::start();
    let rig = Rig::new(&broker.address(), "away", &[1]).await;
    let (publisher, cluster) = (rig.publisher(), rig.cluster());
    let base = Seq(rig.now().0 - 100);
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 1));
    let mut reader = rig.reader(&rig.topics.subscriber(id(1)));
    reader.until("the first window", PATIENCE, |reader| reader.num("a") == 1);
    broker.kill();
    for stage in [&publisher, &cluster] {
        wait_until("silence", PATIENCE, || stage.health.is_silent());
    }
    broker.restart();
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 2));
    reader.until("the next window", PATIENCE, |reader| reader.num("a") == 2);
    for stage in [&publisher, &cluster] {
        wait_until("an answer", PATIENCE, || stage.health.is_answered());
    }
    broker.pause();
    for stage in [&publisher, &cluster] {
        wait_until("silence", PATIENCE, || stage.health.is_silent());
    }
    broker.resume();
    rig.write_window(&rig.topics.aggregated, &own_window("a", base, 3));
    reader.until("the window after that", PATIENCE, |reader| {
        reader.num("a") == 3
    });
    assert_eq!(reader.first_seen("a"), numbers(base, 1, 3));
}
