//! Rate limits as they are written: `auto`, `off`, `20/s`, `20/s burst 100`.

use std::{fmt, net::SocketAddr, num::NonZeroU32, str::FromStr};

use crate::http::limits::Rate;

/// A written limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Off on loopback, else the one of [`AUTO`].
    Auto,
    Off,
    On {
        per_second: NonZeroU32,
        burst: NonZeroU32,
    },
}

/// What `auto` stands for once clients from other machines can come: five seconds' worth at once per person, and room
/// behind one address for a company or a mobile carrier. The total is a matter of the machine, so it stays off.
const AUTO: &[(&str, u32, u32)] = &[
    ("limits.user", 20, 100),
    ("limits.address", 500, 2000),
    ("limits.socket", 20, 100),
];

impl Limit {
    /// What is in force for `key` on these addresses; never [`Limit::Auto`].
    pub(super) fn resolve(self, key: &str, bind: &[SocketAddr]) -> Self {
        if self != Self::Auto {
            return self;
        }
        if bind
            .iter()
            .all(|address| address.ip().to_canonical().is_loopback())
        {
            return Self::Off;
        }
        let standing = AUTO.iter().find(|(of, _, _)| *of == key);
        standing.map_or(Self::Off, |&(_, per_second, burst)| {
            Self::try_on(per_second, burst).unwrap_or(Self::Off)
        })
    }

    /// The limit as the HTTP side takes it, once resolved.
    pub(super) fn rate(self) -> Option<Rate> {
        match self {
            Self::Auto | Self::Off => None,
            Self::On { per_second, burst } => Some(Rate { per_second, burst }),
        }
    }

    fn try_on(per_second: u32, burst: u32) -> Option<Self> {
        Some(Self::On {
            per_second: NonZeroU32::new(per_second)?,
            burst: NonZeroU32::new(burst)?,
        })
    }
}

impl FromStr for Limit {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => return Ok(Self::Auto),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        let (rate, burst) = match text.split_once("burst") {
            Some((rate, burst)) => (rate.trim_end(), Some(burst.trim_start())),
            None => (text, None),
        };
        let per_second = rate.strip_suffix("/s").ok_or(())?.trim_end();
        let per_second = per_second.parse().map_err(|_| ())?;
        let burst = burst.map_or(Ok(per_second), |burst| burst.parse().map_err(|_| ()))?;
        Self::try_on(per_second, burst).ok_or(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Off => formatter.write_str("off"),
            Self::On { per_second, burst } if per_second == burst => {
                write!(formatter, "{per_second}/s")
            }
            Self::On { per_second, burst } => write!(formatter, "{per_second}/s burst {burst}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_form_reads_and_prints() {
        for text in ["auto", "off", "20/s", "20/s burst 100"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        assert_eq!(
            "7 /s  burst  9".parse::<Limit>().unwrap().to_string(),
            "7/s burst 9"
        );
    }

    #[test]
    fn what_is_not_a_limit_is_refused() {
        for text in [
            "",
            "20",
            "20/m",
            "0/s",
            "20/s burst 0",
            "20/s burst",
            "-1/s",
            "burst 3",
            "5000000000/s",
        ] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn auto_is_off_while_every_bind_is_loopback() {
        let resolved = |key: &str, bind: &[&str]| {
            let bind: Vec<SocketAddr> = bind
                .iter()
                .map(|address| address.parse().unwrap())
                .collect();
            Limit::Auto.resolve(key, &bind).to_string()
        };
        assert_eq!(resolved("limits.user", &["127.0.0.1:1", "[::1]:1"]), "off");
        let open = ["127.0.0.1:1", "0.0.0.0:1"];
        assert_eq!(resolved("limits.user", &open), "20/s burst 100");
        assert_eq!(resolved("limits.address", &open), "500/s burst 2000");
        assert_eq!(resolved("limits.socket", &open), "20/s burst 100");
        assert_eq!(resolved("limits.total", &open), "off");
    }

    #[test]
    fn a_written_limit_holds_on_loopback_too() {
        let bind = ["127.0.0.1:1".parse().unwrap()];
        let written: Limit = "5/s".parse().unwrap();
        assert_eq!(written.resolve("limits.user", &bind), written);
        assert!(written.rate().is_some());
    }
}
