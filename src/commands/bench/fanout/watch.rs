//! Looks at a node from a thread of its own while the crowd is busy: its memory, and the sessions that it has closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use crate::commands::bench::child::Node;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::http;
use crate::commands::bench::process;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What one look saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) at: Instant,
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// Sessions closed as stalled.
    pub(super) stalled: u64,
}

/// A thread that looks.
pub(super) struct Watch {
    is_over: Arc<AtomicBool>,
    looks: JoinHandle<Vec<Look>>,
}

impl Watch {
    pub(super) fn begin(node: &Node) -> Self {
        let (address, process) = (node.address.clone(), node.id());
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let looks = std::thread::spawn(move || {
            let mut looks = Vec::new();
            while !over.load(Ordering::Acquire) {
                // A look that fails is missing; the run itself says why.
                if let Ok(answer) = http::get(&address, "/metrics", "") {
                    looks.push(Look {
                        at: Instant::now(),
                        resident: process::of(process).resident,
                        stalled: stalled(&answer.body),
                    });
                }
                std::thread::park_timeout(PAUSE);
            }
            looks
        });
        Self { is_over, looks }
    }

    /// Everything that was seen.
    pub(super) fn end(self) -> Vec<Look> {
        self.is_over.store(true, Ordering::Release);
        self.looks.thread().unpark();
        self.looks.join().unwrap_or_default()
    }
}

/// Open sessions of a node, by its metrics.
pub(super) fn num_sessions(node: &Node) -> Result<u64, Failure> {
    Ok(sum(&node.get("/metrics")?.body, "emostream_sessions{", ""))
}

fn stalled(metrics: &str) -> u64 {
    sum(metrics, "emostream_sessions_closed_total{", "\"stalled\"")
}

/// The sum of a metric over the series with this label.
fn sum(metrics: &str, name: &str, label: &str) -> u64 {
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(label));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum::<f64>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_summed_over_clusters_and_the_stalled_told_apart() {
        let metrics = "# TYPE emostream_sessions gauge\n\
            emostream_sessions{cluster=\"1\"} 3\n\
            emostream_sessions{cluster=\"2\"} 4\n\
            emostream_sessions_closed_total{reason=\"draining\"} 9\n\
            emostream_sessions_closed_total{reason=\"stalled\"} 2\n";
        assert_eq!(sum(metrics, "emostream_sessions{", ""), 7);
        assert_eq!(stalled(metrics), 2);
    }
}
