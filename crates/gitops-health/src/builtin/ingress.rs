//! `Ingress`: needs an address.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::Progressing;

pub(crate) fn health(live: &Live<'_>) -> Health {
    if live.list("status.loadBalancer.ingress").is_empty() { Health::new(Progressing, "") } else { Health::healthy() }
}
