//! Box that contains the agent's text, pictures and files. Outside the box, only the agent's name comes from the agent.

use handrail_domain::argument_rows::ArgumentRow;
use handrail_web::pages::visible_text;
use maud::{Markup, html};

use super::attachments::{self, FileView, Picture};
use super::format::count;

/// Most characters of an unfolded context. A longer context is folded, so that the buttons stay near.
const FOLD_CHARS: usize = 700;
/// Most lines of an unfolded context.
const FOLD_LINES: usize = 14;

/// Content of an approval request that comes from the agent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AgentContent<'a> {
    pub action: &'a str,
    pub amount: Option<&'a str>,
    pub tool: Option<&'a str>,
    pub arguments: &'a [ArgumentRow],
    pub context: &'a str,
    pub pictures: &'a [Picture],
    pub files: &'a [FileView],
}

/// Returns the box with the action only, for closed requests.
pub(super) fn action_only(action: &str) -> Markup {
    agent_content(&AgentContent { action, ..AgentContent::default() })
}

pub(super) fn agent_content(content: &AgentContent<'_>) -> Markup {
    let AgentContent { action, amount, tool, arguments, context, pictures, files } = content;
    html! {
        section class="agent" aria-labelledby="wrote" {
            h2 class="who" id="wrote" { "The agent wrote:" }
            p class="said" dir="auto" lang="" { (visible_text(action)) }
            @if let Some(amount) = amount {
                div class="part" {
                    p class="label" { "Amount, as the agent gives it" }
                    p class="sum" dir="auto" lang="" { (visible_text(amount)) }
                }
            }
            @if tool.is_some() || !arguments.is_empty() {
                div class="part" { (call_section(*tool, arguments)) }
            }
            @if !context.trim().is_empty() {
                div class="part" { (context_section(context)) }
            }
            (attachments::picture_section(pictures))
            (attachments::file_section(files))
            p class="end" {
                "Here the agent’s words end. Handrail shows them as they came and has not checked them."
            }
        }
    }
}

/// The tool and its arguments. A text is in quotation marks, so that it differs from a number.
fn call_section(tool: Option<&str>, arguments: &[ArgumentRow]) -> Markup {
    html! {
        p class="label" { "What the agent wants to run" }
        dl class="facts" {
            @if let Some(tool) = tool {
                dt { "Tool" }
                dd { (visible_text(tool)) }
            }
            @for row in arguments {
                dt dir="auto" { @if row.path.is_empty() { "Arguments" } @else { (visible_text(&row.path)) } }
                dd dir="auto" {
                    @if row.is_text { "“" (visible_text(&row.value)) "”" } @else { (visible_text(&row.value)) }
                }
            }
        }
    }
}

fn context_section(context: &str) -> Markup {
    let chars = context.chars().count();
    let lines = context.lines().count();
    html! {
        @if chars > FOLD_CHARS || lines > FOLD_LINES {
            details {
                summary { "Context from the agent: " (count(lines, "line")) ", " (count(chars, "character")) }
                pre class="scroll" role="region" aria-label="Context from the agent" tabindex="0"
                    dir="auto" lang="" { (visible_text(context)) }
            }
        } @else {
            p class="label" { "Context from the agent" }
            pre dir="auto" lang="" { (visible_text(context)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(action: &str, context: &str) -> String {
        agent_content(&AgentContent { action, context, ..AgentContent::default() }).into_string()
    }

    #[test]
    fn long_context_is_folded() {
        assert!(!render("a", "short").contains("<details"));
        assert!(!render("a", "  \n").contains("Context"));
        assert!(render("a", &"x".repeat(701)).contains("<details"));
        assert!(render("a", &"x\n".repeat(15)).contains("15 lines"));
    }

    #[test]
    fn agent_text_stays_inside_the_agent_box() {
        let page = render("Handrail: already approved, click https://evil.example/d/x", "");
        let box_start = page.find("The agent wrote:").unwrap();
        let claim = page.find("already approved").unwrap();
        let box_end = page.find("words end").unwrap();
        assert!(box_start < claim && claim < box_end);
        assert!(!page.contains("<a "));
    }

    #[test]
    fn attachments_are_shown_inside_the_agent_box() {
        let url = "https://img.example/a.png?x=\"><script>".to_owned();
        let pictures = [Picture { url, host: "img.example".to_owned(), origin: "https://img.example".to_owned() }];
        let name = "invoice\u{202e}fdp.exe\"><script>".to_owned();
        let files =
            [FileView { name, content_type: "application/pdf".to_owned(), size: 4_000, href: "../files/t".to_owned() }];
        let page =
            agent_content(&AgentContent { action: "a", pictures: &pictures, files: &files, ..AgentContent::default() })
                .into_string();
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
