use serde_json::{Value, json};

use super::*;
use crate::actors::board::Board;
use crate::actors::link::Undelivered;
use crate::domain::Ledger;
use crate::testkit::{
    Desk, Ground, Listener, board, gate, kinds, reaction, reactions, seats, session, stream,
};

/// A session that watches `main` behind an open gate, and a listener in place of its socket.
struct Seated {
    ground: Ground,
    board: Rc<Board>,
    listener: Listener,
    ingest: Desk<Submit>,
    session: Session,
}

impl Seated {
    fn new() -> Self {
        Self::behind(gate(|_, _| Ok(())))
    }

    fn behind(gate: Rc<dyn ReactGate>) -> Self {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let mut listener = Listener::join(&board, &one);
        listener.read();
        let ingest = Desk::new(|_| Ok(()));
        let session = session(&ground, listener.handle(), &ingest, gate);
        Self {
            ground,
            board,
            listener,
            ingest,
            session,
        }
    }

    /// What it answers without asking anybody.
    fn answer(&self, frame: &Value) -> Value {
        match self.session.on_text(&frame.to_string()) {
            Step::Answer(answer) => serde_json::from_str(&answer).unwrap(),
            step => panic!("{step:?}"),
        }
    }

    /// What it submits.
    fn submitted(&self, frame: &Value) -> (Vec<Reaction>, Option<String>) {
        match self.session.on_text(&frame.to_string()) {
            Step::Submit { submit, id } => (submit.reactions, id),
            step => panic!("{step:?}"),
        }
    }

    /// Says it and waits for what comes of it, as the session's socket does.
    async fn converse(&self, frame: &Value) -> Option<Value> {
        match self.session.on_text(&frame.to_string()) {
            Step::Quiet => None,
            Step::Answer(answer) => Some(answer),
            Step::Submit { submit, id } => {
                let outcome = self.session.door().offer(submit).await;
                Session::on_submitted(outcome, id.as_deref())
            }
        }
        .map(|answer| serde_json::from_str(&answer).unwrap())
    }

    /// The ledger of a stream if it has one of its own.
    fn ledger(&self, name: &str) -> Option<Ledger> {
        let row = self.ground.streams.row(&stream(name));
        row.map(|row| row.snapshot())
    }
}

fn rejected(number: u64) -> Option<Ledger> {
    Some(Ledger {
        rejected: number,
        ..Ledger::default()
    })
}

#[actix::test]
async fn a_reaction_is_one_fire_to_the_stream_it_watches_unless_it_says_otherwise() {
    let seated = Seated::new();
    let plain = json!({"type": "react", "emoji_type": "🔥"});
    assert_eq!(seated.submitted(&plain), (reactions(1), None));
    let counted = json!({"type": "react", "emoji_type": "😀", "count": 1_000, "id": "7"});
    let (submitted, id) = seated.submitted(&counted);
    let expected = Reaction {
        emoji: Emoji::parse("😀").unwrap(),
        count: 1_000,
        ..reaction()
    };
    assert_eq!((submitted, id), (vec![expected], Some("7".to_owned())));
}

#[actix::test]
async fn the_answer_names_the_id_and_comes_only_where_there_is_one() {
    let mut seated = Seated::new();
    let named = json!({"type": "react", "emoji_type": "🔥", "id": "7"});
    let ack = json!({"type": "ack", "id": "7"});
    assert_eq!(seated.converse(&named).await, Some(ack));
    let nameless = json!({"type": "react", "emoji_type": "🔥"});
    assert_eq!(seated.converse(&nameless).await, None);
    assert_eq!(seated.ingest.drain().len(), 2);
}

#[actix::test]
async fn what_the_ingest_sheds_is_told_with_its_reason() {
    let mut seated = Seated::new();
    for (shed, code) in [
        (Shed::Overloaded, "overloaded"),
        (Shed::Draining, "draining"),
        (Shed::BrokerAway, "broker_away"),
        (Shed::Refused, "broker_refused"),
        (Shed::UnknownOutcome, "unknown_outcome"),
    ] {
        seated.ingest = Desk::new(move |_| Err(shed));
        let gate = gate(|_, _| Ok(()));
        let cursor = seated.listener.handle();
        seated.session = session(&seated.ground, cursor, &seated.ingest, gate);
        let frame = json!({"type": "react", "emoji_type": "🔥", "id": "7"});
        let error = seated.converse(&frame).await.unwrap();
        assert_eq!(
            (&error["type"], &error["code"], &error["id"]),
            (&json!("error"), &json!(code), &json!("7"))
        );
    }
}

#[actix::test]
async fn an_invalid_reaction_is_answered_and_rejected_in_the_ledger_of_its_stream() {
    let seated = Seated::new();
    let react = |emoji: &str, count: u64| json!({"type": "react", "emoji_type": emoji, "count": count, "id": "7"});
    let wrong = [
        (react("fire", 1), "invalid_emoji"),
        (react("🔥🔥", 1), "invalid_emoji"),
        (react("🔥", 0), "invalid_count"),
        (react("🔥", 1_001), "invalid_count"),
        (react("🔥", u64::MAX), "invalid_count"),
    ];
    for (number, (frame, code)) in (1..).zip(&wrong) {
        let error = seated.answer(frame);
        assert_eq!(
            (&error["code"], &error["id"]),
            (&json!(code), &json!("7")),
            "{frame}"
        );
        assert_eq!(seated.ledger("main"), rejected(number));
    }
    assert!(!seated.session.cursor().is_closing());
}

#[actix::test]
async fn an_id_is_answered_up_to_128_bytes_and_never_repeated_beyond() {
    let seated = Seated::new();
    let react = |length| json!({"type": "react", "emoji_type": "🔥", "id": "x".repeat(length)});
    let (_, id) = seated.submitted(&react(128));
    assert_eq!(id.map(|id| id.len()), Some(128));
    let error = seated.answer(&react(129));
    assert_eq!(
        (&error["code"], error.get("id")),
        (&json!("invalid_id"), None)
    );
    assert_eq!(seated.ledger("main"), rejected(1));
}

#[actix::test]
async fn what_is_over_the_limit_is_answered_counted_in_full_and_not_submitted() {
    let seated = Seated::behind(gate(|user, count| {
        assert_eq!(user, "user");
        if count > 5 { Err(Limited) } else { Ok(()) }
    }));
    let react = |count| json!({"type": "react", "emoji_type": "🔥", "count": count, "id": "7"});
    assert_eq!(seated.submitted(&react(5)).0[0].count, 5);
    let error = seated.answer(&react(6));
    assert_eq!(
        (&error["code"], &error["id"]),
        (&json!("limited"), &json!("7"))
    );
    let expected = Ledger {
        limited: 6,
        ..Ledger::default()
    };
    assert_eq!(seated.ledger("main"), Some(expected));
}

#[actix::test]
async fn whoever_subscribes_is_greeted_there_and_reacts_there() {
    let mut seated = Seated::new();
    let subscribe = json!({"type": "subscribe", "stream": "final"});
    assert_eq!(seated.converse(&subscribe).await, None);
    let frames = seated.listener.read();
    assert_eq!(
        (kinds(&frames), &frames[0]["stream"]),
        (vec!["hello".to_owned()], &json!("final"))
    );
    let (submitted, _) = seated.submitted(&json!({"type": "react", "emoji_type": "🔥"}));
    assert_eq!(submitted[0].stream, stream("final"));
    seated.answer(&json!({"type": "react", "emoji_type": "fire"}));
    assert_eq!(
        (seated.ledger("final"), seated.ledger("main")),
        (rejected(1), rejected(0))
    );
}

#[actix::test]
async fn a_stream_that_may_not_be_leaves_the_session_where_it_is() {
    let mut seated = Seated::new();
    let subscribe = |name: &str| json!({"type": "subscribe", "stream": name});
    assert_eq!(
        seated.answer(&subscribe("no/name"))["code"],
        "invalid_stream"
    );
    for number in 0.. {
        if seated
            .ground
            .streams
            .open(&stream(&format!("s{number}")))
            .is_err()
        {
            break;
        }
    }
    assert_eq!(seated.answer(&subscribe("final"))["code"], "stream_limit");
    assert_eq!(seated.session.cursor().stream(), stream("main"));
    assert_eq!(seated.listener.read(), Vec::<Value>::new());
    assert_eq!(seated.ledger("final"), None);
}

#[actix::test]
async fn whoever_breaks_the_protocol_is_closed_with_1008() {
    let seated = Seated::new();
    for text in ["", "[]", r#"{"type":"shout"}"#, r#"{"type":"react"}"#] {
        let mut listener = Listener::join(&seated.board, &seats(1));
        let (cursor, gate) = (listener.handle(), gate(|_, _| Ok(())));
        let session = session(&seated.ground, cursor, &seated.ingest, gate);
        assert!(matches!(session.on_text(text), Step::Quiet), "{text}");
        assert_eq!(kinds(&listener.read()), ["hello", "close 1008"], "{text}");
    }
    assert!(!seated.session.cursor().is_closing());
}

// === the ingest is full or dead ===

#[actix::test]
async fn a_reaction_waits_behind_a_full_ingest_and_is_taken_in_its_turn() {
    let mut seated = Seated::new();
    seated.ingest = Desk::busy(|_| Ok(()));
    let (cursor, open) = (seated.listener.handle(), gate(|_, _| Ok(())));
    seated.session = session(&seated.ground, cursor, &seated.ingest, open);
    let mut crowd = seated.ingest.link();
    let refused = loop {
        let reactions = reactions(2);
        if let Err(refused) = crowd.try_send(Submit { reactions }) {
            break refused;
        }
    };
    assert!(matches!(refused, Undelivered::Full(_)));
    let (submitted, _) = seated.submitted(&json!({"type": "react", "emoji_type": "🔥"}));
    let submit = Submit {
        reactions: submitted,
    };
    let asking = actix::spawn(seated.session.door().offer(submit));
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(!asking.is_finished());
    seated.ingest.open();
    assert_eq!(asking.await.unwrap(), Ok(()));
    let taken = seated.ingest.drain();
    assert_eq!(taken.last().unwrap().reactions, reactions(1));
    assert!(taken.len() > 1, "behind the crowd");
}

#[actix::test]
async fn a_session_finds_its_ingest_again_after_a_death() {
    let mut seated = Seated::new();
    let named = json!({"type": "react", "emoji_type": "🔥", "id": "7"});
    seated.ingest.die().await;
    let (reactions, _) = seated.submitted(&named);
    let gone = seated.session.door().offer(Submit { reactions }).await;
    assert_eq!(gone, Err(Shed::Unavailable));
    seated.ingest.start();
    assert_eq!(seated.converse(&named).await.unwrap()["type"], "ack");
}
