//! Answers to requests of HTTP. Each ends its connection: browsers ask little, and clients of ours upgrade theirs.

use std::fmt::Write;

/// An answer.
pub(super) struct Response {
    pub status: u16,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// Of every answer. plotly.js compiles code while it runs, hence unsafe-eval. Nothing of a page is kept, is shown within another, or asks the network for anything.
const HEADERS: &str = "Connection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
                       X-Content-Type-Options: nosniff\r\n\
                       Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; \
                       style-src 'unsafe-inline'; img-src data: blob:; font-src data:; form-action 'self'; \
                       frame-ancestors 'none'; base-uri 'none'\r\n";

impl Response {
    pub fn text(status: u16, text: &str) -> Self {
        let body = format!("{text}\n");
        Response { status, kind: "text/plain; charset=utf-8", headers: Vec::new(), body }
    }

    pub fn html(status: u16, body: String) -> Self {
        Response { status, kind: "text/html; charset=utf-8", headers: Vec::new(), body }
    }

    pub fn redirect(to: &str, cookie: String) -> Self {
        let headers = vec![("Location", to.to_owned()), ("Set-Cookie", cookie)];
        Response { headers, ..Response::text(303, "") }
    }

    /// As it is sent.
    pub fn bytes(self) -> Vec<u8> {
        let Response { status, kind, headers, body } = self;
        let mut text = format!("HTTP/1.1 {status} {}\r\n{HEADERS}", phrase(status));
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        text.push_str(&body);
        text.into_bytes()
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        303 => "See Other",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
