//! Deployments as others are told of them: commit statuses, and later notifications.

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployState {
    /// It began.
    Pending,
    /// It is live.
    Success,
    /// It failed.
    Failure,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployEvent {
    /// The application.
    pub app: String,
    /// The repository, as the Application names it.
    pub repo_url: String,
    /// The commit.
    pub revision: String,
    /// How far it is.
    pub state: DeployState,
    /// One sentence.
    pub description: String,
    /// Where to look.
    pub link: String,
}

/// Whoever wants to know. Called from the engine's own tasks: hand the event on and return.
pub trait Report: Send + Sync {
    /// A deployment began or ended.
    fn deployed(&self, event: DeployEvent);
}
