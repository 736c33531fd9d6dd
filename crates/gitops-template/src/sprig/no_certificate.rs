//! In the place of `certificate` when it is left out: each function says so.

use super::args::Outcome;
use crate::scope::Scope;
use crate::value::Value;

fn left_out() -> Outcome {
    Err("keys and certificates are not in this build: the crate's feature `certificates` is off".into())
}

pub(super) fn private_key(_: &mut Scope<'_>, _: &mut [Value]) -> Outcome {
    left_out()
}

pub(super) fn custom(_: &mut Scope<'_>, _: &mut [Value]) -> Outcome {
    left_out()
}

pub(super) fn authority(_: &mut Scope<'_>, _: &mut [Value]) -> Outcome {
    left_out()
}

pub(super) fn self_signed(_: &mut Scope<'_>, _: &mut [Value]) -> Outcome {
    left_out()
}

pub(super) fn signed(_: &mut Scope<'_>, _: &mut [Value]) -> Outcome {
    left_out()
}
