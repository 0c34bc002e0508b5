//! Checks the colours of the style sheet against WCAG 2.2 AA: 4.5 for text, 3 for the edges of
//! controls and the focus ring, in the light and in the dark scheme.

use super::STYLE;

const TEXT: f64 = 4.5;
const EDGE: f64 = 3.0;

#[test]
fn every_pair_of_colours_can_be_read() {
    let grounds = ["paper", "card", "sunk"];
    let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
    for ground in grounds {
        for ink in ["ink", "soft", "brand"] {
            pairs.push((ink, ground, TEXT));
        }
        pairs.push(("focus", ground, EDGE));
    }
    for tone in ["yes", "no", "mid"] {
        pairs.push((tone, "card", TEXT));
        pairs.push(("on", tone, TEXT));
    }
    pairs.extend([
        ("yes", "yes-bg", TEXT),
        ("no", "no-bg", TEXT),
        ("mid", "mid-bg", TEXT),
        ("ink", "agent-bg", TEXT),
        ("soft", "agent-bg", TEXT),
        ("agent", "agent-bg", TEXT),
        ("edge", "card", EDGE),
        ("agent-line", "card", EDGE),
        ("focus", "agent-bg", EDGE),
    ]);
    let mut schemes = STYLE.split("@media (prefers-color-scheme: dark)");
    let light = schemes.next().unwrap();
    let dark = schemes.next().unwrap();
    for (name, scheme) in [("light", light), ("dark", dark)] {
        for &(ink, ground, least) in &pairs {
            let ratio = contrast(luminance(scheme, ink), luminance(scheme, ground));
            assert!(ratio >= least, "{name}: {ink} on {ground} is {ratio:.2}, needs {least}");
        }
    }
}

fn contrast(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(scheme: &str, name: &str) -> f64 {
    let hex = scheme.split(&format!("--{name}: #")).nth(1).unwrap().get(..6).unwrap();
    let part = |at: usize| {
        let channel = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}
