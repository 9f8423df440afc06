//! When two JSON values are equal, and a text that stands for a value.

use serde_json::{Number, Value};

use crate::model::Digest;

/// Equality of JSON values: numbers by value (`1`, `1.0` and `1e0` are one), objects
/// without regard to the order of their members.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal_numbers(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

fn equal_numbers(a: &Number, b: &Number) -> bool {
    if a == b {
        return true;
    }
    // Two integers that are not equal exactly are not equal; going through f64 would
    // make 2^53 and 2^53 + 1 the same.
    let is_integer = |n: &Number| n.is_i64() || n.is_u64();
    !(is_integer(a) && is_integer(b)) && a.as_f64() == b.as_f64()
}

/// One text for all equal values: sorted members, numbers in one form. For use as a map's
/// key and under a digest; never written into a document.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => out.push_str(&canonical_number(number)),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in names {
                write_string(name, out);
                out.push(':');
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::String(text) => write_string(text, out),
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
    }
}

/// As JSON. A list of permissions is a thousand texts with nothing in them to escape.
fn write_string(text: &str, out: &mut String) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        out.push_str(&Value::from(text).to_string());
    } else {
        out.reserve(text.len() + 2);
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

fn canonical_number(number: &Number) -> String {
    // 2^53: up to here a float that is whole and an integer are the same number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
            format!("{float:.0}").replace("-0", "0")
        }
        _ => number.to_string(),
    }
}

/// The digest of a value, the same for equal values.
#[must_use]
pub fn digest(value: &Value) -> Digest {
    Digest::of(canonical(value).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_equal_by_value() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect(text);
        assert!(equal(&parse("1"), &parse("1.0")));
        assert!(equal(&parse("100"), &parse("1e2")));
        assert!(!equal(&parse("1"), &parse("1.5")));
        assert!(!equal(&parse("9007199254740992"), &parse("9007199254740993")));
        assert!(equal(&parse("[0, -0.0]"), &parse("[-0.0, 0]")));
    }

    #[test]
    fn null_is_a_value_and_order_of_members_is_not() {
        assert!(!equal(&json!({"a": null}), &json!({})));
        assert!(equal(&json!({"a": 1, "b": 2}), &json!({"b": 2.0, "a": 1})));
        assert!(!equal(&json!([1, 2]), &json!([2, 1])));
    }

    fn any_number() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::from),
            (-3i64..3).prop_map(Value::from),
            (-3i32..3).prop_map(|n| Value::from(f64::from(n))),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn a_text_in_a_canonical_text_is_as_json_has_it(text in ".*") {
            prop_assert_eq!(canonical(&Value::from(text.as_str())), Value::from(text.as_str()).to_string());
        }

        #[test]
        fn canonical_texts_are_equal_exactly_when_values_are(a in any_number(), b in any_number()) {
            prop_assert_eq!(equal(&a, &b), canonical(&a) == canonical(&b), "{} {}", a, b);
        }
    }
}
