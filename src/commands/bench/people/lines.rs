//! The crowd as a line of text, for pipes and logs.

use super::picture::Picture;

/// One line: two spaces between fields, one between a name and its figures.
pub(super) fn line(picture: &Picture) -> String {
    let Picture {
        elapsed,
        here,
        away,
        coming,
        counts,
        agreement,
        ..
    } = picture;
    let node = picture.node.unwrap_or_default();
    let mut line = format!(
        "{}s  here {here}  away {away}  coming {coming}  sent {}  accepted {}  limited {}  refused {}  unknown {}  \
         windows {}  node {} at {}  agree {}  differ {}  reconnects {}",
        elapsed.as_secs(),
        counts.sent,
        counts.accepted,
        counts.limited,
        counts.refused,
        counts.unknown,
        counts.windows,
        node.total,
        node.seq,
        agreement.agree,
        agreement.differ,
        counts.reconnects,
    );
    if let Some((words, count)) = picture.troubles.first() {
        line += &format!("  trouble {count} x {words}");
    }
    line.push('\n');
    line
}
