//! Accepted file types with the signatures at the beginning of their files.

/// Signature by which the bytes of a file type are recognised.
#[derive(Clone, Copy)]
enum Signature {
    /// One of several sequences at the beginning.
    Prefix(&'static [&'static [u8]]),
    /// RIFF container with this form, such as `RIFF....WEBP`.
    Riff(&'static [u8; 4]),
    /// ISO media file, which begins with an `ftyp` box.
    Ftyp,
    /// Sequence anywhere in the bytes that are read. PDF readers skip leading bytes.
    Anywhere(&'static [u8]),
    /// Text without a signature. Must not have the signature of another type.
    Text,
}

/// Accepted file type.
pub(super) struct Kind {
    extension: &'static str,
    content_type: &'static str,
    /// Name within a sentence, as in "has the extension of a PDF document".
    pub(super) name: &'static str,
    signature: Signature,
}

const fn kind(extension: &'static str, content_type: &'static str, name: &'static str, signature: Signature) -> Kind {
    Kind { extension, content_type, name, signature }
}

const PNG: Signature = Signature::Prefix(&[b"\x89PNG\r\n\x1a\n"]);
const JPEG: Signature = Signature::Prefix(&[b"\xff\xd8\xff"]);
const GIF: Signature = Signature::Prefix(&[b"GIF87a", b"GIF89a"]);
const BMP: Signature = Signature::Prefix(&[b"BM"]);
const TIFF: Signature = Signature::Prefix(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]);
const ZIP: Signature = Signature::Prefix(&[b"PK\x03\x04"]);
const OLE: Signature = Signature::Prefix(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]);
const RTF: Signature = Signature::Prefix(&[b"{\\rt"]);

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// Documents that may contain macros, such as `docm`, are missing because they are programs.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    kind("png",      "image/png",                     "PNG image",             PNG),
    kind("jpg",      "image/jpeg",                    "JPEG image",            JPEG),
    kind("jpeg",     "image/jpeg",                    "JPEG image",            JPEG),
    kind("gif",      "image/gif",                     "GIF image",             GIF),
    kind("webp",     "image/webp",                    "WebP image",            Signature::Riff(b"WEBP")),
    kind("svg",      "image/svg+xml",                 "SVG image",             Signature::Text),
    kind("bmp",      "image/bmp",                     "BMP image",             BMP),
    kind("tif",      "image/tiff",                    "TIFF image",            TIFF),
    kind("tiff",     "image/tiff",                    "TIFF image",            TIFF),
    kind("heic",     "image/heic",                    "HEIC image",            Signature::Ftyp),
    kind("heif",     "image/heif",                    "HEIF image",            Signature::Ftyp),
    kind("avif",     "image/avif",                    "AVIF image",            Signature::Ftyp),
    kind("pdf",      "application/pdf",               "PDF document",          Signature::Anywhere(b"%PDF-")),
    kind("doc",      "application/msword",            "Word document",         OLE),
    kind("docx",     DOCX,                            "Word document",         ZIP),
    kind("xls",      "application/vnd.ms-excel",      "Excel workbook",        OLE),
    kind("xlsx",     XLSX,                            "Excel workbook",        ZIP),
    kind("ppt",      "application/vnd.ms-powerpoint", "PowerPoint slide deck", OLE),
    kind("pptx",     PPTX,                            "PowerPoint slide deck", ZIP),
    kind("csv",      "text/csv",                      "CSV table",             Signature::Text),
    kind("txt",      "text/plain",                    "plain text",            Signature::Text),
    kind("md",       "text/markdown",                 "Markdown text",         Signature::Text),
    kind("markdown", "text/markdown",                 "Markdown text",         Signature::Text),
    kind("json",     "application/json",              "JSON text",             Signature::Text),
    kind("xml",      "application/xml",               "XML text",              Signature::Text),
    kind("rtf",      "application/rtf",               "RTF document",          RTF),
];

/// Accepted extensions.
pub const EXTENSIONS: [&str; KINDS.len()] = {
    let mut names = [""; KINDS.len()];
    let mut index = 0;
    while index < KINDS.len() {
        names[index] = KINDS[index].extension;
        index += 1;
    }
    names
};

/// Signatures of programs, which are rejected under every extension: Windows and DOS, ELF, Mach-O in both byte orders
/// and as universal binary (the signature of Java classes too), and scripts.
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

/// Minimum length of a signature that identifies a type. A text may begin with a shorter one, such as `BM`, by chance.
const IDENTIFYING_BYTES_MIN: usize = 3;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn kind_of_file(name: &str) -> Option<&'static Kind> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_lowercase();
    KINDS.iter().find(|kind| kind.extension == extension)
}

/// Returns the content type for the extension of a name, ignoring case, or `None` if the extension is not accepted.
pub fn content_type_of(name: &str) -> Option<&'static str> {
    kind_of_file(name).map(|kind| kind.content_type)
}

/// Returns the readable name of a content type, or an empty text if the content type is not accepted.
pub fn kind_name(content_type: &str) -> &'static str {
    KINDS.iter().find(|kind| kind.content_type == content_type).map_or("", |kind| kind.name)
}

/// Returns `true` if `accepted` is `content_type` or one of its aliases.
pub(super) fn same_type(accepted: &str, content_type: &str) -> bool {
    let canonical = match accepted {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "text/xml" => "application/xml",
        "text/rtf" => "application/rtf",
        "text/x-markdown" => "text/markdown",
        "application/csv" => "text/csv",
        other => other,
    };
    canonical == content_type
}

/// Returns `true` if the bytes begin with the signature of a program, with or without a byte order mark.
pub(super) fn is_program(bytes: &[u8]) -> bool {
    let without_mark = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    PROGRAMS.iter().any(|program| bytes.starts_with(program) || without_mark.starts_with(program))
}

impl Kind {
    /// Returns `true` if the bytes have the signature of this type.
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        self.signature.matches(bytes)
    }
}

impl Signature {
    fn matches(self, bytes: &[u8]) -> bool {
        match self {
            Self::Prefix(starts) => starts.iter().any(|start| bytes.starts_with(start)),
            Self::Riff(form) => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(&form[..]),
            Self::Ftyp => bytes.get(4..8) == Some(&b"ftyp"[..]),
            Self::Anywhere(start) => bytes.windows(start.len()).any(|window| window == start),
            Self::Text => !KINDS.iter().any(|kind| kind.signature.identifies(bytes)),
        }
    }

    /// Returns `true` if the bytes can only be a file of this type.
    fn identifies(self, bytes: &[u8]) -> bool {
        match self {
            Self::Prefix(starts) => {
                starts.iter().any(|start| start.len() >= IDENTIFYING_BYTES_MIN && bytes.starts_with(start))
            }
            Self::Anywhere(start) => bytes.starts_with(start),
            Self::Riff(_) | Self::Ftyp => self.matches(bytes),
            Self::Text => false,
        }
    }
}
