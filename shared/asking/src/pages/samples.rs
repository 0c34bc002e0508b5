//! What a hostile agent would send, and what no page may then contain.

pub(in crate::pages) const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> \
    javascript:alert(1) https://evil.example/d/x </textarea></pre></title> \u{202e}desrever\0";

/// Panics unless `page` is free of everything that [`HOSTILE`] tries.
pub(in crate::pages) fn assert_harmless(page: &str) {
    // Our own script is known word for word, and no text of anybody else comes into it.
    let page = &page.replacen(&format!("<script>{}</script>", super::countdown::SCRIPT), "", 1);
    for never in ["<script", "<img", "</textarea></pre>", "\u{202e}", "\0", "href=\"https:", "href=\"javascript:"] {
        assert!(!page.contains(never), "{never:?} is on the page");
    }
    let tags: Vec<&str> = page.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
    for tag in &tags {
        for address in ["href", "src", "action", "formaction"] {
            assert!(!tag.contains(&format!("{address}=\"javascript:")), "{tag}");
        }
        // What is quoted, such as a placeholder, is a value and nothing else.
        let names = tag.split('"').step_by(2).flat_map(str::split_whitespace);
        assert!(!names.skip(1).any(|word| word.starts_with("on")), "a handler in {tag}");
    }
    assert_eq!(tags.iter().filter(|tag| **tag == "h1").count(), 1, "one h1");
    assert_labelled(&tags);
}

fn assert_labelled(tags: &[&str]) {
    let attribute = |tag: &str, name: &str| {
        tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    for tag in tags.iter().filter(|tag| ["input", "textarea", "select"].iter().any(|name| tag.starts_with(name))) {
        let id = attribute(tag, "id").unwrap_or_else(|| panic!("{tag} has no id"));
        let bound = tags
            .iter()
            .any(|label| label.starts_with("label") && attribute(label, "for").as_deref() == Some(id.as_str()));
        assert!(bound, "{tag} has no label");
    }
}
