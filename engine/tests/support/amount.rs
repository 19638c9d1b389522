//! Amounts as the drawings write them: `30`, `500m`, `0.5`, `10/4` for two resources.

/// The resources a drawing may use, in the order of their amounts.
pub const RESOURCES: [&str; 2] = ["cpu", "gpu"];

/// Base units in one unit of the resource: cpu is counted in millicores.
fn scale(resource: usize) -> i64 {
    if resource == 0 { 1000 } else { 1 }
}

/// Reads one amount of one resource, in base units.
fn parse_one(text: &str, resource: usize) -> i64 {
    let bad = || panic!("`{text}` is no amount");
    if let Some(milli) = text.strip_suffix('m') {
        return milli.parse().unwrap_or_else(|_| bad());
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().unwrap_or_else(|_| bad());
    let thousandths: i64 = format!("{part:0<3}").parse().unwrap_or_else(|_| bad());
    whole * scale(resource) + thousandths * scale(resource) / 1000
}

/// Reads amounts separated by `/`; `-` is an absent one.
pub fn parse_sparse(text: &str) -> Vec<Option<i64>> {
    let one = |(resource, part)| (part != "-").then(|| parse_one(part, resource));
    text.split('/').enumerate().map(one).collect()
}

/// Reads amounts separated by `/`; absent ones are 0.
pub fn parse(text: &str) -> Vec<i64> {
    let amounts = parse_sparse(text);
    amounts.into_iter().map(Option::unwrap_or_default).collect()
}

/// Writes one amount as the drawings do.
pub fn show_one(amount: i64, resource: usize) -> String {
    let scale = scale(resource);
    if amount % scale == 0 {
        (amount / scale).to_string()
    } else {
        format!("{amount}m")
    }
}

/// Writes amounts separated by `/`.
pub fn show(amounts: &[i64]) -> String {
    let shown = amounts.iter().enumerate();
    let shown: Vec<_> = shown.map(|(r, &amount)| show_one(amount, r)).collect();
    shown.join("/")
}

/// Reads `90s`, `1500ms`, `2m` as milliseconds.
pub fn parse_time(text: &str) -> i64 {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let of_unit =
        |&(unit, ms): &(&str, i64)| text.strip_suffix(unit)?.parse::<i64>().ok().map(|n| n * ms);
    let time = units.iter().find_map(of_unit);
    time.unwrap_or_else(|| panic!("`{text}` is no time"))
}

/// Writes milliseconds as seconds where that is exact.
pub fn show_time(ms: i64) -> String {
    if ms % 1000 == 0 {
        format!("{}s", ms / 1000)
    } else {
        format!("{ms}ms")
    }
}
