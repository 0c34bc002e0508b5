//! Schemas and documents that somebody wrote to harm: each is refused, or checked in the time that is allowed.

use std::time::{Duration, Instant};

use super::*;

fn ready(schema: &Value) -> Ready {
    Ready::of(schema).unwrap_or_else(|unfit| panic!("{unfit:?}"))
}

#[track_caller]
fn unfit(schema: &Value) -> Unfit {
    match Ready::of(schema) {
        Ok(_) => panic!("it was taken: {schema}"),
        Err(unfit) => unfit,
    }
}

fn check(ready: &Ready, document: &Value) -> Result<(), Misfit> {
    ready.check(document, &AtomicU64::new(STEPS_MAX))
}

/// Generous: the tests run unoptimised, beside others.
#[track_caller]
fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    done
}

fn nested(inner: Value, levels: usize, around: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(inner, |value, _| around(value))
}

/// `d0` leads to `d1` twice, that one to `d2` twice, and so on.
fn doubling(levels: usize, twice: impl Fn(&str) -> Value) -> Value {
    let mut parts: Map<String, Value> =
        (0..levels).map(|at| (format!("d{at}"), twice(&format!("#/$defs/d{}", at + 1)))).collect();
    parts.insert(format!("d{levels}"), json!({"type": ["object", "string"]}));
    json!({"type": "object", "$ref": "#/$defs/d0", "$defs": parts})
}

#[test]
fn what_does_not_fit_is_named_by_its_path() {
    let ready = ready(&json!({
        "type": "object",
        "properties": {"custom": {"$ref": "#/$defs/order"}},
        "required": ["summary"],
        "$defs": {"order": {"properties": {"a/b": {"items": {"type": "integer"}}}, "required": ["a/b"]}},
    }));
    assert_eq!(check(&ready, &json!({"summary": "", "custom": {"a/b": [1, 2]}})), Ok(()));
    let misfit = check(&ready, &json!({"summary": "", "custom": {"a/b": [1, "secret"]}})).unwrap_err();
    assert_eq!(misfit.path, ["custom", "a/b", "1"]);
    assert_eq!(misfit.message, "value is not of type \"integer\"");
    let misfit = check(&ready, &json!({"custom": {"a/b": []}})).unwrap_err();
    assert_eq!((misfit.path.len(), misfit.message.contains("summary")), (0, true), "{misfit:?}");
}

#[test]
fn each_draft_is_read_as_itself_and_the_newest_where_none_is_named() {
    let pair = json!({"type": "array", "prefixItems": [{"type": "integer"}]});
    assert!(check(&ready(&pair), &json!(["x"])).is_err());
    let mut older = pair.clone();
    older["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    assert!(check(&ready(&older), &json!(["x"])).is_ok(), "draft 7 knows no prefixItems");
    let fourth = json!({
        "type": "number", "$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true,
    });
    assert!(check(&ready(&fourth), &json!(3)).is_err() && check(&ready(&fourth), &json!(2)).is_ok());
    let remark = json!({"type": "string", "format": "email"});
    assert!(check(&ready(&remark), &json!("nobody")).is_ok(), "formats are remarks");
}

#[test]
fn nothing_is_fetched_and_no_reference_leads_outside() {
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
        let found = unfit(&json!({"type": "object", "properties": {"a": {"$ref": reference}}, "$defs": {"a": {}}}));
        assert_eq!(found.at, "properties/a/$ref", "{reference}: {found:?}");
    }
    // Where nothing leads to it, it is read all the same.
    unfit(&json!({"type": "object", "$defs": {"a": {"$ref": "https://example.com/x"}}}));
    for inner in ["$id", "$schema", "unevaluatedProperties", "$dynamicRef"] {
        let said = if inner == "unevaluatedProperties" { json!(false) } else { json!("#/x") };
        unfit(&json!({"type": "object", "properties": {"a": {inner: said}}}));
    }
    // A member may have any name.
    ready(
        &json!({"type": "object", "properties": {"$ref": {"type": "string"}, "$id": {}}, "$id": "https://example.com/x"}),
    );
}

#[test]
fn what_comes_back_to_itself_without_going_further_is_refused() {
    unfit(&json!({"type": "object", "$ref": "#"}));
    unfit(&json!({"type": "object", "allOf": [{"anyOf": [{"not": {"$ref": "#/allOf/0"}}]}]}));
    let two = json!({"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}});
    unfit(&json!({"type": "object", "$defs": two}));
    // Going further, it comes to an end with the document.
    let tree = ready(&json!({"type": "object", "additionalProperties": {"$ref": "#"}}));
    assert!(check(&tree, &nested(json!({}), 100, |inner| json!({"a": inner}))).is_ok());
    assert!(check(&tree, &nested(json!(1), 100, |inner| json!({"a": inner}))).is_err());
}

#[test]
fn what_doubles_at_each_level_is_refused_or_ends() {
    let same_value = doubling(30, |next| json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
    in_time(|| unfit(&same_value));
    let in_members = doubling(
        30,
        |next| json!({"properties": {"a": {"$ref": next}, "b": {"$ref": next}}, "additionalProperties": {"$ref": next}}),
    );
    let members = in_time(|| ready(&in_members));
    in_time(|| check(&members, &nested(json!({}), 28, |inner| json!({"a": inner, "b": {}}))).unwrap());
    // Each level of the document is looked at twice as often as the one around it.
    let itself = ready(&json!({
        "type": ["object", "array"],
        "items": {"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}]},
    }));
    let deep = nested(json!(1), 100, |inner| json!([inner]));
    let misfit = in_time(|| check(&itself, &deep)).unwrap_err();
    assert!(misfit.message.contains("more than its schema"), "{misfit:?}");
    assert!(check(&itself, &nested(json!([]), 8, |inner| json!([inner]))).is_ok());
}

#[test]
fn long_ways_through_a_schema_do_not_fill_the_stack() {
    let levels = 900;
    let chain = |step: &dyn Fn(&str) -> Value| {
        let mut parts: Map<String, Value> =
            (0..levels).map(|at| (format!("{at}"), step(&format!("#/$defs/{}", at + 1)))).collect();
        parts.insert(levels.to_string(), json!({}));
        json!({"type": "object", "$ref": "#/$defs/0", "$defs": parts})
    };
    in_time(|| unfit(&chain(&|next| json!({"$ref": next}))));
    // One level of the document for each: as deep as JSON is read.
    let through_members = in_time(|| ready(&chain(&|next| json!({"properties": {"a": {"$ref": next}}}))));
    assert!(check(&through_members, &nested(json!({}), 100, |inner| json!({"a": inner}))).is_ok());
    let turns = nested(json!({"$ref": "#"}), 7, |inner| json!({"allOf": [inner]}));
    let through_both = ready(&json!({"type": "object", "properties": {"a": turns}}));
    assert!(check(&through_both, &nested(json!({}), 25, |inner| json!({"a": inner}))).is_ok());
    let misfit = check(&through_both, &nested(json!({}), 100, |inner| json!({"a": inner}))).unwrap_err();
    assert!(misfit.message.contains("more than its schema"), "{misfit:?}");
    unfit(&json!({"type": "object", "properties": nested(json!({}), 40, |inner| json!({"properties": {"a": inner}}))}));
}

#[test]
fn no_pattern_takes_long() {
    for (pattern, text) in [
        ("^(a+)+$", format!("{}!", "a".repeat(200_000))),
        ("(x+x+)+y", "x".repeat(200_000)),
        ("(.*)*[A-Z]", "a".repeat(200_000)),
        ("(a?){200}a{200}", "a".repeat(1_000)),
    ] {
        let schema = ready(&json!({"type": "string", "pattern": pattern}));
        in_time(|| check(&schema, &json!(text))).ok();
    }
    let large = "(([a-z]{20}){20}){20}";
    assert_eq!(unfit(&json!({"type": "string", "pattern": large})).at, "pattern");
    assert_eq!(unfit(&json!({"type": "object", "patternProperties": {(large): {}}})).at, "patternProperties");
    for no_end in ["(?<=a)b", "(a)\\1", "(?!a)"] {
        unfit(&json!({"type": "string", "pattern": no_end}));
    }
    let many: Map<String, Value> =
        (0..600).map(|at| (format!("p{at}"), json!({"pattern": format!("^{at}\\p{{L}}$")}))).collect();
    unfit(&json!({"type": "object", "properties": many}));
    // What people write.
    let usual = ready(&json!({"type": "string", "pattern": "^\\w+@\\w+\\.\\w{2,24}$|^[A-Z]{2}\\d{2}[A-Z0-9]{1,30}$"}));
    assert!(check(&usual, &json!("ann@example.com")).is_ok() && check(&usual, &json!("ann")).is_err());
    // Many states for each byte of a long text are more than is allowed.
    let slow = ready(&json!({"type": "string", "pattern": "^(\\p{L}{0,20}x)?$"}));
    assert!(in_time(|| check(&slow, &json!("é".repeat(400_000)))).unwrap_err().message.contains("more than"));
}

#[test]
fn large_lists_on_both_sides_are_bounded_together() {
    let words: Vec<String> = (0..5_000).map(|at| format!("w{at}")).collect();
    let schema = ready(&json!({"type": "array", "items": {"enum": words}}));
    assert!(check(&schema, &json!(vec!["w4999"; 100])).is_ok());
    assert!(in_time(|| check(&schema, &json!(vec!["w4999"; 100_000]))).unwrap_err().message.contains("more than"));
    let unique = ready(&json!({"type": "array", "uniqueItems": true}));
    let numbers: Vec<u32> = (0..100_000).collect();
    in_time(|| check(&unique, &json!(numbers)).unwrap());
    let required: Vec<String> = (0..4_000).map(|at| format!("m{at}")).collect();
    let all = ready(&json!({"type": "array", "items": {"type": "object", "required": required}}));
    assert!(in_time(|| check(&all, &json!(vec![json!({}); 10_000]))).is_err());
}

#[test]
fn alternatives_that_all_fail_are_told_in_time() {
    let leaf = json!({"type": "integer"});
    let alternatives =
        nested(leaf, 9, |inner| json!({"anyOf": [inner, {"properties": {"a": {"type": "null"}}, "type": "object"}]}));
    let schema = ready(&json!({"type": "array", "items": alternatives}));
    let misfit = in_time(|| check(&schema, &json!(vec![json!({"a": 1}); 3_000]))).unwrap_err();
    assert!(misfit.message.contains("does not fit"), "{misfit:?}");
    let misfit = in_time(|| check(&schema, &json!([{"a": 1}]))).unwrap_err();
    assert_eq!(misfit.path, ["0"]);
}

#[test]
fn a_large_document_of_an_ordinary_schema_is_checked() {
    let line = json!({"sku": "A-17", "count": 3, "price": 12.5, "tags": ["a", "b"]});
    let schema = ready(&json!({
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
    in_time(|| check(&schema, &document(&lines)).unwrap());
    lines[15_000]["count"] = 0.into();
    assert!(in_time(|| check(&schema, &document(&lines))).is_err());
}

#[test]
fn the_packets_of_a_request_share_what_is_allowed() {
    let schema = ready(&json!({"type": "array", "items": {"type": "integer"}}));
    let left = AtomicU64::new(2_500);
    let document = json!(vec![1; 500]);
    assert_eq!(schema.check(&document, &left), Ok(()));
    assert_eq!(schema.check(&document, &left), Ok(()));
    assert!(schema.check(&document, &left).is_err());
}

#[test]
fn of_the_schemas_that_were_used_the_last_are_remembered() {
    let remembered = Remembered::default();
    let tenant = crate::testing::tenant();
    let id = |at: u8| RecordId::from_bytes([at; 16]);
    let one = Arc::new(ready(&json!({"type": "object"})));
    for at in 0..20 {
        remembered.keep(tenant, id(at), &one);
        remembered.find(tenant, id(0));
    }
    assert!(remembered.find(tenant, id(0)).is_some() && remembered.find(tenant, id(19)).is_some());
    assert!(remembered.find(tenant, id(1)).is_none());
    assert_eq!(remembered.0.lock().unwrap().len(), REMEMBERED_MAX);
    // Ids are an account's own.
    assert!(remembered.find(TenantId::from_bytes([9; 16]), id(0)).is_none());
}
