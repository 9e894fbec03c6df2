//! `emostream serve`: a whole node, until it is asked to stop.

use std::{
    io::{self, IsTerminal},
    task::Poll,
};

use futures_util::{Stream, StreamExt, stream};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use super::banner::Banner;
use super::cli::SettingArgs;
use super::config::refuse;
use super::descriptors;
use super::exit::{Exit, complain, print};
use crate::app::{Node, Outcome, StartError};
use crate::config::Config;
use crate::kafka::admin::AdminError;
use crate::telemetry;

/// Runs a node with these settings.
pub(super) fn run(settings: SettingArgs) -> Exit {
    let config = match settings.load() {
        Ok(loaded) => loaded.config,
        Err(mistakes) => return refuse(&mistakes),
    };
    if let Err(error) = telemetry::init(&config.log) {
        complain(&error);
        return Exit::Configuration;
    }
    descriptors::make_room_for(config.registry.max_sessions);
    actix::System::new().block_on(serve(config))
}

async fn serve(config: Config) -> Exit {
    // Before the start, so that a signal that comes while the node starts is a drain as well.
    let mut signals = match stop_signals() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("signals cannot be listened for: {error}"));
            return Exit::StageFailed;
        }
    };
    let public_url = config.http.public_url.clone();
    let started = tokio::select! {
        started = Node::start(config) => started,
        // A node that has not started has nothing to drain.
        _ = signals.next() => return Exit::Done,
    };
    let node = match started {
        Ok(node) => node,
        Err(error) => {
            complain(&error);
            return match error {
                StartError::Kafka(AdminError::Settings(_)) => Exit::Configuration,
                // A broker that is not there yet may be later: whoever restarts this should try again.
                StartError::Stage(_) | StartError::Kafka(_) => Exit::StageFailed,
                _ => Exit::Configuration,
            };
        }
    };
    let banner = Banner {
        addresses: node.addresses(),
        public_url: public_url.as_ref(),
        token: node.generated_token(),
    };
    print(&if io::stdout().is_terminal() {
        banner.pretty()
    } else {
        banner.plain()
    });
    let run =
        |stop: oneshot::Receiver<()>| node.run_until(async { stop.await.unwrap_or_default() });
    until_stopped(signals, run).await
}

/// SIGTERM and SIGINT, each as often as it comes.
pub(super) fn stop_signals() -> io::Result<impl Stream<Item = ()> + Unpin> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(stream::poll_fn(move |context| {
        match terminate.poll_recv(context) {
            Poll::Pending => interrupt.poll_recv(context),
            ready => ready,
        }
    }))
}

/// Runs until the first signal and drains; the second signal does not wait for the drain.
async fn until_stopped<Running>(
    mut signals: impl Stream<Item = ()> + Unpin,
    run: impl FnOnce(oneshot::Receiver<()>) -> Running,
) -> Exit
where
    Running: Future<Output = Outcome>,
{
    let (ask_to_stop, stop) = oneshot::channel();
    let second_signal = async {
        signals.next().await;
        // A node that has just ended by itself needs no asking.
        let _ = ask_to_stop.send(());
        signals.next().await;
    };
    tokio::select! {
        outcome = run(stop) => exit_of(outcome),
        () = second_signal => {
            tracing::warn!("drain cut short by a second signal");
            Exit::Interrupted
        }
    }
}

fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Drained | Outcome::DrainTimedOut => Exit::Done,
        Outcome::StageFailed(stage) => {
            complain(&format!(
                "a pipeline stage could not be kept alive: {stage}"
            ));
            Exit::StageFailed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future;

    use tokio::sync::mpsc;

    use super::*;

    fn signals() -> (mpsc::Sender<()>, impl Stream<Item = ()> + Unpin) {
        let (sender, mut receiver) = mpsc::channel(2);
        (
            sender,
            stream::poll_fn(move |context| receiver.poll_recv(context)),
        )
    }

    #[actix::test]
    async fn the_first_signal_asks_for_a_drain_and_a_drain_is_success() {
        for drained in [Outcome::Drained, Outcome::DrainTimedOut] {
            let (sender, signals) = signals();
            assert!(sender.try_send(()).is_ok());
            let run = async |stop: oneshot::Receiver<()>| {
                assert!(stop.await.is_ok());
                drained
            };
            assert_eq!(until_stopped(signals, run).await, Exit::Done);
        }
    }

    #[actix::test]
    async fn the_second_signal_does_not_wait_for_the_drain() {
        let (sender, signals) = signals();
        assert!(sender.try_send(()).and(sender.try_send(())).is_ok());
        let exit = until_stopped(signals, |_stop| future::pending()).await;
        assert_eq!(exit, Exit::Interrupted);
    }

    #[actix::test]
    async fn a_failed_stage_ends_the_node_without_a_signal() {
        let (_sender, signals) = signals();
        let failed = async |_stop| Outcome::StageFailed("window_merger".to_owned());
        assert_eq!(until_stopped(signals, failed).await, Exit::StageFailed);
    }
}
