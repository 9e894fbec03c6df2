//! `GET /ws`: the WebSocket of a subscriber. The only file that names actix-web-actors; who comes and where it sits is
//! decided in `coming.rs`.
//!
//! The response body is the merge of two streams: the session's cursor on the board (hello, windows, pings, close) and its
//! actor's context (answers). Both are polled only while the socket can take more.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Payload, Query};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use actix_web_actors::ws::{
    HandshakeError, Message, ProtocolError, WebsocketContext, handshake_with_protocols,
};
use futures_util::Stream;

use super::coming::{Coming, Wish, origin_allowed, seat};
use super::error::Problem;
use super::inbound::FrameGuard;
use super::state::{Shared, Worker};
use super::upgrade::Outgoing;
use crate::actors::close::Close;
use crate::actors::cursor::{Cursor, CursorHandle};
use crate::actors::frames;
use crate::actors::messages::{PlacementError, Shed};
use crate::actors::session::{Session, Step};
use crate::telemetry::Metrics;
use crate::telemetry::events::{ActorDied, SessionClosed};

/// Opens a session.
#[utoipa::path(
    get, path = "/ws", tag = "sessions",
    params(
        ("stream" = Option<String>, Query, description = "The live event; `main` if not given"),
        ("cluster" = Option<String>, Query, description = "A cluster's number, or `auto`"),
        ("client_id" = Option<String>, Query, description = "Who; made up if not given"),
        ("since" = Option<u64>, Query, description = "The last `seq` seen, to be brought up to date with one frame"),
    ),
    responses(
        (status = 101, description = "The session; see docs/protocol.md"),
        (status = 400, description = "`not_a_websocket`: not a WebSocket handshake"),
        (status = 422, description = "`invalid_stream`, `invalid_client_id`, `invalid_cluster`, `invalid_since`, `unknown_cluster`, `stream_limit`"),
        (status = 503, description = "`starting` or `draining`, with Retry-After"),
    )
)]
pub(super) async fn subscribe(
    request: HttpRequest,
    wish: Query<Wish>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let worker = Worker::of(&request);
    let shared = &worker.shared;
    let mut response = handshake_with_protocols(&request, &[frames::SUBPROTOCOL])
        .map_err(|error| not_a_websocket(&error))?;
    if shared.readiness.is_draining() {
        return Err(Shed::Draining.into());
    }
    // Who came back now would be told of a past that has not been read.
    if !shared.readiness.has_started() {
        let detail = "the node does not know yet what there was, come back in a moment";
        return Err(Problem::unavailable("starting", detail));
    }
    let coming = Coming::read(&wish)?;
    if !origin_allowed(shared, &request) {
        return Ok(response.streaming(Farewell::new(shared, Close::OriginRefused)));
    }
    shared.streams.open(&coming.stream)?;
    worker.board.caught_up(&coming.stream).await;
    let cursor = match seat(worker, &coming).await {
        Ok(cursor) => cursor,
        Err(PlacementError::TooManySessions | PlacementError::NoCluster) => {
            return Ok(response.streaming(Farewell::new(shared, Close::Overloaded)));
        }
        Err(error) => return Err(Problem::from(error).about("cluster")),
    };
    if let Some(outgoing) = request.extensions().get::<Rc<Outgoing>>() {
        cursor.write_to(outgoing.clone());
    }
    let address = shared.address(request.peer_addr(), request.headers());
    let session = Session::new(
        cursor.handle(),
        coming.client_id,
        worker.door.clone(),
        shared.limits.gate(address),
        shared.streams.clone(),
    );
    let inbound = Guarded::new(payload, cursor.handle());
    let outbound = WebsocketContext::create(session, inbound);
    Ok(response.streaming(Merged::new(cursor, outbound, shared.metrics.clone())))
}

fn not_a_websocket(error: &HandshakeError) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "not_a_websocket",
        error.to_string(),
    )
}

// === frames in ===

/// The client's bytes, judged before they are buffered, and handed on frame by frame: the codec would buffer all there are
/// while the session still works on the first. It ends before the first frame that breaks a rule.
struct Guarded {
    payload: Payload,
    guard: FrameGuard,
    /// What has come and was not handed on.
    waiting: Bytes,
    handed_on_a_frame: bool,
    cursor: CursorHandle,
    ended: bool,
}

impl Guarded {
    fn new(payload: Payload, cursor: CursorHandle) -> Self {
        Self {
            payload,
            guard: FrameGuard::default(),
            waiting: Bytes::new(),
            handed_on_a_frame: false,
            cursor,
            ended: false,
        }
    }
}

impl Stream for Guarded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // Nobody need be woken: having got a whole frame, the codec hands it on and is asked for the next one.
        if std::mem::take(&mut self.handed_on_a_frame) {
            return Poll::Pending;
        }
        if self.waiting.is_empty() {
            match ready!(Pin::new(&mut self.payload).poll_next(cx)) {
                Some(Ok(bytes)) => self.waiting = bytes,
                other => return Poll::Ready(other),
            }
        }
        let Self { guard, waiting, .. } = &mut *self;
        match guard.take(waiting) {
            Ok(length) => {
                let part = waiting.split_to(length);
                self.handed_on_a_frame = self.guard.is_between_frames();
                Poll::Ready(Some(Ok(part)))
            }
            Err(close) => {
                self.ended = true;
                self.cursor.turn_deaf(close);
                Poll::Ready(None)
            }
        }
    }
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;
}

impl StreamHandler<Result<Message, ProtocolError>> for Session {
    fn handle(&mut self, frame: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        match frame {
            Ok(Message::Text(text)) => self.take(&text, ctx),
            Ok(Message::Ping(content)) => ctx.pong(&content),
            Ok(Message::Pong(_)) => self.cursor().answered(),
            Ok(Message::Nop) => {}
            Ok(Message::Close(reason)) => {
                if !self.cursor().is_closing() {
                    ctx.close(reason);
                }
                ctx.stop();
            }
            Ok(Message::Binary(_) | Message::Continuation(_)) => self.cursor().close(Close::Policy),
            Err(error) => {
                tracing::debug!(%error, "websocket protocol error");
                self.cursor().close(Close::Policy);
            }
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        self.cursor().input_ended();
        ctx.stop();
    }
}

impl Session {
    fn take(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        if self.cursor().is_closing() {
            return;
        }
        match self.on_text(text) {
            Step::Quiet => {}
            Step::Answer(answer) => ctx.text(answer),
            Step::Submit { submit, id } => {
                let offer = self.door().offer(submit);
                // A client that sends without end is answered at once without end: now and then the others have a turn.
                let offering = async move {
                    tokio::task::coop::consume_budget().await;
                    offer.await
                };
                ctx.wait(
                    wrap_future::<_, Self>(offering).map(move |outcome, _, ctx| {
                        if let Some(answer) = Self::on_submitted(outcome, id.as_deref()) {
                            ctx.text(answer);
                        }
                    }),
                );
            }
        }
    }
}

// === frames out ===

/// The merge of a session's actor and its cursor. It ends when either does; a panic of the actor ends this one session.
struct Merged<Outbound> {
    cursor: Cursor,
    outbound: Pin<Box<Outbound>>,
    /// Nothing is heard or answered before the cursor has said its first frame, `hello`.
    has_greeted: bool,
    left: bool,
    metrics: Arc<Metrics>,
}

impl<Outbound> Merged<Outbound> {
    fn new(cursor: Cursor, outbound: Outbound, metrics: Arc<Metrics>) -> Self {
        Self {
            cursor,
            outbound: Box::pin(outbound),
            has_greeted: false,
            left: false,
            metrics,
        }
    }
}

impl<Outbound: Stream<Item = Result<Bytes, Error>>> Merged<Outbound> {
    fn poll_actor(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let poll = AssertUnwindSafe(|| self.outbound.as_mut().poll_next(cx));
        std::panic::catch_unwind(poll).unwrap_or_else(|_| {
            ActorDied {
                actor: "session",
                exit: "panicked",
                rebuilt_in_opt: None,
            }
            .emit(&self.metrics);
            Poll::Ready(None)
        })
    }
}

impl<Outbound: Stream<Item = Result<Bytes, Error>>> Stream for Merged<Outbound> {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let merged = self.get_mut();
        if !merged.has_greeted {
            let first = ready!(merged.cursor.poll_frame(cx));
            merged.has_greeted = true;
            return Poll::Ready(first.map(Ok));
        }
        if !merged.left {
            match merged.poll_actor(cx) {
                Poll::Ready(Some(answer)) => return Poll::Ready(Some(answer)),
                Poll::Ready(None) => merged.left = true,
                Poll::Pending => {}
            }
        }
        if merged.left && !merged.cursor.is_closing() {
            return Poll::Ready(None);
        }
        merged.cursor.poll_frame(cx).map(|frame| frame.map(Ok))
    }
}

/// A session that ends before it begins.
struct Farewell(Option<Close>);

impl Farewell {
    fn new(shared: &Shared, reason: Close) -> Self {
        SessionClosed {
            reason: reason.as_str(),
            session: "none",
        }
        .emit(&shared.metrics);
        Self(Some(reason))
    }
}

impl Stream for Farewell {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(|reason| Ok(frames::close(reason))))
    }
}

#[cfg(test)]
mod tests;
