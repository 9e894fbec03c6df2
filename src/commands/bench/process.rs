//! CPU time and memory of processes, as Linux has them in `/proc`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::ops::Sub;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What processes have used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// CPU time in the program itself.
    pub(super) utime: Duration,
    /// CPU time in the kernel on its behalf.
    pub(super) stime: Duration,
    /// Resident memory now, in bytes.
    pub(super) resident: u64,
}

impl Usage {
    /// CPU time in sum.
    pub(super) fn cpu(&self) -> Duration {
        self.utime + self.stime
    }
}

/// The CPU time in between; memory does not add up over time.
impl Sub for Usage {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.cpu().saturating_sub(earlier.cpu())
    }
}

/// The CPU time of the calling thread, to the nanosecond: what a process has used is counted in ticks.
pub(super) fn this_thread() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(used.tv_sec), u32::try_from(used.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// What this process has used.
pub(super) fn own() -> Usage {
    of(std::process::id())
}

/// What a process has used; nothing of one that is gone.
pub(super) fn of(process: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.ok()
        .and_then(|stat| Stat::parse(&stat))
        .map(|stat| stat.usage())
        .unwrap_or_default()
}

/// CPU time of everything that runs on this machine, the kernel's own and what the host took included.
pub(super) fn of_machine() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    ticks(busy_ticks(&stat).unwrap_or_default())
}

/// All ticks of the first line of `/proc/stat` but the idle ones.
fn busy_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.split_whitespace();
    let "cpu" = fields.next()? else {
        return None;
    };
    let numbers = fields.map(str::parse).collect::<Result<Vec<u64>, _>>();
    let [user, nice, system, _idle, _waiting, irq, softirq, steal, ..] = *numbers.ok()? else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

/// What a process and all its descendants have used, those included that have ended and were waited for.
pub(super) fn of_tree(root: u32) -> Usage {
    let stats = all_stats();
    let mut tree = HashSet::from([root]);
    // Parents may stand behind their children in the list.
    loop {
        let before = tree.len();
        let more = stats
            .iter()
            .filter(|(_, stat)| tree.contains(&stat.parent))
            .map(|(&process, _)| process);
        let more: Vec<u32> = more.collect();
        tree.extend(more);
        if tree.len() == before {
            break;
        }
    }
    let members = tree.iter().filter_map(|process| stats.get(process));
    members.fold(Usage::default(), |sum, stat| Usage {
        utime: sum.utime + ticks(stat.own.user + stat.waited.user),
        stime: sum.stime + ticks(stat.own.system + stat.waited.system),
        resident: sum.resident + stat.usage().resident,
    })
}

fn all_stats() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter_map(|process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            Some((process, Stat::parse(&stat)?))
        })
        .collect()
}

/// The process of this machine that listens on a TCP port, if it may be seen.
pub(super) fn listening_on(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let text: String = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .collect();
    let sockets: Vec<String> = text
        .lines()
        .filter_map(|line| listening_inode(line, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let mut processes = all_stats().into_keys();
    processes.find(|process| holds(*process, &sockets))
}

fn holds(process: u32, sockets: &[String]) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    let files = files.into_iter().flatten().flatten();
    let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.any(|target| {
        let target = target.to_string_lossy();
        sockets.iter().any(|socket| *socket == target)
    })
}

/// The socket of a line of `/proc/net/tcp`, if it listens on `port`.
fn listening_inode(line: &str, port: u16) -> Option<&str> {
    const LISTENING: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else {
        return None;
    };
    let (_, local_port) = local.rsplit_once(':')?;
    let is_there = u16::from_str_radix(local_port, 16) == Ok(port) && *state == LISTENING;
    is_there.then_some(*inode)
}

/// What is taken of a line of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Ticks,
    /// Of children that have ended.
    waited: Ticks,
    resident_pages: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Ticks {
    user: u64,
    system: u64,
}

impl Stat {
    fn parse(line: &str) -> Option<Self> {
        // The name of the program may hold blanks and brackets; what follows its last bracket does not.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: number(1)?.try_into().ok()?,
            own: Ticks {
                user: number(11)?,
                system: number(12)?,
            },
            waited: Ticks {
                user: number(13)?,
                system: number(14)?,
            },
            resident_pages: number(21)?,
        })
    }

    fn usage(&self) -> Usage {
        Usage {
            utime: ticks(self.own.user),
            stime: ticks(self.own.system),
            resident: self.resident_pages * rustix::param::page_size() as u64,
        }
    }
}

fn ticks(number: u64) -> Duration {
    Duration::from_secs_f64(number as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_moves_no_field() {
        let line = "12 (a (b) c) S 7 12 12 0 -1 4194560 1 2 3 4 150 50 20 5 20 0 9 0 100 2048 77 18446744073709551615";
        let expected = Stat {
            parent: 7,
            own: Ticks {
                user: 150,
                system: 50,
            },
            waited: Ticks {
                user: 20,
                system: 5,
            },
            resident_pages: 77,
        };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("12 (a) S 7"), None);
    }

    #[test]
    fn a_machine_is_busy_with_all_that_is_not_idle() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(busy_ticks(stat), Some(63));
        assert_eq!(busy_ticks("cpu 1 2 3"), None);
        assert!(of_machine() > Duration::ZERO);
    }

    #[test]
    fn work_shows_as_cpu_time() {
        let before = own();
        let mut state = 1_u64;
        while own() - before < Duration::from_millis(30) {
            for _ in 0..100_000 {
                state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005));
            }
        }
        assert!(own().resident > 0);
        assert!(of_tree(std::process::id()).cpu() >= own() - before);
    }

    #[test]
    fn who_listens_on_a_port_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listening_on(port), Some(std::process::id()));
    }
}
