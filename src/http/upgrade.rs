//! Connections whose client asks for another protocol: answered by the same routes, then served on their socket.
//!
//! actix-http keeps buffers of 16 KiB for a connection as long as it lives, and copies what it sends into them. A session
//! needs neither, and there are many: once its request is read the connection is taken over here. What the response streams
//! is written as it is, whenever the socket can take it, and nothing is asked for before. A window does not even wake the
//! connection's task: the hub writes it through the [`Outgoing`] side, and leaves to the task what a full socket does not take.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_codec::{Encoder as _, Framed};
use actix_http::body::{BodySize, BoxBody, MessageBody, to_bytes_limited};
use actix_http::error::PayloadError;
use actix_http::h1::{Codec, Message};
use actix_http::{
    BoxedPayloadStream, ConnectionType, HttpMessage as _, Payload, Request, Response, StatusCode,
};
use actix_service::Service;
use actix_web::rt::net::TcpStream;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use futures_util::future::LocalBoxFuture;
use socket2::SockRef;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::actors::subscriber::Outlet;

/// What is read from a socket at once: a whole frame of the longest that a client may send.
const READ_BYTES: usize = 4 * 1_024;
/// The longest answer to a request that asked for another protocol in vain.
const MAX_REFUSAL: usize = 1_024 * 1_024;

/// A connection as actix-http hands it over.
pub type Handed = (Request, Framed<TcpStream, Codec>);

/// One connection from its request to its end.
pub struct Upgraded(Stage);

/// Boxed where it is short-lived, so that the long-lived part is small.
enum Stage {
    Answering(LocalBoxFuture<'static, io::Result<Conversation>>),
    Talking(Conversation),
    Parting(LocalBoxFuture<'static, ()>),
}

impl std::fmt::Debug for Upgraded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Upgraded").finish_non_exhaustive()
    }
}

impl Upgraded {
    /// Has `app` answer the request. A peer has `goodbye` to close its end after ours.
    pub fn serve<App>(app: Rc<App>, handed: Handed, goodbye: Duration) -> Self
    where
        App: Service<Request, Response = Response<BoxBody>, Error = Response<BoxBody>> + 'static,
    {
        Self(Stage::Answering(Box::pin(answer(app, handed, goodbye))))
    }
}

impl Future for Upgraded {
    type Output = Result<(), Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            self.0 = match &mut self.0 {
                Stage::Answering(answering) => match ready!(answering.as_mut().poll(cx)) {
                    Ok(conversation) => Stage::Talking(conversation),
                    Err(error) => return Poll::Ready(gone(&error)),
                },
                Stage::Talking(conversation) => match ready!(conversation.poll(cx)) {
                    Ok(parting) => Stage::Parting(parting),
                    Err(error) => return Poll::Ready(gone(&error)),
                },
                Stage::Parting(parting) => {
                    ready!(parting.as_mut().poll(cx));
                    return Poll::Ready(Ok(()));
                }
            };
        }
    }
}

/// A peer that is gone is no mistake of ours.
fn gone(error: &io::Error) -> Result<(), Infallible> {
    tracing::debug!(%error, "connection ended");
    Ok(())
}

async fn answer<App>(
    app: Rc<App>,
    (request, framed): Handed,
    goodbye: Duration,
) -> io::Result<Conversation>
where
    App: Service<Request, Response = Response<BoxBody>, Error = Response<BoxBody>>,
{
    let parts = framed.into_parts();
    let (reader, writer) = parts.io.into_split();
    let outgoing = Rc::new(Outgoing::new(writer));
    let inbound = Inbound {
        reader,
        early: Bytes::copy_from_slice(&parts.read_buf),
    };
    drop(parts.read_buf);
    let payload: BoxedPayloadStream = Box::pin(inbound);
    let (request, _) = request.replace_payload(Payload::Stream { payload });
    request.extensions_mut().insert(outgoing.clone());
    let response = app.call(request).await.unwrap_or_else(|refusal| refusal);
    // Answers to the requests before this one stand there still.
    let mut unsent = parts.write_buf;
    let body = begin(parts.codec, response, &mut unsent).await?;
    outgoing.open(unsent.freeze());
    Ok(Conversation {
        outgoing,
        body,
        goodbye,
    })
}

/// Writes the head of an answer, and what there is to say already. Returns the body that says the rest.
async fn begin(
    mut codec: Codec,
    response: Response<BoxBody>,
    unsent: &mut BytesMut,
) -> io::Result<BoxBody> {
    let (mut head, mut body) = response.into_parts();
    if head.status() == StatusCode::SWITCHING_PROTOCOLS {
        codec.encode(Message::Item((head, BodySize::Stream)), unsent)?;
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_next(cx))).await;
        if let Poll::Ready(Some(Ok(first))) = first {
            unsent.extend_from_slice(&first);
        }
        return Ok(body);
    }
    let whole = to_bytes_limited(body, MAX_REFUSAL).await;
    let whole = whole.map_err(io::Error::other)?.unwrap_or_default();
    head.head_mut().set_connection_type(ConnectionType::Close);
    let size = BodySize::Sized(whole.len() as u64);
    codec.encode(Message::Item((head, size)), unsent)?;
    unsent.extend_from_slice(&whole);
    Ok(BoxBody::new(()))
}

/// The sending side of a connection.
pub(super) struct Outgoing {
    writer: OwnedWriteHalf,
    /// What the socket has not taken yet. Nothing else is sent before.
    unsent: RefCell<Bytes>,
    /// From the head of the answer until this end is closed.
    is_open: Cell<bool>,
}

impl Outgoing {
    fn new(writer: OwnedWriteHalf) -> Self {
        Self {
            writer,
            unsent: RefCell::default(),
            is_open: Cell::new(false),
        }
    }

    fn open(&self, head: Bytes) {
        self.unsent.replace(head);
        self.is_open.set(true);
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unsent = self.unsent.borrow_mut();
        while !unsent.is_empty() {
            ready!(self.writer.as_ref().poll_write_ready(cx))?;
            match self.writer.try_write(&unsent) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(sent) => unsent.advance(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // An empty rest would hold the memory of the whole.
        *unsent = Bytes::new();
        Poll::Ready(Ok(()))
    }

    fn close(&self) -> io::Result<()> {
        self.is_open.set(false);
        SockRef::from(self.writer.as_ref()).shutdown(Shutdown::Write)
    }
}

impl Outlet for Outgoing {
    fn is_free(&self) -> bool {
        self.is_open.get() && self.unsent.borrow().is_empty()
    }

    fn send(&self, frame: &Bytes) -> bool {
        // An error is found by the task, when it tries again.
        let sent = SockRef::from(self.writer.as_ref()).send(frame).unwrap_or(0);
        let is_whole = sent == frame.len();
        if !is_whole {
            self.unsent.replace(frame.slice(sent..));
        }
        is_whole
    }
}

/// What is said, in the order of the response body.
struct Conversation {
    outgoing: Rc<Outgoing>,
    body: BoxBody,
    goodbye: Duration,
}

impl Conversation {
    /// Writes what the body streams, as long as the socket takes it; then parts.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<LocalBoxFuture<'static, ()>>> {
        loop {
            ready!(self.outgoing.poll_flush(cx))?;
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(bytes)) => drop(self.outgoing.unsent.replace(bytes)),
                Some(Err(error)) => tracing::debug!(%error, "response body failed"),
                None => break,
            }
        }
        self.outgoing.close()?;
        let parting = part(self.outgoing.clone(), self.goodbye);
        Poll::Ready(Ok(Box::pin(parting)))
    }
}

/// Waits until the other end is closed too: a socket that is closed with bytes unread is reset, and the peer loses what it
/// has not read.
async fn part(outgoing: Rc<Outgoing>, goodbye: Duration) {
    let socket = outgoing.writer.as_ref();
    let leaving = async {
        loop {
            socket.readable().await?;
            let read = SCRATCH.with_borrow_mut(|scratch| socket.try_read(scratch.as_mut_slice()));
            match read {
                Ok(0) => return io::Result::Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    if let Ok(Err(error)) = tokio::time::timeout(goodbye, leaving).await {
        tracing::debug!(%error, "connection ended without a goodbye");
    }
}

thread_local! {
    /// What is read goes through here, so that a session that is told nothing holds no buffer.
    static SCRATCH: RefCell<Box<[u8; READ_BYTES]>> = RefCell::new(Box::new([0; READ_BYTES]));
}

/// What the client sends after its request.
struct Inbound {
    reader: OwnedReadHalf,
    /// What came together with the request.
    early: Bytes,
}

impl Stream for Inbound {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.early.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.early))));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch.as_mut_slice());
            match ready!(Pin::new(&mut self.reader).poll_read(cx, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => Poll::Ready(None),
                Ok(()) => Poll::Ready(Some(Ok(Bytes::copy_from_slice(buffer.filled())))),
                Err(error) => Poll::Ready(Some(Err(error.into()))),
            }
        })
    }
}
