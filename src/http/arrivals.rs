//! Bodies that come with their head, for which neither a clock nor another turn of their connection is worth its price.
//!
//! actix-http asks a request for its answer before it has handed on what came of its body, and once more after that, in the
//! same turn. It wakes whoever waits for the body, too: a turn of the connection for nothing. So the first time nobody is named to
//! be woken.
//!
//! It is otherwise with a request that waited behind another one. All that came of its body has been handed on before it is
//! asked the first time. If the body is whole, somebody has to wake the connection: actix-http stops decoding while sixteen
//! requests wait, and goes on when one of them pends or it is woken. If not, it is not asked again before more comes, and whether
//! more comes in time would never be asked. So whoever has been asked once is looked after now and then.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

const LOOK: Duration = Duration::from_secs(1);

/// Of one worker: bodies that have been asked for once.
#[derive(Debug, Default)]
pub struct Arrivals {
    overdue: Notify,
}

impl Arrivals {
    /// The body if it is there at once or when it is asked for again. Else it is to be waited for.
    pub async fn with_head<Body: Future>(&self, mut body: Pin<&mut Body>) -> Option<Body::Output> {
        let mut overdue = pin!(self.overdue.notified());
        let mut is_second = false;
        poll_fn(|cx| {
            if is_second {
                return match body.as_mut().poll(cx) {
                    Poll::Ready(body) => Poll::Ready(Some(body)),
                    Poll::Pending => Poll::Ready(None),
                };
            }
            is_second = true;
            let mut nobody = Context::from_waker(Waker::noop());
            if let Poll::Ready(body) = body.as_mut().poll(&mut nobody) {
                cx.waker().wake_by_ref();
                return Poll::Ready(Some(body));
            }
            overdue.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Has those asked again that nobody asked for long, for as long as the worker lives.
    pub async fn look_after(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.overdue.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::testkit::Ground;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A body that has come after it was asked for that often. It wakes whoever waits, as actix-http does.
    async fn body(asked: usize) -> &'static str {
        for _ in 0..asked {
            let mut is_first = true;
            poll_fn(|cx| {
                if std::mem::take(&mut is_first) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
        }
        "body"
    }

    /// What comes of asking once and once more, and how often somebody was woken for it.
    fn asked_twice(needs: usize) -> (Poll<Option<&'static str>>, usize) {
        let arrivals = Arrivals::default();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let mut body = pin!(body(needs));
        let mut coming = pin!(arrivals.with_head(body.as_mut()));
        let mut answer = coming.as_mut().poll(&mut cx);
        if answer.is_pending() {
            answer = coming.as_mut().poll(&mut cx);
        }
        (answer, woken.0.load(Ordering::Relaxed))
    }

    #[test]
    fn a_body_that_came_with_its_head_wakes_nobody() {
        assert_eq!(asked_twice(1), (Poll::Ready(Some("body")), 0));
    }

    #[test]
    fn one_that_waited_behind_another_request_has_the_rest_looked_at() {
        assert_eq!(asked_twice(0), (Poll::Ready(Some("body")), 1));
    }

    #[test]
    fn one_that_has_yet_to_come_wakes_whoever_waits_from_the_second_time_on() {
        assert_eq!(asked_twice(2), (Poll::Ready(None), 1));
    }

    #[actix_web::test]
    async fn who_is_not_asked_again_is_looked_after() {
        let _ground = Ground::new();
        let arrivals = Rc::new(Arrivals::default());
        let looking = arrivals.clone();
        let looking = actix_web::rt::spawn(async move { looking.look_after().await });
        let mut never = pin!(std::future::pending::<()>());
        let asked_again = tokio::time::timeout(LOOK * 2, arrivals.with_head(never.as_mut()));
        assert_eq!(asked_again.await, Ok(None));
        looking.abort();
    }
}
