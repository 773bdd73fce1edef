//! What a browser is shown, and who it has to be.

use super::head::RequestHead;
use super::respond::Response;
use super::token::{Token, same};

/// A page, as its maker has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// 200, or what is wrong: 404, 500.
    pub status: u16,
    /// The document.
    pub html: String,
}

/// Makes the pages of a server.
pub trait Pages: Send + Sync {
    /// Asks for the token, `again` where what was given was none.
    fn login(&self, again: bool) -> String;
    /// Lists the studies.
    fn studies(&self) -> Page;
    /// The page of a study.
    fn study(&self, name: &str) -> Page;
}

const COOKIE: &str = "burn-tune";
const LOGIN_PATH: &str = "/login";
/// The longest that a browser sends to log in.
const LONGEST_BODY: usize = 4096;

/// How many bytes of a body are read, or none where that would be too many.
pub(super) fn body_length(head: &RequestHead) -> Option<usize> {
    (head.length <= LONGEST_BODY).then_some(head.length)
}

/// Answers a browser.
///
/// The token comes in the body of a form, so that no address, and with it no log, history or referrer, ever has it.
/// What the browser keeps is made of the token, and opens the pages alone.
pub(super) fn answer(
    pages: &dyn Pages,
    token: &Token,
    encrypted: bool,
    head: &RequestHead,
    body: &[u8],
) -> Response {
    match (head.method.as_str(), head.path.as_str()) {
        ("POST", LOGIN_PATH) => return login(pages, token, encrypted, body),
        ("GET" | "HEAD", _) => {}
        _ => return Response::text(405, "GET is all that there is here"),
    }
    if !may_look(token, head) {
        return Response::html(401, pages.login(false));
    }
    let page = match head.path.strip_prefix("/studies/") {
        Some(name) => match percent_decoded(name) {
            Some(name) => pages.study(&name),
            None => return Response::text(400, "the address is not written as addresses are"),
        },
        None if head.path == "/" => pages.studies(),
        None => return Response::text(404, "there is no such page"),
    };
    Response::html(page.status, page.html)
}

fn may_look(token: &Token, head: &RequestHead) -> bool {
    let expected = token.of_browsers();
    let cookies = head.cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let mut ours = cookies.filter(|(name, _)| *name == COOKIE);
    ours.any(|(_, value)| same(value, &expected))
}

fn login(pages: &dyn Pages, token: &Token, encrypted: bool, body: &[u8]) -> Response {
    let form = String::from_utf8_lossy(body);
    let given = form.split('&').find_map(|field| field.strip_prefix("token="));
    let given = given.and_then(|given| percent_decoded(&given.replace('+', " ")));
    let given = given.and_then(|given| Token::parse(&given));
    if !given.is_some_and(|given| same(&given.shown(), &token.shown())) {
        return Response::html(401, pages.login(true));
    }
    let secure = if encrypted { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict{secure}", token.of_browsers());
    Response::redirect("/", cookie)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                u8::try_from(digit(high)? * 16 + digit(low)?).ok()?
            }
            (b'%', _) => return None,
            (byte, _) => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Pages for Fixed {
        fn login(&self, again: bool) -> String {
            format!("login, again: {again}")
        }

        fn studies(&self) -> Page {
            Page { status: 200, html: "studies".into() }
        }

        fn study(&self, name: &str) -> Page {
            Page { status: 200, html: format!("study {name}") }
        }
    }

    fn token() -> Token {
        Token::new([1; 32], [2; 32])
    }

    fn ask(method: &str, path: &str, cookies: &str, body: &str) -> (u16, String) {
        let head = RequestHead {
            method: method.into(),
            path: path.into(),
            cookies: cookies.into(),
            ..RequestHead::default()
        };
        let response = answer(&Fixed, &token(), true, &head, body.as_bytes());
        (response.status, String::from_utf8(response.bytes()).unwrap())
    }

    #[test]
    fn who_logs_in_with_the_token_sees_the_pages_and_nobody_else_does() {
        for cookies in ["", "burn-tune=", "burn-tune=x", &format!("burn-tune={}", token().shown())]
        {
            let (status, text) = ask("GET", "/studies/a", cookies, "");
            assert_eq!(status, 401, "{cookies}");
            assert!(text.ends_with("login, again: false"), "{text}");
        }
        let wrong = Token::new([1; 32], [3; 32]);
        for body in ["", "token=", "token=%zz", &format!("token={}", wrong.line().trim())] {
            let (status, text) = ask("POST", "/login", "", body);
            assert_eq!((status, text.ends_with("login, again: true")), (401, true), "{body}");
            assert!(!text.contains("Set-Cookie"), "{text}");
        }
        let (status, text) = ask("POST", "/login", "", &format!("token={}", token().line().trim()));
        assert_eq!(status, 303);
        let cookie = text.lines().find_map(|line| line.strip_prefix("Set-Cookie: ")).unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        let cookie = format!("other=1; {}", cookie.split(';').next().unwrap());
        assert!(!text.contains(&token().shown()), "{text}");
        let (status, text) = ask("GET", "/", &cookie, "");
        assert_eq!((status, text.ends_with("\r\n\r\nstudies")), (200, true), "{text}");
        assert!(ask("GET", "/studies/a%20b%2f%C3%BC", &cookie, "").1.ends_with("study a b/ü"));
        for (path, status) in [("/studies/%", 400), ("/studies/%ff", 400), ("/other", 404)] {
            assert_eq!(ask("GET", path, &cookie, "").0, status, "{path}");
        }
        assert_eq!(ask("DELETE", "/", &cookie, "").0, 405);
    }
}
