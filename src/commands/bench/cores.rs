//! Which cores the server under test and the load generator run on. On a core of its own the server's busy share says
//! whether it was saturated, and neither takes time from the other.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of a run, told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cores {
    /// None with one core: then there is nothing to tell apart.
    split: Option<Split>,
}

#[derive(Debug, Clone, Copy)]
struct Split {
    server: CpuSet,
    generator: CpuSet,
}

impl Cores {
    /// The first core that this process may use is for the server, the others are for the generator.
    pub(super) fn split() -> io::Result<Self> {
        Ok(Self {
            split: Split::of(&sched_getaffinity(None)?),
        })
    }

    /// Starts a server on its core: a child inherits the cores of the thread that starts it. Afterwards this thread is on
    /// those of the generator, as are the threads it starts.
    pub(super) fn spawn_on_server<Spawned>(
        &self,
        spawn: impl FnOnce() -> io::Result<Spawned>,
    ) -> io::Result<Spawned> {
        let Some(split) = &self.split else {
            return spawn();
        };
        sched_setaffinity(None, &split.server)?;
        let spawned = spawn();
        self.take_generator()?;
        spawned
    }

    /// Puts this thread on the cores of the generator.
    pub(super) fn take_generator(&self) -> io::Result<()> {
        match &self.split {
            Some(split) => Ok(sched_setaffinity(None, &split.generator)?),
            None => Ok(()),
        }
    }

    /// What the reader of a report has to know.
    pub(super) fn note(&self) -> Option<String> {
        let note = "this machine lets the bench use one core: server and generator share it, and the ratios say little";
        self.split.is_none().then(|| note.to_owned())
    }
}

impl Split {
    fn of(allowed: &CpuSet) -> Option<Self> {
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let (mut server, mut generator) = (CpuSet::new(), CpuSet::new());
        server.set(cores.next()?);
        cores.for_each(|core| generator.set(core));
        (generator.count() > 0).then_some(Self { server, generator })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn set(cores: &[usize]) -> CpuSet {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        set
    }

    #[test]
    fn the_server_has_the_first_allowed_core_and_the_generator_the_others() {
        let split = Split::of(&set(&[2, 3, 7])).unwrap();
        assert_eq!(split.server, set(&[2]));
        assert_eq!(split.generator, set(&[3, 7]));
    }

    #[test]
    fn one_core_is_not_split_and_the_report_says_so() {
        assert!(Split::of(&set(&[5])).is_none());
        assert!(Cores { split: None }.note().is_some());
    }

    #[test]
    fn what_is_started_for_the_server_starts_on_its_core_alone() {
        let Cores { split: Some(split) } = Cores::split().unwrap() else {
            return;
        };
        let cores = Cores { split: Some(split) };
        let at_start = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let spawn = || Ok(sched_getaffinity(None)?);
                (
                    cores.spawn_on_server(spawn).unwrap(),
                    sched_getaffinity(None).unwrap(),
                )
            });
            thread.join().unwrap()
        });
        assert_eq!(at_start, (split.server, split.generator));
    }
}
