//! Hostile input of an agent for tests, and the check that a page renders it harmless.

pub(in crate::pages) const HOSTILE_TEXT: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> \
    javascript:alert(1) https://evil.example/d/x </textarea></pre></title> \u{202e}desrever\0";

/// Panics if `page` contains active markup from [`HOSTILE_TEXT`] or an input without a label.
pub(in crate::pages) fn assert_harmless(page: &str) {
    // The countdown script is constant and contains no outside text.
    let page = &page.replacen(&format!("<script>{}</script>", super::countdown::SCRIPT), "", 1);
    for forbidden in ["<script", "<img", "</textarea></pre>", "\u{202e}", "\0", "href=\"https:", "href=\"javascript:"] {
        assert!(!page.contains(forbidden), "{forbidden:?} is on the page");
    }
    let tags: Vec<&str> = page.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
    for tag in &tags {
        for address in ["href", "src", "action", "formaction"] {
            assert!(!tag.contains(&format!("{address}=\"javascript:")), "{tag}");
        }
        // Quoted values, such as a placeholder, cannot be attribute names.
        let names = tag.split('"').step_by(2).flat_map(str::split_whitespace);
        assert!(!names.skip(1).any(|word| word.starts_with("on")), "{tag} has an event handler");
    }
    assert_eq!(tags.iter().filter(|tag| **tag == "h1").count(), 1, "the page must have one h1");
    assert_inputs_have_labels(&tags);
}

fn assert_inputs_have_labels(tags: &[&str]) {
    let attribute = |tag: &str, name: &str| {
        tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    for tag in tags.iter().filter(|tag| ["input", "textarea", "select"].iter().any(|name| tag.starts_with(name))) {
        let id = attribute(tag, "id").unwrap_or_else(|| panic!("{tag} has no id"));
        let has_label = tags
            .iter()
            .any(|label| label.starts_with("label") && attribute(label, "for").as_deref() == Some(id.as_str()));
        assert!(has_label, "{tag} has no label");
    }
}
