//! Numbers as text that fits: grouped figures, bars and sparklines.

/// Eighths of a cell from the left.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Eighths of a cell from below.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Larger and larger.
const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];

/// A number with its thousands apart, right-aligned; rounded to a unit where it would be wider. A width of 0 is any.
pub(super) fn number(value: u64, width: usize) -> String {
    let grouped = grouped(value);
    if width == 0 {
        return grouped;
    }
    if grouped.len() <= width {
        return format!("{grouped:>width$}");
    }
    let mut rest = value as f64;
    let mut unit = "";
    for next in UNITS {
        if rest < 1000.0 {
            break;
        }
        rest /= 1000.0;
        unit = next;
    }
    let short = format!("{rest:.1}{unit}");
    format!("{short:>width$}")
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share from 0 to 1 as a bar; what is not nothing is seen.
pub(super) fn bar(share: f64, width: usize) -> String {
    if share <= 0.0 {
        return String::new();
    }
    let eighths = (share.min(1.0) * (width * 8) as f64).round().max(1.0) as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = (eighths % 8).checked_sub(1) {
        bar.push(EIGHTHS[part]);
    }
    bar
}

/// A column per value, the largest as high as it goes; nothing at all is a blank.
pub(super) fn spark(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or_default();
    let column = |&value: &u64| {
        if value == 0 {
            return ' ';
        }
        let height = (value as f64 / most as f64 * 8.0).ceil() as usize;
        HEIGHTS[height.clamp(1, 8) - 1]
    };
    values.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_always_as_wide() {
        assert_eq!(number(7, 5), "    7");
        assert_eq!(number(1_234, 5), "1,234");
        assert_eq!(number(12_345, 5), "12.3k");
        assert_eq!(number(999, 0), "999");
        assert_eq!(number(1_234_567, 0), "1,234,567");
        assert_eq!(number(u64::MAX, 10), "     18.4E");
    }

    #[test]
    fn bars_are_exact_to_an_eighth_and_show_whatever_is_there() {
        assert_eq!(bar(0.0, 4), "");
        assert_eq!(bar(0.0001, 4), "▏");
        assert_eq!(bar(0.5, 4), "██");
        assert_eq!(bar(0.375, 4), "█▌");
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(7.0, 4), "████");
    }

    #[test]
    fn sparklines_reach_from_nothing_to_the_most() {
        assert_eq!(spark(&[]), "");
        assert_eq!(spark(&[0, 0]), "  ");
        assert_eq!(spark(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(spark(&[1, 1_000_000]), "▁█");
    }
}
