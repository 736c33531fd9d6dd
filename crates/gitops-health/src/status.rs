//! `Health` and `HealthStatus`, and how the health of many makes the health of one application.

use std::fmt;

/// A health, best first: the order is what aggregation goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HealthStatus {
    /// Does what it should.
    Healthy,
    /// Waits for a person or a time.
    Suspended,
    /// Not there yet, may still get there.
    Progressing,
    /// Desired, but not at the target.
    Missing,
    /// Failed.
    Degraded,
    /// Could not be found out.
    Unknown,
}

impl HealthStatus {
    /// All, best first.
    pub const ALL: [HealthStatus; 6] = [
        HealthStatus::Healthy,
        HealthStatus::Suspended,
        HealthStatus::Progressing,
        HealthStatus::Missing,
        HealthStatus::Degraded,
        HealthStatus::Unknown,
    ];

    /// The name that manifests, the API and people use.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "Healthy",
            HealthStatus::Suspended => "Suspended",
            HealthStatus::Progressing => "Progressing",
            HealthStatus::Missing => "Missing",
            HealthStatus::Degraded => "Degraded",
            HealthStatus::Unknown => "Unknown",
        }
    }

    /// Reads [`HealthStatus::as_str`] back.
    pub fn parse(text: &str) -> Option<HealthStatus> {
        HealthStatus::ALL.into_iter().find(|h| h.as_str() == text)
    }

    /// The health of an application from those of its objects: the worst, `Healthy` when there are none.
    pub fn worst(all: impl IntoIterator<Item = HealthStatus>) -> HealthStatus {
        all.into_iter().max().unwrap_or(HealthStatus::Healthy)
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A health and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// Why; empty when there is nothing to say.
    pub message: String,
}

impl Health {
    /// A health with its reason.
    pub fn new(status: HealthStatus, message: impl Into<String>) -> Health {
        Health { status, message: message.into() }
    }

    /// Healthy, with nothing to say.
    pub fn healthy() -> Health {
        Health::new(HealthStatus::Healthy, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides() {
        assert_eq!(HealthStatus::worst([]), HealthStatus::Healthy);
        assert_eq!(HealthStatus::worst([HealthStatus::Degraded, HealthStatus::Healthy, HealthStatus::Missing]), HealthStatus::Degraded);
    }

    #[test]
    fn names_read_back() {
        for h in HealthStatus::ALL {
            assert_eq!(HealthStatus::parse(h.as_str()), Some(h));
        }
    }
}
