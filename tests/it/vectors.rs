//! The published test suites of RFC 6902 and RFC 7396, through the path that plans are checked by.

use serde_json::Value;

use crate::sandbox::cases;

fn suite(name: &str) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(cases()?.join("vectors").join(name)).expect(name);
    Some(serde_json::from_str(&text).expect(name))
}

/// Applies a patch from its JSON text's value, as the checker does.
fn patched(document: &Value, patch: &Value) -> Result<Value, String> {
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|error| error.to_string())?;
    let mut document = document.clone();
    json_patch::patch(&mut document, &patch).map_err(|error| error.to_string())?;
    Ok(document)
}

#[test]
fn rfc_6902() {
    for name in ["rfc6902-tests.json", "rfc6902-spec-tests.json"] {
        let Some(suite) = suite(name) else { return };
        let (mut ran, mut wrong) = (0, Vec::new());
        for case in suite.iter().filter(|case| case.get("patch").is_some() && case.get("disabled").is_none())
        {
            ran += 1;
            let result = patched(&case["doc"], &case["patch"]);
            let is_right = match (case.get("expected"), case.get("error"), &result) {
                (Some(expected), _, Ok(found)) => found == expected,
                (None, Some(_), Err(_)) | (None, None, Ok(_)) => true,
                _ => false,
            };
            if !is_right {
                wrong.push(format!("{}: {result:?}", case["comment"]));
            }
        }
        println!("{name}: {ran} ran, {} failed", wrong.len());
        assert!(ran > 10 && wrong.is_empty(), "{name}: {wrong:#?}");
    }
}

#[test]
fn rfc_7396() {
    let Some(suite) = suite("rfc7396.json") else { return };
    println!("rfc7396.json: {} cases", suite.len());
    for case in &suite {
        let field =
            |names: &[&str]| names.iter().find_map(|name| case.get(name)).cloned().unwrap_or(Value::Null);
        let mut document = field(&["original", "doc", "target"]);
        json_patch::merge(&mut document, &field(&["patch"]));
        assert_eq!(document, field(&["result", "expected"]), "{case}");
    }
}
