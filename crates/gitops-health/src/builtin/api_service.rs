//! `APIService`: available or on its way.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Healthy, Progressing};

pub(crate) fn health(live: &Live<'_>) -> Health {
    match live.condition("Available") {
        Some(c) => Health::new(if c.status() == "True" { Healthy } else { Progressing }, format!("{}: {}", c.reason(), c.message())),
        None => Health::new(Progressing, "Waiting to be processed"),
    }
}
