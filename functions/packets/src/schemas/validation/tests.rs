//! Tests with hostile schemas and documents: each is refused, or validated in bounded time.

use std::time::{Duration, Instant};

use super::*;

fn compile(schema: &Value) -> CompiledSchema {
    CompiledSchema::compile(schema).unwrap_or_else(|unsupported| panic!("{unsupported:?}"))
}

#[track_caller]
fn expect_unsupported(schema: &Value) -> UnsupportedSchema {
    match CompiledSchema::compile(schema) {
        Ok(_) => panic!("schema was accepted: {schema}"),
        Err(unsupported) => unsupported,
    }
}

fn validate(compiled: &CompiledSchema, document: &Value) -> Result<(), SchemaViolation> {
    compiled.validate(document, &AtomicU64::new(STEPS_MAX))
}

/// Asserts a generous time limit, as tests run unoptimised and in parallel.
#[track_caller]
fn assert_in_time<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    result
}

fn nested(inner: Value, levels: usize, around: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(inner, |value, _| around(value))
}

/// Builds a schema in which `d0` refers to `d1` twice, `d1` to `d2` twice, and so on.
fn doubling_schema(levels: usize, twice: impl Fn(&str) -> Value) -> Value {
    let mut definitions: Map<String, Value> =
        (0..levels).map(|index| (format!("d{index}"), twice(&format!("#/$defs/d{}", index + 1)))).collect();
    definitions.insert(format!("d{levels}"), json!({"type": ["object", "string"]}));
    json!({"type": "object", "$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
fn schema_violation_names_its_path() {
    let compiled = compile(&json!({
        "type": "object",
        "properties": {"custom": {"$ref": "#/$defs/order"}},
        "required": ["summary"],
        "$defs": {"order": {"properties": {"a/b": {"items": {"type": "integer"}}}, "required": ["a/b"]}},
    }));
    assert_eq!(validate(&compiled, &json!({"summary": "", "custom": {"a/b": [1, 2]}})), Ok(()));
    let violation = validate(&compiled, &json!({"summary": "", "custom": {"a/b": [1, "secret"]}})).unwrap_err();
    assert_eq!(violation.path, ["custom", "a/b", "1"]);
    assert_eq!(violation.message, "value is not of type \"integer\"");
    let violation = validate(&compiled, &json!({"custom": {"a/b": []}})).unwrap_err();
    assert_eq!((violation.path.len(), violation.message.contains("summary")), (0, true), "{violation:?}");
}

#[test]
fn schema_draft_defaults_to_the_newest() {
    let pair_schema = json!({"type": "array", "prefixItems": [{"type": "integer"}]});
    assert!(validate(&compile(&pair_schema), &json!(["x"])).is_err());
    let mut draft_7 = pair_schema.clone();
    draft_7["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    assert!(validate(&compile(&draft_7), &json!(["x"])).is_ok(), "draft 7 has no prefixItems");
    let draft_4 = json!({
        "type": "number", "$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true,
    });
    assert!(validate(&compile(&draft_4), &json!(3)).is_err() && validate(&compile(&draft_4), &json!(2)).is_ok());
    let email_schema = json!({"type": "string", "format": "email"});
    assert!(validate(&compile(&email_schema), &json!("nobody")).is_ok(), "formats are not validated");
}

#[test]
fn external_schema_references_are_refused() {
    for reference in [
        "https://example.com/x",
        "other.json",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "#name",
        "#/$defs/absent",
        "#/type",
        "#/%24defs/a",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        let found = expect_unsupported(
            &json!({"type": "object", "properties": {"a": {"$ref": reference}}, "$defs": {"a": {}}}),
        );
        assert_eq!(found.path, "properties/a/$ref", "{reference}: {found:?}");
    }
    // Unreferenced definitions are checked too.
    expect_unsupported(&json!({"type": "object", "$defs": {"a": {"$ref": "https://example.com/x"}}}));
    for inner in ["$id", "$schema", "unevaluatedProperties", "$dynamicRef"] {
        let value = if inner == "unevaluatedProperties" { json!(false) } else { json!("#/x") };
        expect_unsupported(&json!({"type": "object", "properties": {"a": {inner: value}}}));
    }
    // Property names may equal keywords.
    compile(
        &json!({"type": "object", "properties": {"$ref": {"type": "string"}, "$id": {}}, "$id": "https://example.com/x"}),
    );
}

#[test]
fn endless_schema_recursion_is_refused() {
    expect_unsupported(&json!({"type": "object", "$ref": "#"}));
    expect_unsupported(&json!({"type": "object", "allOf": [{"anyOf": [{"not": {"$ref": "#/allOf/0"}}]}]}));
    let mutual = json!({"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}});
    expect_unsupported(&json!({"type": "object", "$defs": mutual}));
    // Recursion into children ends with the document.
    let tree = compile(&json!({"type": "object", "additionalProperties": {"$ref": "#"}}));
    assert!(validate(&tree, &nested(json!({}), 100, |inner| json!({"a": inner}))).is_ok());
    assert!(validate(&tree, &nested(json!(1), 100, |inner| json!({"a": inner}))).is_err());
}

#[test]
fn exponential_schemas_are_refused_or_bounded() {
    let same_value = doubling_schema(30, |next| json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
    assert_in_time(|| expect_unsupported(&same_value));
    let in_members = doubling_schema(
        30,
        |next| json!({"properties": {"a": {"$ref": next}, "b": {"$ref": next}}, "additionalProperties": {"$ref": next}}),
    );
    let members = assert_in_time(|| compile(&in_members));
    assert_in_time(|| validate(&members, &nested(json!({}), 28, |inner| json!({"a": inner, "b": {}}))).unwrap());
    // Each level of the document is visited twice as often as its parent level.
    let recursive = compile(&json!({
        "type": ["object", "array"],
        "items": {"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}]},
    }));
    let deep = nested(json!(1), 100, |inner| json!([inner]));
    let violation = assert_in_time(|| validate(&recursive, &deep)).unwrap_err();
    assert!(violation.message.contains("too large to validate"), "{violation:?}");
    assert!(validate(&recursive, &nested(json!([]), 8, |inner| json!([inner]))).is_ok());
}

#[test]
fn deep_schemas_do_not_overflow_the_stack() {
    let levels = 900;
    let chain = |step: &dyn Fn(&str) -> Value| {
        let mut definitions: Map<String, Value> =
            (0..levels).map(|index| (format!("{index}"), step(&format!("#/$defs/{}", index + 1)))).collect();
        definitions.insert(levels.to_string(), json!({}));
        json!({"type": "object", "$ref": "#/$defs/0", "$defs": definitions})
    };
    assert_in_time(|| expect_unsupported(&chain(&|next| json!({"$ref": next}))));
    // Each node takes one level of the document, whose depth the JSON reader limits.
    let through_members = assert_in_time(|| compile(&chain(&|next| json!({"properties": {"a": {"$ref": next}}}))));
    assert!(validate(&through_members, &nested(json!({}), 100, |inner| json!({"a": inner}))).is_ok());
    let turns = nested(json!({"$ref": "#"}), 7, |inner| json!({"allOf": [inner]}));
    let through_both = compile(&json!({"type": "object", "properties": {"a": turns}}));
    assert!(validate(&through_both, &nested(json!({}), 25, |inner| json!({"a": inner}))).is_ok());
    let violation = validate(&through_both, &nested(json!({}), 100, |inner| json!({"a": inner}))).unwrap_err();
    assert!(violation.message.contains("too large to validate"), "{violation:?}");
    expect_unsupported(
        &json!({"type": "object", "properties": nested(json!({}), 40, |inner| json!({"properties": {"a": inner}}))}),
    );
}

#[test]
fn pattern_matching_time_is_bounded() {
    for (pattern, text) in [
        ("^(a+)+$", format!("{}!", "a".repeat(200_000))),
        ("(x+x+)+y", "x".repeat(200_000)),
        ("(.*)*[A-Z]", "a".repeat(200_000)),
        ("(a?){200}a{200}", "a".repeat(1_000)),
    ] {
        let schema = compile(&json!({"type": "string", "pattern": pattern}));
        assert_in_time(|| validate(&schema, &json!(text))).ok();
    }
    let large = "(([a-z]{20}){20}){20}";
    assert_eq!(expect_unsupported(&json!({"type": "string", "pattern": large})).path, "pattern");
    assert_eq!(
        expect_unsupported(&json!({"type": "object", "patternProperties": {(large): {}}})).path,
        "patternProperties"
    );
    for unsupported_pattern in ["(?<=a)b", "(a)\\1", "(?!a)"] {
        expect_unsupported(&json!({"type": "string", "pattern": unsupported_pattern}));
    }
    let properties: Map<String, Value> =
        (0..600).map(|index| (format!("p{index}"), json!({"pattern": format!("^{index}\\p{{L}}$")}))).collect();
    expect_unsupported(&json!({"type": "object", "properties": properties}));
    // Ordinary patterns are accepted.
    let usual =
        compile(&json!({"type": "string", "pattern": "^\\w+@\\w+\\.\\w{2,24}$|^[A-Z]{2}\\d{2}[A-Z0-9]{1,30}$"}));
    assert!(validate(&usual, &json!("ann@example.com")).is_ok() && validate(&usual, &json!("ann")).is_err());
    // A pattern with many states on a long text exceeds the step limit.
    let slow = compile(&json!({"type": "string", "pattern": "^(\\p{L}{0,20}x)?$"}));
    assert!(
        assert_in_time(|| validate(&slow, &json!("é".repeat(400_000))))
            .unwrap_err()
            .message
            .contains("too large to validate")
    );
}

#[test]
fn cost_of_large_schema_and_document_is_bounded() {
    let words: Vec<String> = (0..5_000).map(|index| format!("w{index}")).collect();
    let schema = compile(&json!({"type": "array", "items": {"enum": words}}));
    assert!(validate(&schema, &json!(vec!["w4999"; 100])).is_ok());
    assert!(
        assert_in_time(|| validate(&schema, &json!(vec!["w4999"; 100_000])))
            .unwrap_err()
            .message
            .contains("too large to validate")
    );
    let unique = compile(&json!({"type": "array", "uniqueItems": true}));
    let numbers: Vec<u32> = (0..100_000).collect();
    assert_in_time(|| validate(&unique, &json!(numbers)).unwrap());
    let required: Vec<String> = (0..4_000).map(|index| format!("m{index}")).collect();
    let all = compile(&json!({"type": "array", "items": {"type": "object", "required": required}}));
    assert!(assert_in_time(|| validate(&all, &json!(vec![json!({}); 10_000]))).is_err());
}

#[test]
fn failing_alternatives_are_reported_in_bounded_time() {
    let leaf = json!({"type": "integer"});
    let alternatives =
        nested(leaf, 9, |inner| json!({"anyOf": [inner, {"properties": {"a": {"type": "null"}}, "type": "object"}]}));
    let schema = compile(&json!({"type": "array", "items": alternatives}));
    let violation = assert_in_time(|| validate(&schema, &json!(vec![json!({"a": 1}); 3_000]))).unwrap_err();
    assert!(violation.message.contains("does not match"), "{violation:?}");
    let violation = assert_in_time(|| validate(&schema, &json!([{"a": 1}]))).unwrap_err();
    assert_eq!(violation.path, ["0"]);
}

#[test]
fn large_document_with_ordinary_schema_is_validated() {
    let line = json!({"sku": "A-17", "count": 3, "price": 12.5, "tags": ["a", "b"]});
    let schema = compile(&json!({
        "type": "object",
        "properties": {"custom": {"properties": {"lines": {"type": "array", "items": {
            "type": "object",
            "required": ["sku", "count"],
            "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]-\\d+$"},
                "count": {"type": "integer", "minimum": 1},
                "price": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}},
            },
        }}}}},
    }));
    let mut lines = vec![line; 18_000];
    let document = |lines: &[Value]| json!({"summary": "", "custom": {"lines": lines}});
    assert!(document(&lines).to_string().len() > 900_000);
    assert_in_time(|| validate(&schema, &document(&lines)).unwrap());
    lines[15_000]["count"] = 0.into();
    assert!(assert_in_time(|| validate(&schema, &document(&lines))).is_err());
}

#[test]
fn packets_of_one_request_share_the_step_limit() {
    let schema = compile(&json!({"type": "array", "items": {"type": "integer"}}));
    let steps_left = AtomicU64::new(2_500);
    let document = json!(vec![1; 500]);
    assert_eq!(schema.validate(&document, &steps_left), Ok(()));
    assert_eq!(schema.validate(&document, &steps_left), Ok(()));
    assert!(schema.validate(&document, &steps_left).is_err());
}

#[test]
fn schema_cache_keeps_recently_used_schemas() {
    let cache = SchemaCache::default();
    let tenant = crate::testing::tenant();
    let id = |index: u8| RecordId::from_bytes([index; 16]);
    let compiled = Arc::new(compile(&json!({"type": "object"})));
    for index in 0..20 {
        cache.insert(tenant, id(index), &compiled);
        cache.get(tenant, id(0));
    }
    assert!(cache.get(tenant, id(0)).is_some() && cache.get(tenant, id(19)).is_some());
    assert!(cache.get(tenant, id(1)).is_none());
    assert_eq!(cache.0.lock().unwrap().len(), CACHED_SCHEMAS_MAX);
    // Entries of other tenants are not returned.
    assert!(cache.get(TenantId::from_bytes([9; 16]), id(0)).is_none());
}
