//! What a started node says on standard output.

use std::net::SocketAddr;

use url::Url;

/// What there is to say.
pub(super) struct Banner<'a> {
    /// As bound, with real ports.
    pub(super) addresses: &'a [SocketAddr],
    pub(super) public_url: Option<&'a Url>,
    /// Only if it was generated: a configured one is known to its owner.
    pub(super) token: Option<&'a str>,
}

impl Banner<'_> {
    /// For a person at a terminal.
    pub(super) fn pretty(&self) -> String {
        let (Some(first), Some(last)) = (self.addresses.first(), self.addresses.last()) else {
            return String::new();
        };
        let page = self
            .public_url
            .map_or_else(|| reachable(*last), |url| url.to_string());
        let api = reachable(*first);
        let dashboard = self.dashboard(&page);
        let mut text = format!(
            "\n  Emostream {version}\n\n  \
             page        {page}\n  \
             dashboard   {dashboard}\n  \
             API         {api}\n\n  \
             curl {api}/emoji -H 'content-type: application/json' \\\n    \
             -d '{{\"user_id\":\"me\",\"emoji_type\":\"🔥\",\"timestamp\":\"2026-01-01T20:00:00Z\"}}'\n\n",
            version = env!("CARGO_PKG_VERSION"),
        );
        if self.token.is_some() {
            text += "  behind #token= stands the admin token (generated, valid until this process ends)\n\n";
        }
        text
    }

    /// With the token behind a `#`, which a browser tells nobody.
    fn dashboard(&self, page: &str) -> String {
        let token = self.token.map(|token| format!("#token={token}"));
        let token = token.unwrap_or_default();
        format!("{}/dashboard{token}", page.trim_end_matches('/'))
    }

    /// For a program or a log collector: one fact per line.
    pub(super) fn plain(&self) -> String {
        let listening = self
            .addresses
            .iter()
            .map(|address| format!("listening on http://{address}\n"));
        let mut text: String = listening.collect();
        if let Some(token) = self.token {
            text += &format!("admin token (generated, valid until this process ends): {token}\n");
        }
        text
    }
}

/// The address to type into a browser on this machine.
fn reachable(address: SocketAddr) -> String {
    let ip = address.ip().to_canonical();
    if ip.is_loopback() || ip.is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_person_is_given_the_pages_the_api_and_a_first_request() {
        let addresses = addresses(&["192.0.2.1:80", "0.0.0.0:5001"]);
        let banner = Banner {
            addresses: &addresses,
            public_url: None,
            token: None,
        };
        let text = banner.pretty();
        assert!(
            text.contains("page        http://localhost:5001\n"),
            "{text}"
        );
        let dashboard = "dashboard   http://localhost:5001/dashboard\n";
        assert!(text.contains(dashboard), "{text}");
        assert!(text.contains("curl http://192.0.2.1:80/emoji"), "{text}");
        assert!(!text.contains("admin token"), "{text}");
    }

    #[test]
    fn a_public_url_is_the_page_if_there_is_one() {
        let url = Url::parse("https://emoji.example.org/live").unwrap();
        let banner = Banner {
            addresses: &addresses(&["127.0.0.1:1"]),
            public_url: Some(&url),
            token: None,
        };
        assert!(
            banner
                .pretty()
                .contains("page        https://emoji.example.org/live\n")
        );
    }

    #[test]
    fn a_program_is_given_one_line_per_address_and_the_token_once() {
        let addresses = addresses(&["127.0.0.1:5000", "[::1]:5001"]);
        let banner = Banner {
            addresses: &addresses,
            public_url: None,
            token: Some("secret"),
        };
        assert_eq!(
            banner.plain(),
            "listening on http://127.0.0.1:5000\n\
             listening on http://[::1]:5001\n\
             admin token (generated, valid until this process ends): secret\n"
        );
        let text = banner.pretty();
        assert!(text.contains("http://localhost:5001/dashboard#token=secret\n"));
        assert_eq!(text.matches("secret").count(), 1);
    }
}
