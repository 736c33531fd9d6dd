//! `Service`: a load balancer needs an address, the other types nothing.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::Progressing;

pub(crate) fn health(live: &Live<'_>) -> Health {
    if live.str("spec.type") == "LoadBalancer" && live.list("status.loadBalancer.ingress").is_empty() {
        return Health::new(Progressing, "");
    }
    Health::healthy()
}
