//! Rate limits on reactions: per user, per address, per socket, and in all. Off where not set.
//!
//! A limit counts reactions, not requests: `count: 5` weighs five. The generic cell rate algorithm behind it is
//! `governor`'s.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::actors::session::{Limited, ReactGate};

/// A sustained rate and how far a burst may go beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Reactions per second, sustained.
    pub per_second: NonZeroU32,
    /// Reactions at once.
    pub burst: NonZeroU32,
}

impl Rate {
    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// Settings under `limits`; `None` is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitsConfig {
    /// Per `user_id`, or `client_id` on a socket.
    pub user: Option<Rate>,
    /// Per IP address; IPv6 by its /64 network.
    pub address: Option<Rate>,
    /// Per WebSocket.
    pub socket: Option<Rate>,
    /// Of the whole node.
    pub total: Option<Rate>,
}

type Keyed<Key, Hashing = RandomState> =
    RateLimiter<Key, DashMapStateStore<Key, Hashing>, DefaultClock>;
type Single = RateLimiter<NotKeyed, InMemoryState, DefaultClock>;

/// Passes on a key that is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The limits of a node.
#[derive(Debug)]
pub struct Limits {
    /// Keyed by hash: a name of 128 bytes is not kept for every user who ever came.
    users: Option<Keyed<u64, BuildHasherDefault<Hashed>>>,
    hasher: RandomState,
    addresses: Option<Keyed<IpAddr>>,
    socket: Option<Rate>,
    total: Option<Single>,
    clock: DefaultClock,
}

impl Limits {
    /// Limits as configured.
    pub fn new(config: LimitsConfig) -> Self {
        Self {
            users: config.user.map(|rate| {
                RateLimiter::dashmap_with_hasher(rate.quota(), BuildHasherDefault::default())
            }),
            hasher: RandomState::new(),
            addresses: config.address.map(|rate| RateLimiter::keyed(rate.quota())),
            socket: config.socket,
            total: config.total.map(|rate| RateLimiter::direct(rate.quota())),
            clock: DefaultClock::default(),
        }
    }

    /// Admits `count` reactions of a user from an address, or says how long to wait.
    ///
    /// The address is asked first, so that one address can't fill the memory with invented users.
    pub fn admit(&self, address: Option<IpAddr>, user: &str, count: u32) -> Result<(), Duration> {
        let Some(count) = NonZeroU32::new(count) else {
            return Ok(());
        };
        self.ask_address(address, count)?;
        if let Some(users) = &self.users {
            self.judge(users.check_key_n(&self.hasher.hash_one(user), count))?;
        }
        match &self.total {
            Some(total) => self.judge(total.check_n(count)),
            None => Ok(()),
        }
    }

    /// Admits `count` reactions of an address in one go, or none of them.
    pub fn admit_address(&self, address: Option<IpAddr>, count: u32) -> bool {
        NonZeroU32::new(count).is_none_or(|count| self.ask_address(address, count).is_ok())
    }

    fn ask_address(&self, address: Option<IpAddr>, count: NonZeroU32) -> Result<(), Duration> {
        match (&self.addresses, address) {
            (Some(addresses), Some(address)) => {
                self.judge(addresses.check_key_n(&network(address), count))
            }
            _ => Ok(()),
        }
    }

    /// The gate of one socket.
    pub fn gate(self: &Arc<Self>, address: Option<IpAddr>) -> Rc<dyn ReactGate> {
        Rc::new(SocketGate {
            limits: self.clone(),
            address,
            socket: self.socket.map(|rate| RateLimiter::direct(rate.quota())),
        })
    }

    /// Forgets who has been quiet long enough to have a full allowance. To be called now and then.
    pub fn forget_the_quiet(&self) {
        if let Some(users) = &self.users {
            users.retain_recent();
        }
        if let Some(addresses) = &self.addresses {
            addresses.retain_recent();
        }
    }

    fn judge(
        &self,
        answer: Result<
            Result<(), governor::NotUntil<governor::clock::QuantaInstant>>,
            governor::InsufficientCapacity,
        >,
    ) -> Result<(), Duration> {
        match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(not_until.wait_time_from(self.clock.now())),
            // More at once than the burst allows: waiting does not help, so the client is kept off for a while.
            Err(_) => Err(Duration::from_secs(60)),
        }
    }
}

struct SocketGate {
    limits: Arc<Limits>,
    address: Option<IpAddr>,
    socket: Option<Single>,
}

impl ReactGate for SocketGate {
    fn admit(&self, user: &str, count: u32) -> Result<(), Limited> {
        if let (Some(socket), Some(count)) = (&self.socket, NonZeroU32::new(count)) {
            self.limits
                .judge(socket.check_n(count))
                .map_err(|_| Limited)?;
        }
        self.limits
            .admit(self.address, user, count)
            .map_err(|_| Limited)
    }
}

/// IPv6 clients own a whole /64, so that is what is limited.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(one, two, three, four, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Option<Rate> {
        Some(Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    #[test]
    fn limits_that_are_not_set_admit_everything() {
        let limits = Limits::new(LimitsConfig::default());
        for _ in 0..10_000 {
            assert!(limits.admit(None, "user", 1_000).is_ok());
        }
    }

    #[test]
    fn a_user_over_the_burst_waits_and_others_do_not() {
        let limits = Limits::new(LimitsConfig {
            user: rate(1, 3),
            ..LimitsConfig::default()
        });
        assert!(limits.admit(None, "a", 3).is_ok());
        let wait = limits.admit(None, "a", 1).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        assert!(limits.admit(None, "b", 1).is_ok());
    }

    #[test]
    fn what_an_address_may_not_send_at_once_costs_it_nothing() {
        let limits = Limits::new(LimitsConfig {
            address: rate(1, 3),
            ..LimitsConfig::default()
        });
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        assert!(!limits.admit_address(address, 4));
        assert!(limits.admit_address(address, 2));
        assert!(!limits.admit_address(address, 2));
        assert!(limits.admit(address, "user", 1).is_ok());
        assert!(limits.admit_address(None, 100));
    }

    #[test]
    fn one_network_of_ipv6_shares_its_allowance() {
        let limits = Limits::new(LimitsConfig {
            address: rate(1, 1),
            ..LimitsConfig::default()
        });
        let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert!(limits.admit(from("2001:db8::1"), "a", 1).is_ok());
        assert!(limits.admit(from("2001:db8::2"), "b", 1).is_err());
        assert!(limits.admit(from("2001:db8:0:1::1"), "c", 1).is_ok());
    }

    #[test]
    fn each_socket_has_an_allowance_of_its_own() {
        let limits = Arc::new(Limits::new(LimitsConfig {
            socket: rate(1, 2),
            ..LimitsConfig::default()
        }));
        let (one, other) = (limits.gate(None), limits.gate(None));
        assert!(one.admit("a", 2).is_ok());
        assert_eq!(one.admit("a", 1), Err(Limited));
        assert!(other.admit("a", 1).is_ok());
    }
}
