//! The bearer token of the admin routes.

use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::Problem;

const SCHEME: &[u8] = b"Bearer ";

/// Knows the token by its digest alone, so that no log or dump can show it.
#[derive(Clone)]
pub struct AdminToken {
    digest: [u8; 32],
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AdminToken")
    }
}

impl AdminToken {
    /// The given token.
    pub fn new(token: &str) -> Self {
        Self {
            digest: digest(token.as_bytes()),
        }
    }

    /// A fresh token of 32 random bytes in hexadecimal digits.
    pub fn generate() -> Result<String, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Lets the request pass if it bears the token. Digests are compared in constant time, so that neither length nor
    /// content of the token shows in the time of the answer.
    pub fn check(&self, request: &HttpRequest) -> Result<(), Problem> {
        let borne = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(SCHEME.len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
        let matches = borne.is_some_and(|(_, token)| digest(token).ct_eq(&self.digest).into());
        if matches {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "this route needs the header `Authorization: Bearer <admin token>`",
        ))
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn passes(token: &AdminToken, header: Option<&str>) -> bool {
        let mut request = TestRequest::default();
        if let Some(value) = header {
            request = request.insert_header((header::AUTHORIZATION, value));
        }
        token.check(&request.to_http_request()).is_ok()
    }

    #[test]
    fn only_the_token_itself_passes() {
        let token = AdminToken::new("correct horse battery");
        assert!(passes(&token, Some("Bearer correct horse battery")));
        for wrong in [
            "Bearer ",
            "Bearer correct horse",
            "correct horse battery",
            "Basic x",
        ] {
            assert!(!passes(&token, Some(wrong)), "{wrong} passes");
        }
        assert!(!passes(&token, None));
    }

    #[test]
    fn generated_tokens_are_long_and_differ() {
        let (one, other) = (
            AdminToken::generate().unwrap(),
            AdminToken::generate().unwrap(),
        );
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }
}
