//! Frames that a session must not send are refused before they cost anything.

use serde_json::json;

use crate::support::frames::Message;
use crate::support::raw_socket::{BINARY, CONTINUATION, RawFrame, RawSocket, TEXT};
use crate::support::server::Server;

/// The largest payload of a frame.
const LIMIT: usize = 4096;

/// A reaction, padded with spaces to `length` bytes.
fn reaction_of(length: usize) -> String {
    let text = json!({"type": "react", "emoji_type": "🔥", "id": "padded"}).to_string();
    let padding = " ".repeat(length - text.len());
    format!("{text}{padding}")
}

#[tokio::test]
async fn a_frame_of_4_kib_is_taken() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    session.send_text(&reaction_of(LIMIT)).await;
    assert!(matches!(session.next_answer().await, Message::Ack { id } if id == "padded"));
    session.until_total(1).await;
}

#[tokio::test]
async fn a_frame_over_4_kib_closes_with_1009() {
    let server = Server::start(&[]).await;
    let mut session = server.join().open().await;
    session.send_text(&reaction_of(LIMIT + 1)).await;
    assert_eq!(session.until_closed().await.code, 1009);
}

#[tokio::test]
async fn a_huge_frame_is_refused_when_it_is_announced() {
    let server = Server::start(&[]).await;
    for length in [
        LIMIT as u64 + 1,
        u64::from(u16::MAX),
        1 << 32,
        u64::MAX >> 1,
    ] {
        let mut socket = RawSocket::open(&server.join()).await;
        socket.announce(&RawFrame::text(""), length).await;
        assert_eq!(
            socket.until_closed().await.code,
            1009,
            "{length} bytes announced"
        );
        socket.until_gone().await;
    }
}

#[tokio::test]
async fn a_frame_over_4_kib_after_good_ones_is_refused_too() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut witness = server.join().open().await;
    let mut socket = RawSocket::open(&server.join()).await;
    for sent in 1..=3 {
        socket.send(&RawFrame::text(reaction_of(200))).await;
        witness.until_total(sent).await;
    }
    socket.announce(&RawFrame::text(""), 1 << 20).await;
    assert_eq!(socket.until_closed().await.code, 1009);
}

#[tokio::test]
async fn fragments_are_refused_with_1008() {
    let server = Server::start(&[]).await;
    let first = RawFrame {
        last: false,
        ..RawFrame::text(reaction_of(200))
    };
    let stray = RawFrame {
        opcode: CONTINUATION,
        ..RawFrame::text(reaction_of(200))
    };
    for frame in [first, stray] {
        let mut socket = RawSocket::open(&server.join()).await;
        socket.send(&frame).await;
        assert_eq!(socket.until_closed().await.code, 1008, "{frame:?}");
        socket.until_gone().await;
    }
}

#[tokio::test]
async fn an_unmasked_frame_is_refused_with_1008() {
    let server = Server::start(&[]).await;
    let mut socket = RawSocket::open(&server.join()).await;
    socket
        .send(&RawFrame {
            masked: false,
            ..RawFrame::text(reaction_of(200))
        })
        .await;
    assert_eq!(socket.until_closed().await.code, 1008);
    socket.until_gone().await;
}

#[tokio::test]
async fn binary_reserved_and_broken_text_frames_are_refused() {
    let server = Server::start(&[]).await;
    let binary = RawFrame {
        opcode: BINARY,
        ..RawFrame::text(reaction_of(200))
    };
    let reserved_opcode = RawFrame {
        opcode: 0x3,
        ..RawFrame::text(reaction_of(200))
    };
    let reserved_bit = RawFrame {
        opcode: TEXT | 0x40,
        ..RawFrame::text(reaction_of(200))
    };
    let broken_text = RawFrame::text([0xff, 0xfe]);
    let long_ping = RawFrame {
        opcode: 0x9,
        ..RawFrame::text([0; 126])
    };
    for frame in [
        binary,
        reserved_opcode,
        reserved_bit,
        broken_text,
        long_ping,
    ] {
        let mut socket = RawSocket::open(&server.join()).await;
        socket.send(&frame).await;
        let code = socket.until_closed().await.code;
        assert!(
            [1002, 1003, 1007, 1008].contains(&code),
            "{code} for {frame:?}"
        );
        socket.until_gone().await;
    }
}

#[tokio::test]
async fn a_refused_frame_disturbs_nobody_else() {
    let server = Server::start(&["--window", "100ms"]).await;
    let mut good = server.join().open().await;
    for _ in 0..20 {
        let mut bad = RawSocket::open(&server.join()).await;
        bad.announce(&RawFrame::text(""), 1 << 40).await;
        bad.until_closed().await;
    }
    good.react("🔥", "still here").await;
    good.until_total(1).await;
}
