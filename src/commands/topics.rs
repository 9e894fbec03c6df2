//! `emostream topics`: creates the topics that are missing, and shows all of them.

use std::collections::BTreeMap;

use super::cli::SettingArgs;
use super::config::refuse;
use super::exit::{Exit, complain, print};
use crate::config::Config;
use crate::domain::ClusterId;
use crate::kafka::admin::{Admin, AdminError};
use crate::kafka::topics::{CLEANUP, Described, Descriptions, TIMESTAMPS, Topic, warnings};

/// Where a broker is looked for that nobody has named: `make kafka` starts one there.
const USUAL_BROKER: &str = "localhost:9092";

/// Creates what is missing and shows what there is.
pub(super) fn run(settings: SettingArgs) -> Exit {
    let mut config = match settings.load() {
        Ok(loaded) => loaded.config,
        Err(mistakes) => return refuse(&mistakes),
    };
    let usual = || USUAL_BROKER.to_owned();
    config.kafka.bootstrap = Some(config.kafka.bootstrap.take().unwrap_or_else(usual));
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error);
            return Exit::Configuration;
        }
    };
    match runtime.block_on(create_and_describe(&config)) {
        Ok(report) => {
            print(&report);
            Exit::Done
        }
        Err(error) => {
            complain(&error);
            Exit::Configuration
        }
    }
}

async fn create_and_describe(config: &Config) -> Result<String, AdminError> {
    let admin = Admin::new(&config.kafka)?;
    let survey = admin.survey()?;
    // Clusters may have been spawned and retired since; a topic that is there shows it.
    let mut clusters = config
        .topics
        .clusters_of(survey.names.iter().map(String::as_str));
    let initial = 1..=u64::from(config.clusters.initial);
    clusters.extend(initial.filter_map(|number| ClusterId::try_new(number).ok()));
    clusters.sort();
    clusters.dedup();
    let topics = config.topics.all(clusters);
    let created = admin.create_missing(&topics, &config.topics).await?;
    let found = admin.describe(&topics).await?;
    let mut report = table(&topics, &found);
    report += &match created.len() {
        0 => format!("\nnothing was missing on {}\n", config.kafka.bootstrap()),
        _ => format!(
            "\ncreated on {}: {}\n",
            config.kafka.bootstrap(),
            created.join(", ")
        ),
    };
    for warning in warnings(&topics, &found, survey.num_brokers) {
        report += &format!("warning: {warning}\n");
    }
    Ok(report)
}

/// One line per topic, columns lined up.
fn table(topics: &[Topic], found: &Descriptions) -> String {
    let header = [
        "topic",
        "partitions",
        "replicas",
        "cleanup",
        "timestamps",
        "records",
        "written by",
        "read by",
    ];
    let mut lines = vec![header.map(str::to_owned)];
    lines.extend(
        topics
            .iter()
            .map(|topic| line(topic, found.get(&topic.name))),
    );
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    for (column, cell) in lines.iter().flat_map(|line| line.iter().enumerate()) {
        let width = widths.entry(column).or_default();
        *width = cell.len().max(*width);
    }
    let padded = lines.iter().map(|line| {
        let cells = line
            .iter()
            .zip(widths.values())
            .map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    });
    padded.collect()
}

fn line(topic: &Topic, found: Option<&Described>) -> [String; 8] {
    let (writer, reader) = topic.role.between();
    let of = |text: fn(&Described) -> String| found.map_or_else(|| "-".to_owned(), text);
    [
        topic.name.clone(),
        of(|described| described.partitions.to_string()),
        of(|described| described.replicas.to_string()),
        of(|described| described.setting(CLEANUP).to_owned()),
        of(|described| described.setting(TIMESTAMPS).to_owned()),
        of(|described| described.records.to_string()),
        writer.to_owned(),
        reader.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::topics::Role;

    #[test]
    fn columns_line_up_and_a_topic_that_is_not_there_says_nothing() {
        let topic = |name: &str, role| Topic {
            name: name.to_owned(),
            role,
            partitions: 3,
        };
        let topics = [
            topic("emoji_topic", Role::Reactions),
            topic("c", Role::Control),
        ];
        let setting = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let described = Described {
            partitions: 3,
            replicas: 1,
            settings: [(CLEANUP, "delete"), (TIMESTAMPS, "LogAppendTime")]
                .map(setting)
                .into(),
            records: 1_234,
        };
        let found = Descriptions::from([("emoji_topic".to_owned(), described)]);
        assert_eq!(
            table(&topics, &found),
            "topic        partitions  replicas  cleanup  timestamps     records  written by  read by\n\
             emoji_topic  3           1         delete   LogAppendTime  1234     api         aggregator\n\
             c            -           -         -        -              -        every role  every role\n"
        );
    }
}
