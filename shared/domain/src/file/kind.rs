//! The kinds of file that are taken, and how each begins.

use super::FileRefusal;

/// How the bytes of a kind begin.
#[derive(Clone, Copy)]
enum Begins {
    /// With one of these.
    With(&'static [&'static [u8]]),
    /// Like a container of this name and form: `RIFF....WEBP`.
    Riff(&'static [u8; 4]),
    /// With a box that names the format.
    Ftyp,
    /// With this, somewhere in what is looked at: readers of PDF skip what comes before.
    Soon(&'static [u8]),
    /// Like nothing in particular, and not like something else.
    Text,
}

struct Kind {
    extension: &'static str,
    content_type: &'static str,
    /// For a sentence: "is called a ... but".
    name: &'static str,
    begins: Begins,
}

const fn kind(extension: &'static str, content_type: &'static str, name: &'static str, begins: Begins) -> Kind {
    Kind { extension, content_type, name, begins }
}

const PNG: Begins = Begins::With(&[b"\x89PNG\r\n\x1a\n"]);
const JPEG: Begins = Begins::With(&[b"\xff\xd8\xff"]);
const GIF: Begins = Begins::With(&[b"GIF87a", b"GIF89a"]);
const BMP: Begins = Begins::With(&[b"BM"]);
const TIFF: Begins = Begins::With(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]);
const ZIP: Begins = Begins::With(&[b"PK\x03\x04"]);
const OLE: Begins = Begins::With(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]);
const RTF: Begins = Begins::With(&[b"{\\rt"]);

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// Documents that may hold macros (`docm` and its kin) are left out: those are programs.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    kind("png",      "image/png",                     "PNG image",             PNG),
    kind("jpg",      "image/jpeg",                    "JPEG image",            JPEG),
    kind("jpeg",     "image/jpeg",                    "JPEG image",            JPEG),
    kind("gif",      "image/gif",                     "GIF image",             GIF),
    kind("webp",     "image/webp",                    "WebP image",            Begins::Riff(b"WEBP")),
    kind("svg",      "image/svg+xml",                 "SVG image",             Begins::Text),
    kind("bmp",      "image/bmp",                     "BMP image",             BMP),
    kind("tif",      "image/tiff",                    "TIFF image",            TIFF),
    kind("tiff",     "image/tiff",                    "TIFF image",            TIFF),
    kind("heic",     "image/heic",                    "HEIC image",            Begins::Ftyp),
    kind("heif",     "image/heif",                    "HEIF image",            Begins::Ftyp),
    kind("avif",     "image/avif",                    "AVIF image",            Begins::Ftyp),
    kind("pdf",      "application/pdf",               "PDF document",          Begins::Soon(b"%PDF-")),
    kind("doc",      "application/msword",            "Word document",         OLE),
    kind("docx",     DOCX,                            "Word document",         ZIP),
    kind("xls",      "application/vnd.ms-excel",      "Excel workbook",        OLE),
    kind("xlsx",     XLSX,                            "Excel workbook",        ZIP),
    kind("ppt",      "application/vnd.ms-powerpoint", "PowerPoint slide deck", OLE),
    kind("pptx",     PPTX,                            "PowerPoint slide deck", ZIP),
    kind("csv",      "text/csv",                      "CSV table",             Begins::Text),
    kind("txt",      "text/plain",                    "plain text",            Begins::Text),
    kind("md",       "text/markdown",                 "Markdown text",         Begins::Text),
    kind("markdown", "text/markdown",                 "Markdown text",         Begins::Text),
    kind("json",     "application/json",              "JSON text",             Begins::Text),
    kind("xml",      "application/xml",               "XML text",              Begins::Text),
    kind("rtf",      "application/rtf",               "RTF document",          RTF),
];

/// What may be handed in, by extension.
pub const EXTENSIONS: [&str; KINDS.len()] = {
    let mut names = [""; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        names[at] = KINDS[at].extension;
        at += 1;
    }
    names
};

/// What no file may begin with, whatever it is called: programs for Windows and DOS, Linux and its kin, macOS in both
/// orders of bytes and for several machines at once (Java classes begin like those), and scripts.
const PROGRAMS: &[&[u8]] = &[
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xbe\xba\xfe\xca",
    b"\xca\xfe\xba\xbf",
    b"\xbf\xba\xfe\xca",
    b"#!",
];

/// A text may begin like a picture of few letters by chance, but not like one of more.
const TELLING_BYTES: usize = 3;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn of(name: &str) -> Option<&'static Kind> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_lowercase();
    KINDS.iter().find(|kind| kind.extension == extension)
}

/// By the last extension, in whichever case. `None`: not a kind that is taken.
pub fn content_type_of(name: &str) -> Option<&'static str> {
    of(name).map(|kind| kind.content_type)
}

/// What kind of file it is, for a reader. Empty for one that is not taken.
pub fn kind_name(content_type: &str) -> &'static str {
    KINDS.iter().find(|kind| kind.content_type == content_type).map_or("", |kind| kind.name)
}

/// Do both name the same type? Some types go by several names.
pub(super) fn same_type(asked: &str, content_type: &str) -> bool {
    let usual = match asked {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "text/xml" => "application/xml",
        "text/rtf" => "application/rtf",
        "text/x-markdown" => "text/markdown",
        "application/csv" => "text/csv",
        other => other,
    };
    usual == content_type
}

pub(super) fn check_beginning(name: &str, bytes: &[u8]) -> Result<(), FileRefusal> {
    let Some(kind) = of(name) else { return Err(FileRefusal::Kind { name: name.to_owned() }) };
    let marked = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if PROGRAMS.iter().any(|program| bytes.starts_with(program) || marked.starts_with(program)) {
        return Err(FileRefusal::Program { name: name.to_owned() });
    }
    if kind.begins.is_met_by(bytes) {
        return Ok(());
    }
    Err(FileRefusal::Disguised { name: name.to_owned(), kind: kind.name })
}

impl Begins {
    fn is_met_by(self, bytes: &[u8]) -> bool {
        match self {
            Self::With(starts) => starts.iter().any(|start| bytes.starts_with(start)),
            Self::Riff(form) => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(&form[..]),
            Self::Ftyp => bytes.get(4..8) == Some(&b"ftyp"[..]),
            Self::Soon(start) => bytes.windows(start.len()).any(|window| window == start),
            Self::Text => !KINDS.iter().any(|kind| kind.begins.is_told_by(bytes)),
        }
    }

    /// Can it be nothing else?
    fn is_told_by(self, bytes: &[u8]) -> bool {
        match self {
            Self::With(starts) => starts.iter().any(|start| start.len() >= TELLING_BYTES && bytes.starts_with(start)),
            Self::Soon(start) => bytes.starts_with(start),
            Self::Riff(_) | Self::Ftyp => self.is_met_by(bytes),
            Self::Text => false,
        }
    }
}
