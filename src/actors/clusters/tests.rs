//! Clusters among probes.

mod house;
mod promises;
mod trouble;
