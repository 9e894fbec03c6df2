//! Reactions out of the bytes of a body, as far as they can be read. What they say is checked elsewhere.

use super::body;
use super::dto::ReactionIn;
use super::elements::Elements;
use super::error::Problem;
use super::lines;

/// Reactions that one request may carry.
const MAX_BATCH: usize = 10_000;

/// A reaction as far as it could be read.
pub(super) type Read<'a> = Result<ReactionIn<'a>, Problem>;

/// One reaction. The outer error is of a body that is not JSON.
pub(super) fn one(bytes: &[u8]) -> Result<Read<'_>, Problem> {
    // What is known to be text as a whole need not be asked so string by string.
    let read = match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    };
    match read {
        Ok(reaction) => Ok(Ok(reaction)),
        Err(error) if error.is_data() => Ok(Err(body::invalid(bytes))),
        Err(error) => Err(Problem::bad_json(error.to_string())),
    }
}

/// An array. In one go if all of them have the right shape, else one by one, so that each wrong one rejects only itself.
pub(super) fn array(bytes: &[u8]) -> Result<Vec<Read<'_>>, Problem> {
    let text = std::str::from_utf8(bytes).ok();
    let at_once = text.and_then(|text| serde_json::from_str::<Vec<ReactionIn<'_>>>(text).ok());
    if let Some(reactions) = at_once {
        within_batch(reactions.len())?;
        return Ok(reactions.into_iter().map(Ok).collect());
    }
    let elements =
        Elements::<MAX_BATCH>::read(bytes).map_err(|error| Problem::bad_json(error.to_string()))?;
    within_batch(elements.number)?;
    let texts = elements.kept.into_iter().map(str::as_bytes);
    Ok(texts.map(element).collect())
}

/// As an array, one on each line.
pub(super) fn lines(bytes: &[u8]) -> Result<Vec<Read<'_>>, Problem> {
    if let Some(reactions) = std::str::from_utf8(bytes).ok().and_then(lines::read) {
        within_batch(reactions.len())?;
        return Ok(reactions.into_iter().map(Ok).collect());
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    let filled = lines.filter(|line| first_byte(line).is_some());
    within_batch(filled.clone().count())?;
    Ok(filled.map(element).collect())
}

fn within_batch(number: usize) -> Result<(), Problem> {
    if number > MAX_BATCH {
        let detail = format!("one request carries at most {MAX_BATCH} reactions");
        return Err(body::too_large(detail));
    }
    Ok(())
}

fn element(bytes: &[u8]) -> Read<'_> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            body::invalid(bytes)
        } else {
            Problem::bad_json(error.to_string())
        }
    })
}

/// The first byte that is not blank.
pub(super) fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes
        .iter()
        .copied()
        .find(|byte| !byte.is_ascii_whitespace())
}
