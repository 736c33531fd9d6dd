//! Who may call: everybody on a loopback address, or whoever has a token.

use std::fmt;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::Api;
use crate::error::ApiError;

/// A token and whose it is.
#[derive(Clone)]
pub struct Token {
    /// The account, as the audit log names it.
    pub account: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("account", &self.account).finish_non_exhaustive()
    }
}

/// The rule.
#[derive(Clone, Debug)]
pub struct Access {
    tokens: Vec<Token>,
}

/// The account behind a request.
#[derive(Clone, Debug)]
pub(crate) struct Account(pub(crate) String);

impl Access {
    /// Everybody may do everything: for a server that listens on a loopback address only.
    pub fn anonymous() -> Access {
        Access { tokens: Vec::new() }
    }

    /// Only holders of one of these tokens. With none, nobody is asked for one.
    pub fn tokens(tokens: Vec<Token>) -> Access {
        Access { tokens }
    }

    fn account(&self, authorization: Option<&str>) -> Option<Account> {
        if self.tokens.is_empty() {
            return Some(Account("anonymous".to_owned()));
        }
        let given = authorization?.strip_prefix("Bearer ")?.as_bytes();
        // Every token is compared, so that the time tells nothing about which one was nearly right.
        let mut found = None;
        for token in &self.tokens {
            if bool::from(token.secret.as_bytes().ct_eq(given)) {
                found = Some(Account(token.account.clone()));
            }
        }
        found
    }
}

/// Lets a request through with its account, or answers 401 or 415.
pub(crate) async fn guard(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    // Read before anything is waited for: a request's body cannot be shared between threads.
    let (authorization, content_type) = {
        let text = |name| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        (text(header::AUTHORIZATION), text(header::CONTENT_TYPE))
    };
    let Some(account) = api.access.account(authorization.as_deref()) else {
        return ApiError::Unauthenticated.into_response();
    };
    let json = content_type.is_some_and(|t| t.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"));
    if !matches!(*request.method(), Method::GET | Method::HEAD) && !json {
        return ApiError::ContentType.into_response();
    }
    request.extensions_mut().insert(account);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_account_and_is_never_shown() {
        let access = Access::tokens(vec![Token { account: "ci".into(), secret: "s3cret".into() }]);
        assert_eq!(access.account(Some("Bearer s3cret")).map(|a| a.0).as_deref(), Some("ci"));
        assert!(access.account(Some("Bearer s3cre")).is_none());
        assert!(access.account(None).is_none());
        assert!(!format!("{access:?}").contains("s3cret"));
        assert!(Access::anonymous().account(None).is_some());
    }
}
