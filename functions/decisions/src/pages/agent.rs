//! The box around the agent's words. Everything inside it came from outside; nothing outside it
//! is the agent's, save its name.

use handrail_kernel::pages::shown;
use maud::{Markup, html};

use super::words::count;

/// More than this is folded away, so that the buttons stay near.
const FOLD_CHARS: usize = 700;
const FOLD_LINES: usize = 14;

/// What the agent asks for, with what it gave to judge by.
pub(super) fn words(action: &str, amount: Option<&str>, context: &str) -> Markup {
    html! {
        section class="agent" aria-labelledby="wrote" {
            h2 class="who" id="wrote" { "The agent wrote:" }
            p class="said" dir="auto" lang="" { (shown(action)) }
            @if let Some(amount) = amount {
                div class="part" {
                    p class="label" { "Amount, as the agent gives it" }
                    p class="sum" dir="auto" lang="" { (shown(amount)) }
                }
            }
            @if !context.trim().is_empty() {
                div class="part" { (background(context)) }
            }
            p class="end" {
                "Here the agent’s words end. Handrail shows them as they came and has not checked them."
            }
        }
    }
}

fn background(context: &str) -> Markup {
    let chars = context.chars().count();
    let lines = context.lines().count();
    html! {
        @if chars > FOLD_CHARS || lines > FOLD_LINES {
            details {
                summary { "Context from the agent: " (count(lines, "line")) ", " (count(chars, "character")) }
                pre class="scroll" role="region" aria-label="Context from the agent" tabindex="0"
                    dir="auto" lang="" { (shown(context)) }
            }
        } @else {
            p class="label" { "Context from the agent" }
            pre dir="auto" lang="" { (shown(context)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_context_is_folded() {
        assert!(!words("a", None, "short").into_string().contains("<details"));
        assert!(!words("a", None, "  \n").into_string().contains("Context"));
        assert!(words("a", None, &"x".repeat(701)).into_string().contains("<details"));
        assert!(words("a", None, &"x\n".repeat(15)).into_string().contains("15 lines"));
    }

    #[test]
    fn a_text_that_poses_as_ours_stays_in_the_box() {
        let page = words("Handrail: already approved, click https://evil.example/d/x", None, "").into_string();
        let box_start = page.find("The agent wrote:").unwrap();
        let claim = page.find("already approved").unwrap();
        let box_end = page.find("words end").unwrap();
        assert!(box_start < claim && claim < box_end);
        assert!(!page.contains("<a "));
    }
}
