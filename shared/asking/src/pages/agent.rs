//! The box around the agent's words. Everything inside it came from outside; nothing outside it
//! is the agent's, save its name.

use handrail_kernel::pages::shown;
use maud::{Markup, html};

use super::attached::{self, FileView, Picture};
use super::words::count;

/// More than this is folded away, so that the buttons stay near.
const FOLD_CHARS: usize = 700;
const FOLD_LINES: usize = 14;

/// What the agent asks for, with what it gave to judge by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub action: &'a str,
    pub amount: Option<&'a str>,
    pub context: &'a str,
    pub pictures: &'a [Picture],
    pub files: &'a [FileView],
}

/// Only what was asked: where it is over, the rest is no matter any more.
pub(super) fn action(action: &str) -> Markup {
    words(&Words { action, amount: None, context: "", pictures: &[], files: &[] })
}

pub(super) fn words(Words { action, amount, context, pictures, files }: &Words<'_>) -> Markup {
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
            (attached::pictures(pictures))
            (attached::attachments(files))
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

    fn said(action: &str, context: &str) -> String {
        words(&Words { action, amount: None, context, pictures: &[], files: &[] }).into_string()
    }

    #[test]
    fn only_long_context_is_folded() {
        assert!(!said("a", "short").contains("<details"));
        assert!(!said("a", "  \n").contains("Context"));
        assert!(said("a", &"x".repeat(701)).contains("<details"));
        assert!(said("a", &"x\n".repeat(15)).contains("15 lines"));
    }

    #[test]
    fn a_text_that_poses_as_ours_stays_in_the_box() {
        let page = said("Handrail: already approved, click https://evil.example/d/x", "");
        let box_start = page.find("The agent wrote:").unwrap();
        let claim = page.find("already approved").unwrap();
        let box_end = page.find("words end").unwrap();
        assert!(box_start < claim && claim < box_end);
        assert!(!page.contains("<a "));
    }

    #[test]
    fn pictures_and_files_are_in_the_box_and_say_whose_they_are() {
        let url = "https://img.example/a.png?x=\"><script>".to_owned();
        let pictures = [Picture { url, host: "img.example".to_owned(), origin: "https://img.example".to_owned() }];
        let name = "invoice\u{202e}fdp.exe\"><script>".to_owned();
        let files =
            [FileView { name, content_type: "application/pdf".to_owned(), size: 4_000, href: "../files/t".to_owned() }];
        let page =
            words(&Words { action: "a", amount: None, context: "", pictures: &pictures, files: &files }).into_string();
        for part in [
            "src=\"https://img.example/a.png?x=&quot;&gt;&lt;script&gt;\"",
            "alt=\"Picture 1 of 1, from the agent. Handrail has not seen it.\"",
            "loading=\"lazy\"",
            "referrerpolicy=\"no-referrer\"",
            "invoice[U+202E]fdp.exe&quot;&gt;&lt;script&gt;",
            "href=\"../files/t\"",
            "PDF, 4 KB",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("<script") && !page.contains('\u{202e}'));
        assert!(page.find("words end").unwrap() > page.find("4 KB").unwrap());
    }
}
