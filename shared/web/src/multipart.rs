//! Reader of forms with files (`multipart/form-data`), which are read as a whole and within limits.

use std::convert::Infallible;

use axum::extract::Request;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;

use crate::extract::read_limited_body;
use crate::problem::Problem;

/// Maximum number of parts of a form.
const PARTS_MAX: usize = 40;
/// Maximum size of everything besides the files: boundaries, headers and other form fields.
pub const FORM_OVERHEAD_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct FormPart {
    /// Name of the form field.
    pub field: String,
    /// File name as sent by the client, not validated. `None` if the part is not a file.
    pub file_name: Option<String>,
    pub bytes: Bytes,
}

/// Reads all parts of a form in their order.
pub async fn read_parts(request: Request, bytes_max: usize) -> Result<Vec<FormPart>, Problem> {
    let content_type =
        request.headers().get(CONTENT_TYPE).and_then(|content_type| content_type.to_str().ok()).map(str::to_owned);
    // The body is read before any refusal, because a client that is still sending would not see the response.
    let body = read_limited_body(request, bytes_max).await?;
    let boundary =
        content_type.and_then(|content_type| multer::parse_boundary(content_type).ok()).ok_or_else(|| {
            invalid_body("The body must be multipart/form-data, with a part named file for each file".to_owned())
        })?;
    let body = stream::iter([Ok::<_, Infallible>(body)]);
    let mut form = multer::Multipart::new(body, boundary);
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.map_err(|error| malformed_form(&error))? {
        if parts.len() == PARTS_MAX {
            return Err(invalid_body(format!("The form has more than {PARTS_MAX} parts")));
        }
        let field = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(unescape_file_name);
        let bytes = part.bytes().await.map_err(|error| malformed_form(&error))?;
        parts.push(FormPart { field, file_name, bytes });
    }
    Ok(parts)
}

/// Decodes a file name. Clients percent-encode only these three characters, as the HTML standard says.
fn unescape_file_name(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

fn malformed_form(error: &multer::Error) -> Problem {
    invalid_body(format!("The form can't be read: {error}"))
}

fn invalid_body(message: String) -> Problem {
    Problem::invalid_request(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(content_type: &str, body: &[u8]) -> Request {
        Request::builder().header(CONTENT_TYPE, content_type).body(Body::from(body.to_vec())).unwrap()
    }

    const KIND: &str = "multipart/form-data; boundary=x";

    #[tokio::test]
    async fn form_parts_keep_order_names_and_bytes() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Zoë %22発%22.txt\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\n\r\n--y\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"notes\"\r\n\r\nhello\r\n--x--\r\n";
        let parts = read_parts(request(KIND, body.as_bytes()), 10_000).await.unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].field.as_str(), parts[0].file_name.as_deref()), ("file", Some("Zoë \"発\".txt")));
        assert_eq!(&parts[0].bytes[..], b"\r\n--y");
        assert_eq!(
            (parts[1].field.as_str(), &parts[1].file_name, &parts[1].bytes[..]),
            ("notes", &None, &b"hello"[..])
        );
    }

    #[tokio::test]
    async fn invalid_form_is_refused() {
        let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        for (content_type, body) in [
            ("application/json", "{}".to_owned()),
            ("multipart/form-data", part.to_owned()),
            (KIND, String::new()),
            (KIND, "--x\r\nno header".to_owned()),
            (KIND, part.to_owned()),
            (KIND, format!("{}--x--\r\n", part.repeat(PARTS_MAX + 1))),
        ] {
            let refused = read_parts(request(content_type, body.as_bytes()), 10_000).await;
            assert!(matches!(refused, Err(Problem::Invalid(_))), "{content_type} {body:?}: {refused:?}");
        }
        let long = read_parts(request(KIND, &[b'x'; 10_001]), 10_000).await;
        assert!(matches!(long, Err(Problem::TooLarge { limit_bytes: 10_000 })));
    }
}
