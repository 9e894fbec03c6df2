//! The address of a node, as its clients are given it.

use std::fmt::Display;

use url::Url;

/// Reads what `--url` was given; routes can be joined to the result.
///
/// # Errors
///
/// It cannot be an address of a node.
pub(super) fn node_url(url: &str) -> Result<Url, String> {
    let expected = "expected the address of a node, such as http://localhost:5001";
    let mut base = Url::parse(url).map_err(|_| format!("--url is {url:?}: {expected}"))?;
    if base.scheme() == "https" {
        let reason = "TLS ends in front of a node, and is not spoken here";
        return Err(format!("--url is {url:?}: {reason}; {expected}"));
    }
    if base.scheme() != "http" || base.host().is_none() {
        return Err(format!("--url is {url:?}: {expected}"));
    }
    base.set_query(None);
    base.set_fragment(None);
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    Ok(base)
}

/// Why nobody answers there, and what to do.
pub(super) fn no_node(address: &str, error: &impl Display) -> String {
    format!("no node answers at {address} ({error}): `emostream` starts one")
}
