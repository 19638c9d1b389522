//! Durations and decimals as people write them, read exactly.

use engine::Span;

/// Unit and its milliseconds.
const UNITS: [(&str, i64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A duration such as `200ms`, `1.5s`, `1h30m` or `14d`.
///
/// # Errors
/// What is wrong with it, to be put behind the text itself.
pub fn parse(text: &str) -> Result<Span, String> {
    if text == "0" {
        return Ok(Span(0));
    }
    let mut rest = text;
    let mut total: i64 = 0;
    let mut last = i64::MAX;
    if rest.is_empty() {
        return Err("is empty".into());
    }
    if rest.starts_with('-') {
        return Err("is negative".into());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let length = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(length);
        let Some(&(_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "" if number == text => "has no unit".into(),
                "" => format!("cannot be read at {rest:?}"),
                _ => format!("has the unknown unit {unit:?}"),
            });
        };
        if scale >= last {
            return Err(format!("has {unit:?} behind a unit that is not larger"));
        }
        last = scale;
        let part = scaled(number, scale)
            .ok_or_else(|| format!("has no number before {unit:?} that is whole milliseconds"))?;
        total = total.checked_add(part).ok_or("is too long")?;
        rest = tail;
    }
    Ok(Span(total))
}

/// How a duration is written, the reverse of [`parse`].
pub fn show(span: Span) -> String {
    let mut rest = span.0;
    let mut text = String::new();
    for (unit, scale) in UNITS.iter().rev() {
        let n = rest / scale;
        if n != 0 {
            text.push_str(&format!("{n}{unit}"));
            rest -= n * scale;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// A decimal such as `0.95` or `2` in millionths.
pub fn millionths(text: &str) -> Option<i64> {
    scaled(text, 1_000_000)
}

/// A decimal times `scale`, if that is a whole number that fits.
fn scaled(text: &str, scale: i64) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let mut total = match whole {
        "" => 0,
        _ => whole.parse::<i64>().ok()?.checked_mul(scale)?,
    };
    let part = part.trim_end_matches('0');
    if !part.is_empty() {
        let power = 10_i64.checked_pow(u32::try_from(part.len()).ok()?)?;
        let scaled = part.parse::<i64>().ok()?.checked_mul(scale)?;
        if scaled % power != 0 {
            return None;
        }
        total = total.checked_add(scaled / power)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("200ms", 200),
            ("1.5s", 1500),
            ("1h30m", 5_400_000),
            ("14d", 1_209_600_000),
            ("36000s", 36_000_000),
            ("1m0.25s", 60_250),
        ] {
            assert_eq!(parse(text), Ok(Span(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_said() {
        for (text, what) in [
            ("", "is empty"),
            ("5", "has no unit"),
            ("-5s", "is negative"),
            ("5 s", "cannot be read at \"5 s\""),
            ("5sec", "has the unknown unit \"sec\""),
            ("s", "has no number before \"s\" that is whole milliseconds"),
            ("1m1h", "has \"h\" behind a unit that is not larger"),
            (
                "0.5ms",
                "has no number before \"ms\" that is whole milliseconds",
            ),
            (
                "999999999999999d",
                "has no number before \"d\" that is whole milliseconds",
            ),
        ] {
            assert_eq!(parse(text), Err(what.into()), "{text}");
        }
    }

    #[test]
    fn a_shown_duration_reads_back() {
        for ms in [0, 1, 999, 1000, 61_001, 86_400_000 + 3_600_000 + 5] {
            assert_eq!(parse(&show(Span(ms))), Ok(Span(ms)));
        }
    }
}
