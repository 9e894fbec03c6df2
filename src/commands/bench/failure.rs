//! Why there is nothing to show.

use rdkafka::error::KafkaError;

use crate::kafka::admin::AdminError;

/// Why a run has ended without figures.
#[derive(Debug)]
pub(super) enum Failure {
    /// What it needs is not there, such as a broker: for the user to mend.
    Ground(String),
    /// It broke on the way.
    Run(anyhow::Error),
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::Ground(error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Run(error)
    }
}

impl From<KafkaError> for Failure {
    fn from(error: KafkaError) -> Self {
        Self::Run(error.into())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Run(error.into())
    }
}
