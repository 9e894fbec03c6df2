//! What all sessions of the crowd have seen: when each window had reached the first and the last of them, and who has gone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::told::Window;

/// A moment, as the loop that reads knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// By the clock of the machine, in milliseconds since the Unix epoch.
    pub(super) wall_ms: f64,
    /// How long the loop has waited for sockets so far.
    pub(super) waited: Duration,
}

/// A window on its way to the sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) window: Window,
    /// How many sessions have it, in a frame of its own.
    pub(super) num_sessions: usize,
    pub(super) first: Moment,
    /// The last so far.
    pub(super) last: Moment,
}

impl Arrival {
    /// From its end to the first session.
    pub(super) fn first_ms(&self) -> f64 {
        self.first.wall_ms - self.window.end_ms as f64
    }

    /// From its end to the last session.
    pub(super) fn last_ms(&self) -> f64 {
        self.last.wall_ms - self.window.end_ms as f64
    }

    /// From the first to the last session.
    pub(super) fn spread_ms(&self) -> f64 {
        self.last.wall_ms - self.first.wall_ms
    }

    /// The share of that time in which the loop waited for the server. None where there is no such time.
    pub(super) fn waited_share(&self) -> Option<f64> {
        let waited = self.last.waited.saturating_sub(self.first.waited);
        let spread = self.spread_ms();
        (spread > 0.0).then(|| waited.as_secs_f64() * 1e3 / spread)
    }
}

/// A session that the server has ended, or never let in.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) session: usize,
    pub(super) why: String,
}

/// What all sessions have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How often a session has come in.
    pub(super) num_opened: usize,
    /// Frames with windows.
    pub(super) frames: u64,
    /// Of these, those that sum several: their sessions had fallen behind.
    pub(super) merged: u64,
    pub(super) pings: u64,
    /// Hellos that honoured `since`.
    pub(super) recovered: u64,
    /// Each window by its number.
    pub(super) windows: BTreeMap<u64, Arrival>,
    /// The last frame of one window with reactions, its head included.
    pub(super) sample: Vec<u8>,
    pub(super) ends: Vec<End>,
    /// Frames that broke a promise.
    pub(super) faults: Vec<String>,
}

impl Seen {
    /// A frame of one window has reached one more session.
    pub(super) fn arrived(&mut self, window: Window, frame: &[u8], now: Moment) {
        self.frames += 1;
        if window.span > 1 {
            self.merged += 1;
            return;
        }
        let sample = &mut self.sample;
        let arrival = self.windows.entry(window.seq).or_insert_with(|| {
            if window.total > 0 {
                sample.clear();
                sample.extend_from_slice(frame);
            }
            Arrival {
                window,
                num_sessions: 0,
                first: now,
                last: now,
            }
        });
        arrival.num_sessions += 1;
        arrival.last = now;
    }

    /// A frame broke a promise.
    pub(super) fn fault(&mut self, session: usize, what: &str) {
        // The first few say what there is to say.
        if self.faults.len() < 100 {
            self.faults.push(format!("session {session}: {what}"));
        }
    }

    /// The newest window that has come.
    pub(super) fn newest(&self) -> Option<&Arrival> {
        self.windows.last_key_value().map(|(_, arrival)| arrival)
    }

    /// Why sessions have ended and which promises were broken, the first few of each.
    pub(super) fn complaints(&self) -> Vec<String> {
        const FEW: usize = 3;
        let ends = self.ends.iter().take(FEW);
        let ends = ends.map(|end| format!("session {}: {}", end.session, end.why));
        let mut complaints: Vec<String> = self.faults.iter().take(FEW).cloned().collect();
        complaints.extend(ends);
        if self.ends.len() > FEW {
            complaints.push(format!("{} sessions have ended in all", self.ends.len()));
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(seq: u64, span: u64) -> Window {
        Window {
            seq,
            span,
            end_ms: 1_000 * seq,
            total: 5,
        }
    }

    fn at(wall_ms: f64, waited_ms: u64) -> Moment {
        Moment {
            wall_ms,
            waited: Duration::from_millis(waited_ms),
        }
    }

    #[test]
    fn a_window_is_timed_from_its_end_to_the_first_and_the_last_session() {
        let mut seen = Seen::default();
        seen.arrived(window(7, 1), b"first", at(7_010.0, 100));
        seen.arrived(window(7, 1), b"second", at(7_050.0, 110));
        let arrival = seen.newest().copied().unwrap();
        assert_eq!(arrival.num_sessions, 2);
        assert!((arrival.first_ms() - 10.0).abs() < 1e-6);
        assert!((arrival.last_ms() - 50.0).abs() < 1e-6);
        assert!((arrival.waited_share().unwrap() - 0.25).abs() < 1e-6);
        assert_eq!(seen.sample, b"first");
    }

    #[test]
    fn a_merged_frame_is_a_delivery_and_no_arrival() {
        let mut seen = Seen::default();
        seen.arrived(window(7, 3), b"merged", at(7_010.0, 0));
        assert_eq!((seen.frames, seen.merged), (1, 1));
        assert!(seen.newest().is_none() && seen.sample.is_empty());
    }

    #[test]
    fn complaints_name_a_few_and_count_all() {
        let ends = (0..10).map(|session| End {
            session,
            why: "refused".to_owned(),
        });
        let seen = Seen {
            ends: ends.collect(),
            ..Seen::default()
        };
        let complaints = seen.complaints();
        assert_eq!(complaints.len(), 4);
        assert_eq!(complaints[0], "session 0: refused");
        assert_eq!(complaints[3], "10 sessions have ended in all");
    }
}
