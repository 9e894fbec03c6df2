//! What a node does of all there is to do.

use std::fmt;
use std::str::FromStr;

/// One part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes reactions and registrations.
    Api,
    /// Counts reactions in windows.
    Aggregator,
    /// Hands whole windows to every cluster.
    Publisher,
    /// Hands windows to the subscribers of clusters, under their policies.
    Cluster,
    /// Serves sessions and pages.
    Session,
}

impl Role {
    /// All of them, in the order in which a reaction meets them.
    pub const ALL: [Self; 5] = [
        Self::Api,
        Self::Aggregator,
        Self::Publisher,
        Self::Cluster,
        Self::Session,
    ];

    /// Its name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Aggregator => "aggregator",
            Self::Publisher => "publisher",
            Self::Cluster => "cluster",
            Self::Session => "session",
        }
    }
}

/// The roles of a node, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles([bool; Role::ALL.len()]);

impl Roles {
    /// A node that does everything.
    pub const ALL: Self = Self([true; Role::ALL.len()]);

    /// Whether the node has this one.
    pub fn has(self, role: Role) -> bool {
        self.0[role as usize]
    }

    /// Whether it has them all.
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }
}

/// What names no role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRole;

impl FromStr for Roles {
    type Err = NoRole;

    /// `all`, or names with commas between.
    fn from_str(text: &str) -> Result<Self, NoRole> {
        if text.trim() == "all" {
            return Ok(Self::ALL);
        }
        let mut roles = Self([false; Role::ALL.len()]);
        for name in text.split(',') {
            let role = Role::ALL
                .into_iter()
                .find(|role| role.as_str() == name.trim());
            roles.0[role.ok_or(NoRole)? as usize] = true;
        }
        Ok(roles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let had = Role::ALL.into_iter().filter(|&role| self.has(role));
        let names: Vec<_> = had.map(Role::as_str).collect();
        formatter.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_with_commas_between_and_all_is_all() {
        let two: Roles = "session, api".parse().unwrap();
        assert!(two.has(Role::Api) && two.has(Role::Session));
        assert!(!two.has(Role::Aggregator) && !two.is_all());
        assert_eq!(two.to_string(), "api,session");
        assert_eq!("all".parse(), Ok(Roles::ALL));
        assert_eq!(Roles::ALL.to_string().parse(), Ok(Roles::ALL));
        for wrong in ["", "api,", "all,api", "API", "broker"] {
            assert_eq!(wrong.parse::<Roles>(), Err(NoRole), "{wrong}");
        }
    }
}
