//! Quantities against a table of what Kubernetes does and against a slow model.

use super::{Format, Quantity};
use proptest::prelude::*;

fn parse(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn nano(text: &str) -> i128 {
    parse(text).nano()
}

#[test]
fn every_form_that_kubernetes_knows_is_read() {
    let units = |units: i128| units * 1_000_000_000;
    for (text, expected) in [
        ("0", 0),
        ("-0", 0),
        ("1n", 1),
        ("1u", 1_000),
        ("1m", 1_000_000),
        ("1", units(1)),
        ("1k", units(1_000)),
        ("1M", units(1_000_000)),
        ("1G", units(1_000_000_000)),
        ("1T", units(1_000_000_000_000)),
        ("1P", units(1_000_000_000_000_000)),
        ("1E", units(1_000_000_000_000_000_000)),
        ("1Ki", units(1 << 10)),
        ("1Mi", units(1 << 20)),
        ("1Gi", units(1 << 30)),
        ("1Ti", units(1 << 40)),
        ("1Pi", units(1 << 50)),
        ("1Ei", units(1 << 60)),
        ("1e3", units(1_000)),
        ("1E3", units(1_000)),
        ("1e+3", units(1_000)),
        ("12e-1", 1_200_000_000),
        ("1.5E-1", 150_000_000),
        ("+4", units(4)),
        ("-4", -units(4)),
        (".5", 500_000_000),
        ("-.5", -500_000_000),
        ("1.", units(1)),
        ("1.Gi", units(1 << 30)),
        ("0.5Ki", units(512)),
        ("007", units(7)),
        ("0e999", 0),
        // An f64 would read ...992 here.
        ("9007199254740993", units(9_007_199_254_740_993)),
        ("0.0000000000000000000000000000000001e34", units(1)),
        ("1000000000000000000000000000000e-30", units(1)),
    ] {
        assert_eq!(nano(text), expected, "{text}");
    }
}

#[test]
fn what_is_finer_than_a_nano_unit_is_rounded_away_from_zero() {
    for (text, expected) in [
        ("0.1n", 1),
        ("-0.1n", -1),
        ("1.0000000001", 1_000_000_001),
        ("1e-400", 1),
        ("-1e-99999999999999999999", -1),
        ("0.0000000001Ki", 103),
        (
            "0.33333333333333333333333333333333333333333333333333",
            333_333_334,
        ),
        (
            "0.99999999999999999999999999999999999999999999999999",
            1_000_000_000,
        ),
    ] {
        assert_eq!(nano(text), expected, "{text}");
    }
}

#[test]
fn powers_of_1024_end_at_the_largest_i64_as_in_kubernetes() {
    let most = i128::from(i64::MAX) * 1_000_000_000;
    for text in [
        "8Ei",
        "9999Ei",
        "9999999999999999999999999999999999999999Ki",
    ] {
        assert_eq!(nano(text), most, "{text}");
    }
    assert_eq!(nano("-8Ei"), -most);
}

#[test]
fn what_is_no_quantity_is_refused_with_what_would_be_right() {
    for (text, problem) in [
        (
            "",
            "\"\" is no quantity: a number must come first, as in 4, 500m, 1.5 or 64Gi",
        ),
        (
            "+",
            "\"+\" is no quantity: a number must come first, as in 4, 500m, 1.5 or 64Gi",
        ),
        (
            ".",
            "\".\" is no quantity: a number must come first, as in 4, 500m, 1.5 or 64Gi",
        ),
        (
            "Gi",
            "\"Gi\" is no quantity: a number must come first, as in 4, 500m, 1.5 or 64Gi",
        ),
        (
            "64GB",
            "\"64GB\" is no quantity: unknown suffix \"GB\", perhaps \"G\" is meant",
        ),
        (
            "1K",
            "\"1K\" is no quantity: unknown suffix \"K\", perhaps \"k\" is meant",
        ),
        (
            "1e",
            "\"1e\" is no quantity: unknown suffix \"e\"; there are n u m k M G T P E, Ki Mi Gi Ti Pi Ei and \
             exponents such as e3",
        ),
        ("1e30", "\"1e30\" is too large: a quantity holds up to 1e29"),
    ] {
        assert_eq!(text.parse::<Quantity>().unwrap_err().to_string(), problem);
    }
    for text in [
        " 1", "1 ", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "aoeu", ".5i", "1i", "-3.01i", "--1",
        "1e1.5", "１",
    ] {
        assert!(text.parse::<Quantity>().is_err(), "{text:?}");
    }
}

#[test]
fn printing_is_canonical_as_in_kubernetes() {
    for (text, canonical) in [
        ("0", "0"),
        ("0Ki", "0"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("0.1", "100m"),
        ("100k", "100k"),
        ("1000k", "1M"),
        ("123456789n", "123456789n"),
        ("1024Ki", "1Mi"),
        ("1.5Gi", "1536Mi"),
        ("512Ki", "512Ki"),
        ("1000Ki", "1000Ki"),
        ("0.5Ki", "512"),
        ("1023", "1023"),
        ("1Ki", "1Ki"),
        ("0.0001Ki", "102400u"),
        ("1.0001Ki", "1024102400u"),
        ("-2048Ki", "-2Mi"),
        ("1e3", "1e3"),
        ("1e4", "10e3"),
        ("1e-1", "100e-3"),
        ("1e0", "1"),
        ("1E", "1E"),
        ("1E3", "1e3"),
        ("1000E", "1000E"),
        ("8Ei", "9223372036854775807"),
    ] {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
    }
}

#[test]
fn base_units_are_millicores_bytes_and_counts_rounded_up() {
    for (resource, text, expected) in [
        ("cpu", "1", Some(1000)),
        ("cpu", "100u", Some(1)),
        ("cpu", "1500100n", Some(2)),
        ("memory", "1Gi", Some(1 << 30)),
        ("memory", "1500m", Some(2)),
        ("nvidia.com/gpu", "0.5", Some(1)),
        ("pods", "110", Some(110)),
        ("memory", "8Ei", Some(i64::MAX)),
        ("memory", "10E", None),
        ("cpu", "9223372036854775808m", None),
    ] {
        assert_eq!(
            parse(text).base_units(resource),
            expected,
            "{resource} {text}"
        );
    }
    assert_eq!(
        Quantity::from_base_units("memory", 1 << 31).to_string(),
        "2Gi"
    );
    assert_eq!(Quantity::from_base_units("cpu", 2500).to_string(), "2500m");
    assert_eq!(Quantity::from_base_units("pods", 2048).to_string(), "2048");
}

#[test]
fn a_number_without_quotes_is_read_when_it_is_whole() {
    let read = |json: &str| serde_json::from_str::<Quantity>(json);
    assert_eq!(read("4").unwrap(), parse("4"));
    assert_eq!(read("-4").unwrap(), parse("-4"));
    assert_eq!(read("\"500m\"").unwrap(), parse("500m"));
    let problem = read("0.5").unwrap_err().to_string();
    assert!(
        problem.contains("0.5 has a fraction and is not in quotes; write \"0.5\""),
        "{problem}"
    );
    assert_eq!(serde_json::to_string(&parse("1000m")).unwrap(), "\"1\"");
}

/// The digits of a natural number, last first: slow and obvious arithmetic to compare with.
#[derive(Clone, Debug, PartialEq)]
struct Digits(Vec<u8>);

impl Digits {
    fn of(text: &str) -> Digits {
        Digits(text.bytes().rev().map(|byte| byte - b'0').collect())
    }

    fn double(&self) -> Digits {
        let mut carry = 0;
        let mut doubled: Vec<u8> = self
            .0
            .iter()
            .map(|digit| {
                let sum = digit * 2 + carry;
                carry = sum / 10;
                sum % 10
            })
            .collect();
        if carry > 0 {
            doubled.push(carry);
        }
        Digits(doubled)
    }

    /// Divided by a power of ten, rounded up, as an `i128`. `None` if it is too large.
    fn shifted_right_up(&self, places: usize) -> Option<i128> {
        let kept: String = self
            .0
            .iter()
            .skip(places)
            .rev()
            .map(|digit| char::from(b'0' + digit))
            .collect();
        let lost = self.0.iter().take(places).any(|&digit| digit != 0);
        let kept = kept.trim_start_matches('0');
        let kept: i128 = if kept.is_empty() {
            0
        } else {
            kept.parse().ok()?
        };
        kept.checked_add(i128::from(lost))
    }
}

/// The amount in nano units by moving a decimal point in a string.
fn slow_nano(whole: &str, fraction: &str, doublings: u32, ten: i32) -> Option<i128> {
    let mut digits = Digits::of(&format!("{whole}{fraction}"));
    for _ in 0..doublings {
        digits = digits.double();
    }
    let right = i32::try_from(fraction.len()).unwrap() - ten - 9;
    match usize::try_from(right) {
        Ok(places) => digits.shifted_right_up(places),
        Err(_) => {
            let zeros = vec![0; usize::try_from(-right).unwrap()];
            Digits([zeros, digits.0].concat()).shifted_right_up(0)
        }
    }
}

const SUFFIXES: [(&str, u32, i32); 16] = [
    ("n", 0, -9),
    ("u", 0, -6),
    ("m", 0, -3),
    ("", 0, 0),
    ("k", 0, 3),
    ("M", 0, 6),
    ("G", 0, 9),
    ("T", 0, 12),
    ("P", 0, 15),
    ("E", 0, 18),
    ("Ki", 10, 0),
    ("Mi", 20, 0),
    ("Gi", 30, 0),
    ("Ti", 40, 0),
    ("Pi", 50, 0),
    ("Ei", 60, 0),
];

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![
        Just(Format::DecimalSi),
        Just(Format::BinarySi),
        Just(Format::DecimalExponent)
    ]
}

/// Amounts of every size, many of them round.
fn amounts() -> impl Strategy<Value = i128> {
    (any::<i64>(), 0..20u32, any::<bool>()).prop_map(|(small, zeros, nano)| {
        let unit = if nano { 1 } else { 1_000_000_000 };
        let amount = i128::from(small >> (zeros * 3)) * unit;
        amount * if zeros % 2 == 0 { 1 } else { 1024 }
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(nano in amounts(), format in formats()) {
        let quantity = Quantity::from_nano(nano, format);
        let printed = quantity.to_string();
        prop_assert_eq!(parse(&printed), quantity, "{}", printed);
        prop_assert_eq!(parse(&printed).to_string(), printed);
    }

    #[test]
    fn reading_agrees_with_slow_decimal_arithmetic(
        negative in any::<bool>(),
        whole in "[0-9]{1,20}",
        fraction in "[0-9]{0,30}",
        suffix in 0..SUFFIXES.len(),
    ) {
        let (suffix, doublings, ten) = SUFFIXES[suffix];
        let sign = if negative { "-" } else { "" };
        let text = format!("{sign}{whole}.{fraction}{suffix}");
        let mut expected = slow_nano(&whole, &fraction, doublings, ten);
        if doublings > 0 {
            let most = i128::from(i64::MAX) * 1_000_000_000;
            expected = Some(expected.unwrap_or(most).min(most));
        }
        let expected = expected.map(|nano| if negative { -nano } else { nano });
        prop_assert_eq!(text.parse::<Quantity>().ok().map(Quantity::nano), expected, "{}", text);
    }

    #[test]
    fn exponents_agree_with_slow_decimal_arithmetic(
        whole in "[0-9]{1,20}",
        fraction in "[0-9]{0,30}",
        exponent in -60..25i32,
    ) {
        let text = format!("{whole}.{fraction}e{exponent}");
        let expected = slow_nano(&whole, &fraction, 0, exponent);
        prop_assert_eq!(text.parse::<Quantity>().ok().map(Quantity::nano), expected, "{}", text);
    }

    #[test]
    fn order_is_that_of_the_amounts(a in amounts(), b in amounts(), f in formats(), g in formats()) {
        let (left, right) = (Quantity::from_nano(a, f), Quantity::from_nano(b, g));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert_eq!(left == right, a == b);
    }

    #[test]
    fn rounding_up_never_loses_any_and_adds_less_than_one(nano in amounts()) {
        let quantity = Quantity::from_nano(nano, Format::DecimalSi);
        for (rounded, unit) in [(quantity.units(), 1_000_000_000), (quantity.milli(), 1_000_000)] {
            let more = rounded.abs() * unit - nano.abs();
            prop_assert!((0..unit).contains(&more), "{} became {}", nano, rounded);
            prop_assert!(rounded.signum() * nano.signum() >= 0);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9.eEinumkKMGTP ]{0,12}") {
        if let Ok(quantity) = text.parse::<Quantity>() {
            prop_assert_eq!(parse(&quantity.to_string()), quantity);
        }
    }
}
