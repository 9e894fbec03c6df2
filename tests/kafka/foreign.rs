//! Windows of another aggregator, which says of them nothing but their bounds, an emoji and a count.

use emostream::domain::Seq;

use super::support::broker::Broker;
use super::support::clients::PATIENCE;
use super::support::handed_on::{Rig, id, numbers, wait_until};

/// What somebody else's aggregator writes about an emoji of a window.
fn foreign(seq: Seq, emoji: &str, count: u64) -> String {
    let start = iso(seq.0);
    let end = iso(seq.0 + 1);
    format!(
        r#"{{"window":{{"start":"{start}","end":"{end}"}},"emoji_type":"{emoji}","count":{count},"final_count":{count}}}"#
    )
}

/// Seconds since the epoch as Spark writes them.
fn iso(seconds: u64) -> String {
    let days = seconds / 86_400;
    let (mut year, mut day) = (1970, days);
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if day < length {
            let months = [
                31,
                if leap { 29 } else { 28 },
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ];
            let mut month = 1;
            for length in months {
                if day < length {
                    break;
                }
                day -= length;
                month += 1;
            }
            let rest = seconds % 86_400;
            let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
            let day = day + 1;
            return format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z");
        }
        day -= length;
        year += 1;
    }
}

#[actix::test]
async fn another_aggregators_windows_close_by_the_next_or_a_time_limit_and_add_up() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "foreign", &[1]).await;
    let (publisher, _cluster) = (rig.publisher(), rig.cluster());
    let base = Seq(rig.now().0 - 100);
    let put = |partition, number, emoji: &str, count| {
        let value = foreign(Seq(base.0 + number), emoji, count);
        rig.write(
            &rig.topics.aggregated,
            Some(partition),
            None,
            value.as_bytes(),
        );
        rig.flush();
    };
    let mut reader = rig.reader(&rig.topics.subscriber(id(1)));
    put(0, 1, r"\ud83d\udd25", 5);
    put(1, 1, r"\ud83d\ude02", 7);
    put(2, 1, r"\ud83d\udd25", 5);
    put(1, 2, r"\ud83d\udd25", 3);
    reader.until("both windows", PATIENCE, |reader| reader.num("main") == 2);
    assert_eq!(reader.first_seen("main"), numbers(base, 1, 2));
    assert_eq!(
        reader.sums("main"),
        [("🔥".to_owned(), 8), ("😂".to_owned(), 7)].into()
    );
    assert_eq!(reader.newest("main").running.total(), 15);
    // Whoever comes next adds up from where the first one ended.
    wait_until("a commit", PATIENCE, || {
        rig.table.last_window(id(1)) == Some(Seq(base.0 + 2))
    });
    publisher.stop();
    let _next = rig.publisher();
    put(2, 3, r"\ud83d\ude02", 10);
    reader.until("the window after that", PATIENCE, |reader| {
        reader.num("main") == 3
    });
    let newest = reader.newest("main");
    assert_eq!((newest.seq.0, newest.ordinal), (base.0 + 3, 3));
    assert_eq!((newest.tally.total(), newest.running.total()), (10, 25));
}

#[actix::test]
async fn of_two_publishers_one_puts_together_what_comes_on_all_partitions() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "standby", &[1]).await;
    let first = rig.publisher();
    let base = Seq(rig.now().0 - 100);
    let put = |partition, number, count| {
        let value = foreign(Seq(base.0 + number), "🔥", count);
        rig.write(
            &rig.topics.aggregated,
            Some(partition),
            None,
            value.as_bytes(),
        );
        rig.flush();
    };
    let mut reader = rig.reader(&rig.topics.cluster(id(1)));
    put(0, 1, 1);
    reader.until("the first window", PATIENCE, |reader| {
        reader.num("main") == 1
    });
    let second = rig.publisher();
    let rebalances = &second.health.metrics().kafka.rebalances;
    let joined = rebalances.with_label_values(&["main_publisher"]);
    wait_until("two members", PATIENCE, || joined.get() > 0);
    for number in 2..=7 {
        put((number % 3) as i32, number, number);
    }
    reader.until("seven windows", PATIENCE, |reader| reader.num("main") == 7);
    first.stop();
    put(2, 8, 8);
    reader.until("the eighth", PATIENCE, |reader| reader.num("main") == 8);
    second.stop();
    assert_eq!(reader.first_seen("main"), numbers(base, 1, 8));
    assert_eq!(reader.newest("main").running.total(), 36);
    assert_eq!(reader.sums("main"), [("🔥".to_owned(), 36)].into());
}
