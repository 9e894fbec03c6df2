//! Any history of crashes and restarts: the same windows with the same totals.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NUM_INPUTS: usize = 3;
const FIRST: u64 = 10;

#[derive(Debug, Clone)]
enum Record {
    Partial(u64, &'static str, u64),
    Word(Punctuation),
}

#[derive(Debug, Clone, Copy)]
enum Then {
    ReadOn,
    Close,
    Abort,
    Crash,
}

/// The closings of every input partition, each in order, mixed at random.
fn any_log() -> impl Strategy<Value = Vec<Record>> {
    let counts = prop::collection::vec(
        prop::option::weighted(0.6, (any::<bool>(), 1..9_u64)),
        4..16,
    );
    let inputs = prop::collection::vec(counts, NUM_INPUTS);
    let order = prop::collection::vec(0..NUM_INPUTS, 48);
    (inputs, order).prop_map(|(inputs, order)| {
        let longest = inputs.iter().map(Vec::len).max().unwrap();
        let mut next = [0; NUM_INPUTS];
        let mut log = Vec::new();
        for input in order
            .into_iter()
            .chain((0..NUM_INPUTS).cycle().take(longest * NUM_INPUTS))
        {
            let step = next[input];
            if step == longest {
                continue;
            }
            next[input] += 1;
            let seq = FIRST + step as u64;
            if let Some(&Some((is_main, count))) = inputs[input].get(step) {
                log.push(Record::Partial(
                    seq,
                    if is_main { "main" } else { "b" },
                    count,
                ));
            }
            log.push(Record::Word(word(input, NUM_INPUTS, seq)));
        }
        log
    })
}

fn any_steps() -> impl Strategy<Value = Vec<Then>> {
    let then = prop_oneof![
        6 => Just(Then::ReadOn),
        4 => Just(Then::Close),
        1 => Just(Then::Abort),
        2 => Just(Then::Crash),
    ];
    prop::collection::vec(then, 0..150)
}

struct Instance<'a> {
    log: &'a [Record],
    fold: MergeFold,
    committed: Option<Commit>,
    standings: BTreeMap<StreamName, Standing>,
    windows: Vec<Window>,
}

impl<'a> Instance<'a> {
    fn new(log: &'a [Record]) -> Self {
        Self {
            log,
            fold: fresh(),
            committed: None,
            standings: BTreeMap::new(),
            windows: Vec::new(),
        }
    }

    fn restart(&mut self) {
        let standings = self.standings.values().cloned();
        self.fold = match &self.committed {
            None => fresh(),
            Some(commit) => MergeFold::restore(timing(), commit, standings),
        };
    }

    fn read_one(&mut self) {
        let offset = self.fold.position();
        match self.log.get(offset.0 as usize) {
            Some(Record::Partial(seq, stream, count)) => {
                let stream = StreamName::parse(stream).unwrap();
                let partial = Partial {
                    stream,
                    ..partial(*seq, *count)
                };
                self.fold.apply(offset, size(SIZE_MS), partial);
            }
            Some(Record::Word(word)) => self.fold.hear(offset, size(SIZE_MS), *word),
            None => {}
        }
    }

    fn take(&mut self, then: Then) {
        match then {
            Then::ReadOn => {}
            Then::Close => self.close(),
            Then::Abort => {
                self.fold.close();
                self.restart();
            }
            Then::Crash => self.restart(),
        }
    }

    fn close(&mut self) {
        if let Some((published, commit)) = self.fold.close() {
            self.windows.extend(published.windows);
            let standings = published.standings.into_iter();
            self.standings
                .extend(standings.map(|standing| (standing.stream.clone(), standing)));
            self.committed = Some(commit);
        }
    }
}

fn run(log: &[Record], steps: &[Then]) -> Vec<Window> {
    let mut instance = Instance::new(log);
    for &then in steps {
        instance.read_one();
        instance.take(then);
    }
    for _ in 0..log.len() {
        instance.read_one();
    }
    instance.close();
    instance.windows
}

proptest! {
    #[test]
    fn any_history_of_crashes_gives_the_same_windows_and_totals(log in any_log(), steps in any_steps()) {
        let windows = run(&log, &steps);
        let undisturbed = run(&log, &[]);
        let of = |windows: &[Window], stream: &str| -> Vec<Window> {
            windows.iter().filter(|window| window.stream.as_str() == stream).cloned().collect()
        };
        for stream in ["main", "b"] {
            // A window in the beginning may have been given up on before all inputs were known, but by no proof here.
            prop_assert_eq!(of(&windows, stream), of(&undisturbed, stream));
        }
        let sent: u64 = log.iter().map(|record| match record {
            Record::Partial(_, _, count) => *count,
            Record::Word(_) => 0,
        }).sum();
        let counted: u64 = windows.iter().map(|window| window.tally.total()).sum();
        prop_assert_eq!(counted, sent);
    }
}
