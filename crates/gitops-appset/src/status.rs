//! What a set's status says of a pass: conditions and health. `applicationset.md` §6.

use gitops_health::{Health, HealthStatus};

use crate::change::Changes;
use crate::error::ExpandError;
use crate::rollout::Rollout;

/// What a pass over a set came to.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// It could not be expanded.
    Failed(&'a ExpandError),
    /// It was expanded and compared; `written` is the first failure to write, by the name of the application.
    Applied {
        /// What was to be done.
        changes: &'a Changes,
        /// What could not be written.
        written: Result<(), WriteFailure<'a>>,
    },
}

/// A change that could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteFailure<'a> {
    /// Which kind of change.
    pub change: Change,
    /// Why.
    pub message: &'a str,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new application.
    Create,
    /// A changed one.
    Update,
    /// One that goes.
    Delete,
}

/// One entry of `status.conditions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCondition {
    /// Its type.
    pub kind: &'static str,
    /// `True` or `False` on the wire.
    pub holds: bool,
    /// Reason, in one word.
    pub reason: &'static str,
    /// Reason, for people.
    pub message: String,
}

const UP_TO_DATE: &str = "All applications have been generated successfully";
const GENERATED: &str = "Successfully generated parameters for all Applications";

/// The conditions of a pass. `rollout` is given where syncs go in steps.
pub fn conditions(outcome: Outcome<'_>, rollout: Option<&Rollout>) -> Vec<SetCondition> {
    let condition = |kind, holds, reason, message: &str| SetCondition { kind, holds, reason, message: message.to_owned() };
    let error = failure(outcome, rollout);
    let mut out = Vec::new();
    match &error {
        Some((reason, message)) => {
            out.push(condition("ErrorOccurred", true, reason, message));
            let generated = !matches!(outcome, Outcome::Failed(_));
            let (reason, said) = if generated { ("ParametersGenerated", GENERATED) } else { ("ErrorOccurred", message.as_str()) };
            out.push(condition("ParametersGenerated", generated, reason, said));
            out.push(condition("ResourcesUpToDate", false, "ErrorOccurred", message));
        }
        None => {
            out.push(condition("ErrorOccurred", false, "ApplicationSetUpToDate", UP_TO_DATE));
            out.push(condition("ParametersGenerated", true, "ParametersGenerated", GENERATED));
            out.push(condition("ResourcesUpToDate", true, "ApplicationSetUpToDate", UP_TO_DATE));
        }
    }
    if let Some(rollout) = rollout {
        out.push(match rollout.step {
            Some(step) => {
                let message = format!("ApplicationSet is performing rollout of step {step}");
                condition("RolloutProgressing", true, "ApplicationSetModified", &message)
            }
            None => condition("RolloutProgressing", false, "ApplicationSetRolloutComplete", "ApplicationSet Rollout has completed"),
        });
        let wrong = rollout.problems.join("; ");
        let (reason, message) = if wrong.is_empty() {
            ("ApplicationSetValidRolloutConfig", "ApplicationSet Rollout config is valid")
        } else {
            ("ApplicationSetInvalidRolloutConfig", wrong.as_str())
        };
        out.push(condition("InvalidRolloutConfig", !wrong.is_empty(), reason, message));
    }
    out
}

fn failure(outcome: Outcome<'_>, rollout: Option<&Rollout>) -> Option<(&'static str, String)> {
    let changes = match outcome {
        Outcome::Failed(error @ ExpandError::Template { .. }) => return Some(("RenderTemplateParamsError", error.to_string())),
        Outcome::Failed(error) => return Some(("ApplicationGenerationFromParamsError", error.to_string())),
        Outcome::Applied { written: Err(WriteFailure { change, message }), .. } => {
            let reason = match change {
                Change::Create => "CreateApplicationError",
                Change::Update => "UpdateApplicationError",
                Change::Delete => "DeleteApplicationError",
            };
            return Some((reason, message.to_owned()));
        }
        Outcome::Applied { changes, .. } => changes,
    };
    if let Some(guard) = &changes.guard {
        return Some(("DeleteApplicationError", guard.to_string()));
    }
    if let Some(last) = changes.problems.last() {
        let more = changes.problems.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        return Some(("ApplicationValidationError", format!("{}{more}", last.reason)));
    }
    // Without steps nothing is ever synced, which is an error; other faults of the steps are only told.
    let no_steps = rollout.filter(|r| r.progress.is_empty() && r.step.is_none()).and_then(|r| r.problems.first());
    no_steps.map(|problem| ("ApplicationSetRolloutError", problem.clone()))
}

/// The health of a set, from its conditions.
pub fn set_health(conditions: &[SetCondition]) -> Health {
    let order = [
        ("ErrorOccurred", HealthStatus::Degraded),
        ("RolloutProgressing", HealthStatus::Progressing),
        ("ResourcesUpToDate", HealthStatus::Healthy),
    ];
    let decisive = order.iter().find_map(|(kind, status)| Some((conditions.iter().find(|c| c.kind == *kind && c.holds)?, *status)));
    match decisive {
        Some((condition, status)) => Health::new(status, condition.message.clone()),
        None => Health::new(HealthStatus::Unknown, "Waiting for health check"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Guard;
    use crate::expand::ApplicationProblem;
    use crate::world::WorldError;

    fn shown(outcome: Outcome<'_>, rollout: Option<&Rollout>) -> (Vec<String>, HealthStatus) {
        let conditions = conditions(outcome, rollout);
        let lines = conditions.iter().map(|c| format!("{}={} {}", c.kind, c.holds, c.reason)).collect();
        (lines, set_health(&conditions).status)
    }

    fn problem(reason: &str) -> ApplicationProblem {
        ApplicationProblem { name: "a".into(), reason: reason.into() }
    }

    #[test]
    fn each_reason() {
        let world = ExpandError::World { at: "g".into(), source: WorldError::NotFound { what: "x".into() } };
        let template = ExpandError::Template { at: "t".into(), template: "{{".into(), reason: "r".into() };
        let good = Changes::default();
        let invalid = Changes { problems: vec![problem("one"), problem("two")], ..Changes::default() };
        let guarded = Changes { guard: Some(Guard::Empty { set: "s".into(), live: 2 }), ..Changes::default() };
        let applied = |changes| Outcome::Applied { changes, written: Ok(()) };
        let failed = |change| Outcome::Applied { changes: &good, written: Err(WriteFailure { change, message: "boom" }) };
        for (outcome, reason, generated) in [
            (Outcome::Failed(&world), "ApplicationGenerationFromParamsError", false),
            (Outcome::Failed(&template), "RenderTemplateParamsError", false),
            (applied(&invalid), "ApplicationValidationError", true),
            (applied(&guarded), "DeleteApplicationError", true),
            (failed(Change::Create), "CreateApplicationError", true),
            (failed(Change::Update), "UpdateApplicationError", true),
            (failed(Change::Delete), "DeleteApplicationError", true),
        ] {
            let (lines, health) = shown(outcome, None);
            assert_eq!(lines[0], format!("ErrorOccurred=true {reason}"));
            assert!(lines[1].starts_with(&format!("ParametersGenerated={generated} ")), "{lines:?}");
            assert_eq!(lines[2], "ResourcesUpToDate=false ErrorOccurred");
            assert_eq!(health, HealthStatus::Degraded);
        }
        assert_eq!(conditions(applied(&invalid), None)[0].message, "two (and 1 more)");
        let (lines, health) = shown(applied(&good), None);
        assert_eq!(lines[0], "ErrorOccurred=false ApplicationSetUpToDate");
        assert_eq!(health, HealthStatus::Healthy);
        assert_eq!(set_health(&[]).status, HealthStatus::Unknown);
    }

    #[test]
    fn rollouts() {
        let good = Changes::default();
        let outcome = Outcome::Applied { changes: &good, written: Ok(()) };
        let moving = Rollout { step: Some(2), problems: vec!["odd".into()], ..Rollout::default() };
        let (lines, health) = shown(outcome, Some(&moving));
        assert_eq!(
            lines[3..],
            ["RolloutProgressing=true ApplicationSetModified", "InvalidRolloutConfig=true ApplicationSetInvalidRolloutConfig"]
        );
        assert_eq!(health, HealthStatus::Progressing);
        let (lines, health) = shown(outcome, Some(&Rollout::default()));
        assert_eq!(lines[3], "RolloutProgressing=false ApplicationSetRolloutComplete");
        assert_eq!(health, HealthStatus::Healthy);
        let none = Rollout { problems: vec!["No steps defined for rollout".into()], ..Rollout::default() };
        assert_eq!(shown(outcome, Some(&none)).0[0], "ErrorOccurred=true ApplicationSetRolloutError");
    }
}
