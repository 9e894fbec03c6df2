//! Why a session ends: one table for server, browser, metrics and docs.

/// A reason to close a subscriber's WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// The node is going away; every other node can serve the session.
    Draining,
    /// The client broke the protocol.
    Policy,
    /// The client announced a frame over the limit.
    TooBig,
    /// The client has no right to be here.
    Unauthorised,
    /// The page that opened the socket is not on the list of origins.
    OriginRefused,
    /// Nothing was read for `session.stall_timeout`.
    Stalled,
    /// The node holds as many sessions as it may.
    Overloaded,
}

impl Close {
    /// The whole table, in order of code.
    pub const ALL: [Close; 7] = [
        Close::Draining,
        Close::Policy,
        Close::TooBig,
        Close::Unauthorised,
        Close::OriginRefused,
        Close::Stalled,
        Close::Overloaded,
    ];

    /// WebSocket close code, as in RFC 6455 and its range for applications.
    pub fn code(self) -> u16 {
        match self {
            Close::Draining => 1001,
            Close::Policy => 1008,
            Close::TooBig => 1009,
            Close::Unauthorised => 4001,
            Close::OriginRefused => 4003,
            Close::Stalled => 4008,
            Close::Overloaded => 4013,
        }
    }

    /// Stable name, for the reason's `code` and for metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Close::Draining => "draining",
            Close::Policy => "policy",
            Close::TooBig => "too_big",
            Close::Unauthorised => "unauthorised",
            Close::OriginRefused => "origin_refused",
            Close::Stalled => "stalled",
            Close::Overloaded => "overloaded",
        }
    }

    /// The span, in milliseconds, from which a client's waiting time is drawn; `None` where coming back makes no sense.
    pub fn retry_after_ms(self) -> Option<(u64, u64)> {
        match self {
            Close::Draining => Some((500, 5_000)),
            Close::Stalled => Some((1_000, 5_000)),
            Close::Overloaded => Some((2_000, 10_000)),
            Close::Policy | Close::TooBig | Close::Unauthorised | Close::OriginRefused => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_distinct() {
        for (index, one) in Close::ALL.iter().enumerate() {
            for other in &Close::ALL[index + 1..] {
                assert_ne!(one.code(), other.code());
                assert_ne!(one.as_str(), other.as_str());
            }
        }
    }
}
