//! What `bench ingest` has to say.

use super::super::args::IngestArgs;
use super::super::cores::Cores;
use super::super::load::Sample;
use super::super::percentiles::Percentiles;
use super::super::report::{Figure, Report, Wanted, figure, median};
use super::Pair;
use super::check::Check;
use super::load_curve::{self, Offered};

/// Single reactions per second, to requests that an empty handler answers.
const WANTED_SINGLE: f64 = 0.85;

/// Reactions per second of a core in arrays and lines.
const WANTED_BATCHES: f64 = 2_500_000.0;

/// Frames per second, to frames that are sent back as they are.
const WANTED_FRAMES: f64 = 0.5;

/// The p99 of what is accepted under three times the load, in milliseconds.
const WANTED_OVERLOAD_MS: f64 = 100.0;

/// Where one send in a hundred is later than this, in milliseconds, though connections are free, the generator is behind.
const LATE_MS: f64 = 5.0;

/// All that was measured.
pub(super) struct Measured {
    pub(super) single: Pair,
    pub(super) arrays: Vec<Sample>,
    pub(super) lines: Vec<Sample>,
    pub(super) frames: Pair,
    pub(super) half: Offered,
    pub(super) overload: Offered,
}

/// Single reactions per second that the node can take.
pub(super) fn capacity(single: &Pair) -> f64 {
    let rates = single.ours.iter().map(Sample::per_second);
    Percentiles::of(rates).at(0.5).unwrap_or_default()
}

pub(super) fn report(
    args: &IngestArgs,
    cores: &Cores,
    measured: &Measured,
    check: Check,
) -> Report {
    let mut notes: Vec<String> = cores.note().into_iter().collect();
    notes.extend(bottlenecks(measured));
    notes.extend(check.faults);
    Report {
        title: format!(
            "reactions taken in by one core: median of {} runs of {} s, least and most in brackets",
            args.runs,
            args.duration.as_secs_f64()
        ),
        figures: ours(measured),
        limit: limits(measured),
        peer: Vec::new(),
        ratio: ratios(measured),
        ledger: check.ledger,
        notes,
    }
}

/// The names of the figures of one kind of load, in JSON and in the table.
struct Names {
    rate: (&'static str, &'static str),
    per_cpu: (&'static str, &'static str),
    busy: (&'static str, &'static str),
    user: (&'static str, &'static str),
    generator: (&'static str, &'static str),
}

macro_rules! names {
    ($key:literal, $label:literal) => {
        Names {
            rate: (concat!($key, "_per_second"), concat!($label, " per second")),
            per_cpu: (concat!($key, "_per_cpu_second"), "  per CPU-second"),
            busy: (
                concat!($key, "_server_busy"),
                "  the server's core was busy",
            ),
            user: (concat!($key, "_user"), "  of that outside the kernel"),
            generator: (concat!($key, "_generator_busy"), "  the generator was busy"),
        }
    };
}

const SINGLE: Names = names!("single", "single reactions");
const ARRAYS: Names = names!("arrays", "arrays of 100");
const LINES: Names = names!("lines", "bodies of 100 lines");
const FRAMES: Names = names!("frames", "frames");
const EMPTY: Names = names!("empty_handler", "GETs of an empty handler");
const ECHO: Names = names!("echo", "echoes of a bare epoll loop");

fn saturated(names: &Names, samples: &[Sample]) -> Vec<Figure> {
    let of = |(key, label), value: fn(&Sample) -> f64, unit| {
        median(key, label, samples.iter().map(value), unit)
    };
    vec![
        of(names.rate, Sample::per_second, "1/s"),
        of(names.per_cpu, Sample::per_cpu_second, "1/s"),
        of(names.busy, |sample| 100.0 * sample.server_share(), "%"),
        of(names.user, |sample| 100.0 * sample.user_share(), "%"),
        of(
            names.generator,
            |sample| 100.0 * sample.generator_share(),
            "%",
        ),
    ]
}

fn ours(measured: &Measured) -> Vec<Figure> {
    let batches = |key, label, samples: &[Sample]| {
        let rates = samples.iter().map(Sample::reactions_per_cpu_second);
        median(key, label, rates, "1/s").wanted(Wanted::AtLeast(WANTED_BATCHES))
    };
    let mut figures = saturated(&SINGLE, &measured.single.ours);
    figures.push(batches(
        "arrays_reactions_per_cpu_second",
        "reactions in arrays of 100, per CPU-second",
        &measured.arrays,
    ));
    figures.extend(saturated(&ARRAYS, &measured.arrays));
    figures.push(batches(
        "lines_reactions_per_cpu_second",
        "reactions in 100 lines, per CPU-second",
        &measured.lines,
    ));
    figures.extend(saturated(&LINES, &measured.lines));
    figures.extend(saturated(&FRAMES, &measured.frames.ours));
    figures.extend(half(&measured.half));
    figures.extend(overload(&measured.overload));
    figures
}

fn half(half: &Offered) -> Vec<Figure> {
    let (answers, delays) = (half.latencies.since_due(), half.latencies.delays());
    vec![
        figure(
            "half_offered",
            "half of the capacity, offered",
            f64::from(half.rate),
            "1/s",
        ),
        figure(
            "half_p50",
            "  intended send to answer, p50",
            answers.at(0.5),
            "ms",
        ),
        figure("half_p99", "  p99", answers.at(0.99), "ms"),
        figure("half_p999", "  p99.9", answers.at(0.999), "ms"),
        figure(
            "half_delay_p99",
            "  the generator behind its times, p99",
            delays.at(0.99),
            "ms",
        ),
        figure(
            "half_server_busy",
            "  the server's core was busy",
            100.0 * half.sample.server_share(),
            "%",
        ),
    ]
}

fn overload(overload: &Offered) -> Vec<Figure> {
    let counts = overload.sample.counts;
    let per_second = |number: u64| number as f64 / overload.sample.time().as_secs_f64();
    let (since_due, since_sent) = (
        overload.latencies.since_due(),
        overload.latencies.since_sent(),
    );
    vec![
        figure(
            "overload_offered",
            "three times the capacity, offered",
            f64::from(overload.rate),
            "1/s",
        ),
        figure(
            "overload_accepted",
            "  accepted",
            per_second(counts.accepted),
            "1/s",
        ),
        figure(
            "overload_shed",
            "  shed with 503",
            per_second(counts.shed),
            "1/s",
        )
        .wanted(Wanted::AtLeast(1.0)),
        figure(
            "overload_refused",
            "  refused otherwise",
            per_second(counts.refused),
            "1/s",
        ),
        figure(
            "overload_unsent",
            "  not sent, as all were waiting",
            overload.unsent as f64,
            "",
        ),
        figure(
            "overload_sent_p50",
            "  send to answer of accepted ones, p50",
            since_sent.at(0.5),
            "ms",
        ),
        figure("overload_sent_p99", "  p99", since_sent.at(0.99), "ms")
            .wanted(Wanted::AtMost(WANTED_OVERLOAD_MS)),
        figure(
            "overload_p99",
            "  intended send to answer, p99",
            since_due.at(0.99),
            "ms",
        )
        .wanted(Wanted::AtMost(WANTED_OVERLOAD_MS)),
    ]
}

fn limits(measured: &Measured) -> Vec<Figure> {
    let mut figures = saturated(&EMPTY, &measured.single.limit);
    figures.extend(saturated(&ECHO, &measured.frames.limit));
    figures
}

fn ratios(measured: &Measured) -> Vec<Figure> {
    let ratio = |key, label, pair: &Pair, of: fn(&Sample) -> f64| {
        let runs = pair.ours.iter().zip(&pair.limit);
        median(
            key,
            label,
            runs.map(|(ours, limit)| of(ours) / of(limit)),
            "",
        )
    };
    let (single, frames) = (&measured.single, &measured.frames);
    vec![
        ratio(
            "single_to_limit",
            "single reactions per second, to GETs",
            single,
            Sample::per_second,
        )
        .wanted(Wanted::AtLeast(WANTED_SINGLE)),
        ratio(
            "single_to_limit_cpu",
            "  per CPU-second",
            single,
            Sample::per_cpu_second,
        ),
        ratio(
            "frames_to_limit",
            "frames per second, to echoes",
            frames,
            Sample::per_second,
        )
        .wanted(Wanted::AtLeast(WANTED_FRAMES)),
        ratio(
            "frames_to_limit_cpu",
            "  per CPU-second",
            frames,
            Sample::per_cpu_second,
        ),
    ]
}

/// Measurements that were not of the server.
fn bottlenecks(measured: &Measured) -> Vec<String> {
    let saturated = [
        ("single reactions", &measured.single.ours),
        ("GETs of an empty handler", &measured.single.limit),
        ("arrays", &measured.arrays),
        ("lines", &measured.lines),
        ("frames", &measured.frames.ours),
        ("echoes", &measured.frames.limit),
    ];
    let said = saturated.into_iter().flat_map(|(what, samples)| {
        let of = samples.len();
        let num = |is: fn(&Sample) -> bool| samples.iter().filter(|sample| is(sample)).count();
        let (bound, disturbed) = (num(Sample::is_generator_bound), num(Sample::is_disturbed));
        let bound = (bound > 0).then(|| {
            format!("THE GENERATOR WAS THE BOTTLENECK of {what} in {bound} of {of} runs: these are not the server's figures")
        });
        let disturbed = (disturbed > 0).then(|| {
            format!("THE MACHINE WAS SHORT OF CPU for {what} in {disturbed} of {of} runs: trust what is per CPU-second alone")
        });
        bound.into_iter().chain(disturbed)
    });
    let delay = measured
        .half
        .latencies
        .delays()
        .at(0.99)
        .unwrap_or_default();
    let late = (delay > LATE_MS).then(|| {
        format!("THE GENERATOR WAS {delay:.1} ms BEHIND its times (p99) at half of the capacity: the machine was short of CPU")
    });
    let overload = format!(
        "the overload comes from a crowd over {} connections with ingest.max_delay={}: each waits for its answer, and as long as a \
         503 says; {} of {} intended sends found all of them waiting and were not made",
        load_curve::NUM_CROWD,
        load_curve::MAX_DELAY,
        measured.overload.unsent,
        (f64::from(measured.overload.rate) * measured.overload.sample.time().as_secs_f64()) as u64,
    );
    said.chain(late).chain([overload]).collect()
}
