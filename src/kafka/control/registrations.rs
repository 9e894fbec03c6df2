//! Registrations: decided by the registry of the node that is asked, and written down for all others.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Office, RENEWALS};
use crate::actors::messages::{Deregister, HeldLeases, PlacementError, Register, Registered};
use crate::domain::{EpochMs, UserId};
use crate::kafka::record::control::ControlRecord;

/// Records that are on their way at once.
const AT_ONCE: usize = 500;

impl Office {
    /// A place, once all replicas know of it.
    pub(super) async fn register(&self, register: Register) -> Result<Registered, PlacementError> {
        self.check_reach()?;
        let client_id = user(&register.client_id)?;
        let registered = self.register.ask(register).await??;
        let record = ControlRecord::Client {
            client_id,
            cluster: registered.cluster,
            lease_end: self.after(registered.lease),
        };
        self.log.append(&record).await?;
        Ok(registered)
    }

    /// Whether the client was registered, on any node.
    pub(super) async fn deregister(&self, leaving: Deregister) -> Result<bool, PlacementError> {
        self.check_reach()?;
        let client_id = user(&leaving.client_id)?;
        let now = self.clock.now();
        let lease = self.memory.state().client(&client_id);
        let is_known = lease.is_some_and(|lease| lease.lease_end > now);
        // The log may not be read to the registration that this node has just made.
        let is_known = self.deregister.ask(leaving).await?? || is_known;
        if is_known || lease.is_some() {
            self.log
                .append(&ControlRecord::ClientGone(client_id))
                .await?;
        }
        Ok(is_known)
    }

    fn check_reach(&self) -> Result<(), PlacementError> {
        if self.log.is_reachable() {
            Ok(())
        } else {
            Err(PlacementError::Unavailable)
        }
    }

    fn after(&self, time: Duration) -> EpochMs {
        EpochMs(self.clock.now().0 + time.as_millis() as u64)
    }

    /// Renews what open sessions hold, and buries what ended long ago.
    pub(super) async fn keep_leases(&self) {
        let held = self.held.ask(HeldLeases).await.unwrap_or_default();
        // Not those that were renewed since the last look, by their client or on another node.
        let lease = self.config.lease;
        let soon = self.after(lease - lease / (2 * RENEWALS));
        let held = held.into_iter().filter_map(|lease| {
            let client_id = user(&lease.client_id).ok()?;
            let known = self.memory.state().client(&client_id)?;
            let is_due = known.lease_end <= soon || known.cluster != lease.cluster;
            is_due.then(|| ControlRecord::Client {
                client_id,
                cluster: lease.cluster,
                lease_end: self.after(lease.remaining),
            })
        });
        let renewals: Vec<_> = held.collect();
        self.append_all(&renewals).await;
        self.append_all(&self.ended()).await;
    }

    /// Clients whose lease ended a whole lease ago: the node where a session of theirs is open would have renewed it.
    fn ended(&self) -> Vec<ControlRecord> {
        let now = self.clock.now().0;
        let lease = self.config.lease.as_millis() as u64;
        let state = self.memory.state();
        let ended = state
            .clients()
            .filter(|(_, known)| known.lease_end.0.saturating_add(lease) < now);
        ended
            .map(|(client_id, _)| ControlRecord::ClientGone(client_id.clone()))
            .collect()
    }

    /// What is not written is due again the next time.
    async fn append_all(&self, records: &[ControlRecord]) {
        for some in records.chunks(AT_ONCE) {
            if !self.log.is_reachable() {
                return;
            }
            join_all(some.iter().map(|record| self.log.append(record))).await;
        }
    }
}

fn user(client_id: &str) -> Result<UserId, PlacementError> {
    // HTTP has checked it.
    UserId::parse(client_id).map_err(|_| PlacementError::Unavailable)
}
