//! Test of the style sheet's colours against WCAG 2.2 AA: a contrast of 4.5 for text, and of 3 for the edges of
//! controls and the focus ring, in the light and the dark scheme.

use super::STYLE;

const TEXT_CONTRAST_MIN: f64 = 4.5;
const EDGE_CONTRAST_MIN: f64 = 3.0;

#[test]
fn every_colour_pair_has_enough_contrast() {
    let grounds = ["paper", "card", "sunk"];
    let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
    for ground in grounds {
        for ink in ["ink", "soft", "brand"] {
            pairs.push((ink, ground, TEXT_CONTRAST_MIN));
        }
        pairs.push(("focus", ground, EDGE_CONTRAST_MIN));
    }
    for tone in ["yes", "no", "mid"] {
        pairs.push((tone, "card", TEXT_CONTRAST_MIN));
        pairs.push(("on", tone, TEXT_CONTRAST_MIN));
    }
    pairs.extend([
        ("yes", "yes-bg", TEXT_CONTRAST_MIN),
        ("no", "no-bg", TEXT_CONTRAST_MIN),
        ("mid", "mid-bg", TEXT_CONTRAST_MIN),
        ("ink", "agent-bg", TEXT_CONTRAST_MIN),
        ("soft", "agent-bg", TEXT_CONTRAST_MIN),
        ("agent", "agent-bg", TEXT_CONTRAST_MIN),
        ("edge", "card", EDGE_CONTRAST_MIN),
        ("agent-line", "card", EDGE_CONTRAST_MIN),
        ("focus", "agent-bg", EDGE_CONTRAST_MIN),
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
