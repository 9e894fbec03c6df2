//! A generator against servers that keep its rules, or break them.

#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use super::*;
use crate::commands::bench::process;

/// Answers each request of one connection after another with what `answer` says of its number, and closes when that is
/// nothing.
fn serve(answer: fn(usize) -> Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 4_096];
                let mut number = 0;
                while matches!(stream.read(&mut request), Ok(1..)) {
                    let Some(answer) = answer(number) else {
                        return;
                    };
                    number += 1;
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    address
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const SHED: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}";

const BRIEFLY: Duration = Duration::from_millis(100);

#[test]
fn what_was_answered_is_told_apart_and_adds_up() {
    let address = serve(|number| Some(if number % 3 == 2 { SHED } else { OK }));
    let mut messages = Messages::single(&address.to_string());
    let mut load = Load::open(address, 3, Dialect::Http).unwrap();
    let sample = load
        .saturate(&mut messages, BRIEFLY, &process::own)
        .unwrap();
    let counts = load.counts();
    assert!(sample.counts.accepted > 0 && counts.shed > 0);
    assert!(
        counts.answers() > sample.counts.answers(),
        "the warm-up is no part of the sample"
    );
    assert_eq!(messages.accepted().unwrap().total(), counts.reactions);
    assert_eq!(
        (counts.accepted, counts.shed),
        (counts.reactions, counts.shed_reactions)
    );
}

#[test]
fn in_an_open_loop_what_finds_no_connection_waits_or_is_not_sent() {
    // The first request of the load, after those of the warm-up, has to wait for its turn like all others.
    let address = serve(|_| Some(OK));
    let mut messages = Messages::single(&address.to_string());
    let mut load = Load::open(address, 1, Dialect::Http).unwrap();
    let pacing = Pacing {
        rate: 1_000_000,
        num_senders: 1,
        duration: BRIEFLY,
    };
    let open = load.offer(&mut messages, pacing, &process::own).unwrap();
    assert!(open.sent > 0 && open.sent < pacing.num_sends());
    let (since_due, since_sent) = (open.latencies.since_due(), open.latencies.since_sent());
    assert_eq!(since_due.len() as u64, open.sent);
    assert!(since_due.max() > since_sent.at(0.5));
}

#[test]
fn who_is_told_to_come_back_later_stays_away_for_so_long_and_does() {
    const LATER: &str =
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}";
    let address = serve(|number| Some(if number == 0 { LATER } else { OK }));
    let mut messages = Messages::single(&address.to_string());
    let mut load = Load::open(address, 3, Dialect::Http).unwrap();
    let mut pace = Pace::closed(Instant::now() + BRIEFLY);
    load.run(&mut messages, &mut pace).unwrap();
    load.drain(&mut messages).unwrap();
    assert_eq!((load.counts().shed, load.counts().accepted), (3, 0));
    let mut pace = Pace::closed(Instant::now() + Duration::from_millis(1_500));
    load.run(&mut messages, &mut pace).unwrap();
    assert_eq!(load.counts().shed, 3);
    assert!(load.counts().accepted > 3);
}

#[test]
fn a_server_that_hangs_up_ends_the_run_with_the_reason() {
    let address = serve(|number| (number < 5).then_some(OK));
    let mut messages = Messages::single(&address.to_string());
    let mut load = Load::open(address, 2, Dialect::Http).unwrap();
    let failure = load
        .saturate(&mut messages, BRIEFLY, &process::own)
        .unwrap_err();
    assert!(format!("{failure:#}").contains("closed"), "{failure:#}");
}

#[test]
fn an_answer_in_pieces_is_one_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = [0; 4_096];
        while matches!(stream.read(&mut request), Ok(1..)) {
            for piece in OK.as_bytes().chunks(7) {
                stream.write_all(piece).unwrap();
            }
        }
    });
    let mut messages = Messages::get(&address.to_string());
    let mut load = Load::open(address, 1, Dialect::Http).unwrap();
    let sample = load
        .saturate(&mut messages, BRIEFLY, &process::own)
        .unwrap();
    assert!(sample.counts.accepted > 0);
    assert_eq!(load.counts().refused, 0);
}
