//! Attachments in the agent's box: pictures that the browser fetches from the agent's URLs, and files to download.

use handrail_web::pages::visible_text;
use maud::{Markup, html};

/// Picture with a validated URL.
#[derive(Debug, Clone)]
pub struct Picture {
    pub url: String,
    /// Host of the URL, shown below the picture.
    pub host: String,
    /// Origin of the URL, for the content security policy of the page.
    pub origin: String,
}

/// File to download.
#[derive(Debug, Clone)]
pub struct FileView {
    pub name: String,
    pub content_type: String,
    pub size: u64,
    /// Link relative to the page, so that the link works under any path prefix.
    pub href: String,
}

pub(super) fn picture_section(pictures: &[Picture]) -> Markup {
    let total = pictures.len();
    html! {
        @if total > 0 {
            div class="part" {
                p class="label" { @if total == 1 { "Picture from the agent" } @else { "Pictures from the agent" } }
                @for (at, picture) in pictures.iter().enumerate() {
                    figure class="picture" {
                        img src=(picture.url) alt={ "Picture " (at + 1) " of " (total) ", from the agent. Handrail has not seen it." }
                            loading="lazy" decoding="async" referrerpolicy="no-referrer";
                        figcaption { "Picture " (at + 1) " of " (total) ", which your browser gets from " bdi { (visible_text(&picture.host)) } }
                    }
                }
            }
        }
    }
}

pub(super) fn file_section(files: &[FileView]) -> Markup {
    html! {
        @if !files.is_empty() {
            div class="part" {
                p class="label" { @if files.len() == 1 { "File from the agent" } @else { "Files from the agent" } }
                (file_list(files))
                p class="hint" { "Nobody has looked into them. Save and open what you expect." }
            }
        }
    }
}

pub(super) fn file_list(files: &[FileView]) -> Markup {
    html! {
        ul class="files" {
            @for file in files {
                li {
                    (file_icon(&file.content_type))
                    span {
                        a href=(file.href) rel="noreferrer" { bdi { (visible_text(&file.name)) } } " "
                        span class="small soft" { (file_kind(&file.content_type, &file.name)) ", " (format_size(file.size)) }
                    }
                }
            }
        }
    }
}

/// Returns an icon for a picture or for another file.
fn file_icon(content_type: &str) -> Markup {
    let path = if content_type.starts_with("image/") {
        "M3 4H21V20H3ZM3 17 9 11 13 15 16 12 21 17M15.5 8.5H15.6"
    } else {
        "M6 2H14L19 7V22H6ZM14 2V7H19M9 13H16M9 17H16"
    };
    html! {
        svg class="sheet" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"
            stroke-linejoin="round" aria-hidden="true" { path d=(path); }
    }
}

/// Returns a readable file type.
fn file_kind(content_type: &str, file_name: &str) -> String {
    match (content_type, file_name.rsplit_once('.')) {
        (content_type, _) if content_type.starts_with("image/") => "picture".to_owned(),
        ("application/pdf", _) => "PDF".to_owned(),
        ("text/plain", _) => "text".to_owned(),
        (_, Some((_, extension)))
            if (1..=5).contains(&extension.len()) && extension.bytes().all(|c| c.is_ascii_alphanumeric()) =>
        {
            extension.to_ascii_uppercase()
        }
        _ => "file".to_owned(),
    }
}

/// Returns a readable file size, rounded up, so that a small file never shows as `0 KB`.
pub(super) fn format_size(bytes: u64) -> String {
    const KB: u64 = 1024;
    const MB: u64 = KB * KB;
    match bytes {
        1 => "1 byte".to_owned(),
        0..KB => format!("{bytes} bytes"),
        KB..MB => format!("{} KB", bytes.div_ceil(KB)),
        MB.. => {
            let tenths = (bytes * 10).div_ceil(MB);
            format!("{}.{} MB", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_sizes_and_kinds_are_readable() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1025, "2 KB"),
            (10 << 20, "10.0 MB"),
            ((1 << 20) + 1, "1.1 MB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
        assert_eq!(file_kind("application/vnd.oasis", "a.b.Odt"), "ODT");
        assert_eq!(file_kind("application/x", "a.<script>"), "file");
        assert_eq!(file_kind("image/png", "a.pdf"), "picture");
    }
}
