//! What a node needs of Kafka before it starts: a broker that answers, and topics.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::Instant;

use crate::config::Config;
use crate::kafka::admin::{Admin, AdminError, Survey};
use crate::kafka::topics::warnings;

/// Between two looks for a broker.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits for a broker, creates the topics that every node needs, and says what is wrong with those there are. The topics
/// of clusters come with the clusters.
///
/// # Errors
///
/// Nobody answers within `kafka.start_timeout`, or a topic cannot be created.
pub(super) async fn prepare(config: &Config) -> Result<(), AdminError> {
    let admin = Arc::new(Admin::new(&config.kafka)?);
    let survey = until_answered(&admin, config.kafka.start_timeout).await?;
    let topics = config.topics.all([]);
    let (asked, needed, settings) = (admin, topics.clone(), config.topics.clone());
    // Some of these questions block.
    let seen_to = tokio::task::spawn_blocking(move || {
        Handle::current().block_on(async {
            let created = asked.create_missing(&needed, &settings).await?;
            Ok::<_, AdminError>((created, asked.describe(&needed).await?))
        })
    });
    let (created, found) = unless_panicked(seen_to.await)?;
    if !created.is_empty() {
        tracing::info!(topics = ?created, "topics created");
    }
    for warning in warnings(&topics, &found, survey.num_brokers) {
        tracing::warn!(%warning, "topics are not as they should be");
    }
    Ok(())
}

async fn until_answered(admin: &Arc<Admin>, patience: Duration) -> Result<Survey, AdminError> {
    let give_up = Instant::now() + patience;
    let mut is_first = true;
    loop {
        let asked = admin.clone();
        let answer = tokio::task::spawn_blocking(move || asked.survey()).await;
        let error = match unless_panicked(answer) {
            Ok(survey) => return Ok(survey),
            Err(error) if Instant::now() >= give_up => return Err(error),
            Err(error) => error,
        };
        if std::mem::take(&mut is_first) {
            tracing::warn!(%error, timeout_s = patience.as_secs(), "waiting for kafka");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A question that panics is not asked again.
fn unless_panicked<T>(answer: Result<T, JoinError>) -> T {
    answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
