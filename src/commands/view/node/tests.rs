//! Addresses, and what the end of a session means.

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::*;

fn node(url: &str) -> Node {
    Node::new(url, None).unwrap()
}

#[test]
fn a_session_goes_on_where_the_last_one_stood() {
    let node = node("http://localhost:5001");
    let first = node.session_url("main", &Place::default());
    assert_eq!(first.as_str(), "ws://localhost:5001/ws?stream=main");
    let place = Place {
        client_id: Some("seat 12".to_owned()),
        since: Some(7),
    };
    let next = node.session_url("main", &place);
    let expected = "ws://localhost:5001/ws?stream=main&client_id=seat+12&since=7";
    assert_eq!(next.as_str(), expected);
}

#[test]
fn a_node_may_stand_below_a_path() {
    for url in [
        "http://fans.example/live",
        "http://fans.example/live/?x=1#y",
    ] {
        let node = node(url);
        assert_eq!(node.address(), "http://fans.example/live");
        let route = node.route("admin/clusters");
        assert_eq!(route.as_str(), "http://fans.example/live/admin/clusters");
    }
}

#[test]
fn what_is_no_address_of_a_node_is_refused() {
    for url in [
        "localhost:5001",
        "5001",
        "",
        "ftp://localhost",
        "https://localhost",
    ] {
        let refusal = Node::new(url, None).err().unwrap();
        assert!(
            refusal.contains("http://localhost:5001"),
            "{url}: {refusal}"
        );
    }
}

#[test]
fn a_close_frame_says_whether_and_when_to_come_back() {
    let frame = |reason: &'static str| {
        closed(Some(CloseFrame {
            code: CloseCode::Away,
            reason: reason.into(),
        }))
    };
    let draining = frame(r#"{"code":"draining","retry_after_ms":1295}"#);
    assert!(matches!(
        draining,
        Over::Lost { retry_after: Some(wait), .. } if wait == Duration::from_millis(1295)
    ));
    assert!(matches!(frame(r#"{"code":"policy"}"#), Over::Final(_)));
    assert_eq!(frame("good bye"), closed(None));
    assert!(matches!(
        closed(None),
        Over::Lost {
            retry_after: None,
            ..
        }
    ));
}
