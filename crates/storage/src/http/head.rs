//! Heads of requests and answers of HTTP/1.1, as far as they are needed here.

use std::io::{self, BufRead, ErrorKind};

use super::socket::Buffered;

const LONGEST: usize = 16 << 10;
const MOST_HEADERS: usize = 64;

/// What a request asks for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct RequestHead {
    pub method: String,
    /// Without what follows a `?`.
    pub path: String,
    pub upgrade: Option<String>,
    /// What follows `Bearer`.
    pub bearer: Option<String>,
    pub cookies: String,
    /// How many bytes follow.
    pub length: usize,
}

/// Reads the bytes of a head, up to the empty line that ends it; none where the other side says nothing.
fn read(stream: &mut Buffered) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    loop {
        let new = stream.fill_buf()?;
        if new.is_empty() {
            return if head.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
        // Who speaks TLS would never send the end of a head, and wait for an answer.
        if head.is_empty() && !new[0].is_ascii_uppercase() {
            return Err(invalid("it does not begin as HTTP does"));
        }
        // What has come may end with a part of the four bytes.
        let from = head.len().saturating_sub(3);
        let (before, came) = (head.len(), new.len());
        head.extend_from_slice(new);
        let end = head[from..].windows(4).position(|four| four == b"\r\n\r\n");
        let used = end.map_or(came, |end| from + end + 4 - before);
        stream.consume(used);
        if end.is_some() {
            head.truncate(before + used);
            return Ok(Some(head));
        }
        if head.len() > LONGEST {
            return Err(invalid("the head is too long"));
        }
    }
}

fn invalid(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_string())
}

/// Reads the head of a request.
pub(super) fn request(stream: &mut Buffered) -> io::Result<Option<RequestHead>> {
    let Some(bytes) = read(stream)? else { return Ok(None) };
    parse(&bytes).map(Some)
}

fn parse(bytes: &[u8]) -> io::Result<RequestHead> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    if request.parse(bytes).map_err(invalid)?.is_partial() {
        return Err(invalid("the head is not complete"));
    }
    let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
    let mut head = RequestHead {
        method: request.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        ..RequestHead::default()
    };
    for header in request.headers.iter() {
        let Ok(value) = std::str::from_utf8(header.value) else { continue };
        match header.name.to_ascii_lowercase().as_str() {
            "upgrade" => head.upgrade = Some(value.to_owned()),
            "authorization" => head.bearer = value.strip_prefix("Bearer ").map(str::to_owned),
            "cookie" => head.cookies = value.to_owned(),
            "content-length" => head.length = value.parse().map_err(invalid)?,
            // Nothing of ours sends a body whose length it does not know.
            "transfer-encoding" => return Err(invalid("no transfer encoding is known")),
            _ => {}
        }
    }
    Ok(head)
}

/// Reads the head of an answer: its status. What follows it is left.
pub(super) fn status(stream: &mut Buffered) -> io::Result<u16> {
    let bytes = read(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&bytes).map_err(invalid)?;
    response.code.ok_or_else(|| invalid("the answer has no status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_without_what_is_not_needed() {
        let head = parse(
            b"GET /studies/a%20b?token=x HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\nUPGRADE: burn-tune/1\r\n\
              Authorization: Bearer secret\r\nContent-Length: 7\r\n\r\n",
        );
        let expected = RequestHead {
            method: "GET".into(),
            path: "/studies/a%20b".into(),
            upgrade: Some("burn-tune/1".into()),
            bearer: Some("secret".into()),
            cookies: "a=b".into(),
            length: 7,
        };
        assert_eq!(head.unwrap(), expected);
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        for wrong in [
            "\r\n\r\n",
            "GET\r\n\r\n",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            "\x16\x03\x01\x02\x00\r\n\r\n",
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
