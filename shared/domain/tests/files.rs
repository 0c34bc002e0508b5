//! Validation of files and cleaning of file names.

use handrail_domain::file::{
    EXTENSIONS, FILE_BYTES_MAX, FileError, NAME_CHARS_MAX, check_accepted, check_file, clean_name,
};
use proptest::prelude::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";
const ZIP: &[u8] = b"PK\x03\x04....";
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....";

/// One minimal file of each kind.
fn file_examples() -> Vec<(&'static str, &'static [u8], &'static str)> {
    vec![
        ("a.png", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.jpeg", b"\xff\xd8\xff\xe1", "image/jpeg"),
        ("a.gif", b"GIF89a", "image/gif"),
        ("a.webp", b"RIFF\x01\0\0\0WEBP", "image/webp"),
        ("a.svg", b"<svg/>", "image/svg+xml"),
        ("a.bmp", b"BM\0\0", "image/bmp"),
        ("a.tif", b"II*\0", "image/tiff"),
        ("a.tiff", b"MM\0*", "image/tiff"),
        ("a.heic", b"\0\0\0\x18ftypheic", "image/heic"),
        ("a.heif", b"\0\0\0\x18ftypmif1", "image/heif"),
        ("a.avif", b"\0\0\0\x18ftypavif", "image/avif"),
        ("a.pdf", b"%PDF-1.7", "application/pdf"),
        ("a.doc", OLE, "application/msword"),
        ("a.docx", ZIP, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xls", OLE, "application/vnd.ms-excel"),
        ("a.xlsx", ZIP, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.ppt", OLE, "application/vnd.ms-powerpoint"),
        ("a.pptx", ZIP, "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("a.csv", b"a,b\n", "text/csv"),
        ("a.txt", b"", "text/plain"),
        ("a.md", b"# a", "text/markdown"),
        ("a.markdown", b"# a", "text/markdown"),
        ("a.json", b"{}", "application/json"),
        ("a.xml", b"<a/>", "application/xml"),
        ("a.rtf", b"{\\rtf1}", "application/rtf"),
    ]
}

#[test]
fn file_kind_is_last_extension_ignoring_case() {
    let examples = file_examples();
    let names: Vec<String> = EXTENSIONS.iter().map(|extension| format!("a.{extension}")).collect();
    assert_eq!(examples.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), names);
    for (name, bytes, content_type) in examples {
        for name in [name.to_owned(), name.to_uppercase(), format!("x.exe.{name}")] {
            let checked = check_file(&name, bytes).unwrap();
            assert_eq!((checked.name, checked.content_type), (name, content_type));
            assert_eq!(checked.size, bytes.len() as u64);
        }
    }
    let known = check_file("a.txt", b"abc").unwrap().sha256;
    assert_eq!(known, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn name_with_unsupported_extension_is_refused() {
    for name in [
        "a.exe",
        "a.png.exe",
        "a.js",
        "a.html",
        "a.docm",
        "a.zip",
        "a",
        "png",
        "a.png\u{202e}exe",
        "a.p\u{443}",
        "a.sh.",
    ] {
        assert!(matches!(check_file(name, b"x"), Err(FileError::Kind { .. })), "{name}");
    }
    for name in ["", "   ", "a/", "..", "\u{202e}", "\0"] {
        assert_eq!(check_file(name, b"x"), Err(FileError::NoName), "{name:?}");
    }
}

#[test]
fn executable_is_refused_under_any_name() {
    let programs: [&[u8]; 12] = [
        b"MZ\x90",
        b"\x7fELF\x02",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"\xbe\xba\xfe\xca",
        b"\xca\xfe\xba\xbf",
        b"\xbf\xba\xfe\xca",
        b"#!/bin/sh",
        b"\xef\xbb\xbf#!/bin/sh",
    ];
    for program in programs {
        for extension in EXTENSIONS {
            let refusal = check_file(&format!("a.{extension}"), program).unwrap_err();
            assert!(matches!(refusal, FileError::Program { .. }), "{extension}: {program:?}");
        }
    }
}

#[test]
fn bytes_must_match_file_extension() {
    let examples = file_examples();
    for (name, ..) in &examples {
        for (_, bytes, content_type) in &examples {
            let result = check_file(name, bytes);
            let same_signature =
                examples.iter().any(|(other, example, _)| other == name && example.get(..3) == bytes.get(..3));
            let is_text_extension = ["a.svg", "a.csv", "a.txt", "a.md", "a.markdown", "a.json", "a.xml"].contains(name);
            let is_text_content = content_type.starts_with("text/")
                || ["image/svg+xml", "application/json", "application/xml", "image/bmp"].contains(content_type);
            let same_family = (name.starts_with("a.ti") && *content_type == "image/tiff")
                || (["a.heic", "a.heif", "a.avif"].contains(name)
                    && ["image/heic", "image/heif", "image/avif"].contains(content_type));
            if is_text_extension && is_text_content || same_signature || same_family {
                assert!(result.is_ok(), "{name} as {content_type}: {result:?}");
            } else {
                assert!(matches!(result, Err(FileError::Disguised { .. })), "{name} as {content_type}: {result:?}");
            }
        }
    }
    assert!(check_file("a.pdf", b"\n\n%PDF-1.4").is_ok(), "PDF readers skip bytes before the header");
}

#[test]
fn file_size_limit_is_exact() {
    let mut bytes = vec![b'x'; FILE_BYTES_MAX];
    assert_eq!(check_file("a.txt", &bytes).unwrap().size, 10_485_760);
    bytes.push(b'x');
    assert_eq!(check_file("a.txt", &bytes), Err(FileError::TooLarge { name: "a.txt".to_owned() }));
}

#[test]
fn names_lose_paths_and_unsafe_characters() {
    for (name, cleaned) in [
        ("Rechnung für Zoë 発注書.pdf", "Rechnung für Zoë 発注書.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ann\\a.png", "a.png"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        (".png", "file.png"),
        ("a.txt. . ", "a.txt"),
        ("👩‍💻.md", "👩‍💻.md"),
    ] {
        assert_eq!(clean_name(name).as_deref(), Some(cleaned));
    }
    let long = clean_name(&format!("{}.jpeg", "ä".repeat(500))).unwrap();
    assert_eq!(long.chars().count(), NAME_CHARS_MAX);
    assert!(long.ends_with("ä.jpeg"));
}

#[test]
fn accept_list_takes_types_wildcards_and_extensions() {
    let is_accepted = |accept: &[&str], name: &str, content_type: &str| {
        let accept: Vec<String> = accept.iter().map(|&pattern| pattern.to_owned()).collect();
        check_accepted(name, content_type, &accept).is_ok()
    };
    assert!(is_accepted(&[], "a.pdf", "application/pdf"));
    assert!(is_accepted(&["image/*"], "a.png", "image/png"));
    assert!(is_accepted(&[" .PDF"], "A.pdf", "application/pdf"));
    assert!(is_accepted(&["text/plain", "image/jpg"], "a.jpg", "image/jpeg"));
    assert!(is_accepted(&["*/*"], "a.jpg", "image/jpeg"));
    assert!(!is_accepted(&["image/*", ".pdf", "text/csv"], "a.txt", "text/plain"));
    assert!(!is_accepted(&["image"], "a.png", "image/png"));
}

proptest! {
    #[test]
    fn cleaned_name_is_short_safe_and_stable(name in "\\PC*|[\\x00-\\x{2fff}./\\\\]{0,300}") {
        if let Some(cleaned) = clean_name(&name) {
            let chars = cleaned.chars().count();
            prop_assert!((1..=NAME_CHARS_MAX).contains(&chars));
            let unsafe_chars = cleaned.chars().filter(|c| c.is_control() || ['/', '\\', '\u{202e}'].contains(c));
            prop_assert_eq!(unsafe_chars.count(), 0);
            let again = clean_name(&cleaned);
            prop_assert_eq!(again.as_deref(), Some(cleaned.as_str()));
        }
    }
}
