//! A form with files in it: `multipart/form-data`, read whole, within limits.

use std::convert::Infallible;

use axum::extract::Request;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;

use crate::extract::limited_body;
use crate::problem::Problem;

/// Whoever sends more has something else in mind.
const PARTS_MAX: usize = 40;
/// What may stand around the files: the boundaries, the headers, and the other fields of a form.
pub const AROUND_FILES_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct Part {
    /// The field that it belongs to.
    pub field: String,
    /// As the sender calls it, neither cleaned nor believed. Absent: the part is no file.
    pub file_name: Option<String>,
    pub bytes: Bytes,
}

/// All parts, in the order in which they came.
pub async fn parts(request: Request, bytes_max: usize) -> Result<Vec<Part>, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    // Before a refusal too: a client that is still sending reads none.
    let body = limited_body(request, bytes_max).await?;
    let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok()).ok_or_else(|| {
        unreadable("The body must be multipart/form-data, with a part named file for each file".to_owned())
    })?;
    let body = stream::iter([Ok::<_, Infallible>(body)]);
    let mut form = multer::Multipart::new(body, boundary);
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.map_err(|error| garbled(&error))? {
        if parts.len() == PARTS_MAX {
            return Err(unreadable(format!("The form has more than {PARTS_MAX} parts")));
        }
        let field = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(unescaped);
        let bytes = part.bytes().await.map_err(|error| garbled(&error))?;
        parts.push(Part { field, file_name, bytes });
    }
    Ok(parts)
}

/// Of a name, clients write these three as in an address, and everything else as it is.
fn unescaped(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

fn garbled(error: &multer::Error) -> Problem {
    unreadable(format!("The form can't be read: {error}"))
}

fn unreadable(message: String) -> Problem {
    Problem::Invalid { field: None, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(kind: &str, body: &[u8]) -> Request {
        Request::builder().header(CONTENT_TYPE, kind).body(Body::from(body.to_vec())).unwrap()
    }

    const KIND: &str = "multipart/form-data; boundary=x";

    #[tokio::test]
    async fn parts_come_as_they_were_sent() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Zoë %22発%22.txt\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\n\r\n--y\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"notes\"\r\n\r\nhello\r\n--x--\r\n";
        let parts = parts(request(KIND, body.as_bytes()), 10_000).await.unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].field.as_str(), parts[0].file_name.as_deref()), ("file", Some("Zoë \"発\".txt")));
        assert_eq!(&parts[0].bytes[..], b"\r\n--y");
        assert_eq!(
            (parts[1].field.as_str(), &parts[1].file_name, &parts[1].bytes[..]),
            ("notes", &None, &b"hello"[..])
        );
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused_in_words() {
        let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        for (kind, body) in [
            ("application/json", "{}".to_owned()),
            ("multipart/form-data", part.to_owned()),
            (KIND, String::new()),
            (KIND, "--x\r\nno header".to_owned()),
            (KIND, part.to_owned()),
            (KIND, format!("{}--x--\r\n", part.repeat(PARTS_MAX + 1))),
        ] {
            let refused = parts(request(kind, body.as_bytes()), 10_000).await;
            assert!(matches!(refused, Err(Problem::Invalid { .. })), "{kind} {body:?}: {refused:?}");
        }
        let long = parts(request(KIND, &[b'x'; 10_001]), 10_000).await;
        assert!(matches!(long, Err(Problem::TooLarge { limit_bytes: 10_000 })));
    }
}
