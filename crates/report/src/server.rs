//! What a server of studies shows besides the pages of the studies: a list of them, and who has to log in.

use std::fmt::Write;

use askama::Template;

const STYLE: &str = include_str!("../templates/page.css");

/// A study in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyLine {
    /// What it is called.
    pub name: String,
    /// Such as `running`.
    pub state: String,
    /// How many have ended, such as `12 of 40`.
    pub trials: String,
    /// The best value, or nothing.
    pub best: String,
    /// When it was begun.
    pub begun: String,
    /// The last sign of life.
    pub last_active: String,
}

impl StudyLine {
    /// The address of its page.
    fn address(&self) -> String {
        let mut address = "/studies/".to_owned();
        for byte in self.name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    address.push(char::from(byte));
                }
                _ => drop(write!(address, "%{byte:02X}")),
            }
        }
        address
    }
}

#[derive(Template)]
#[template(path = "server.html")]
struct ServerPage<'a> {
    style: &'static str,
    title: &'a str,
    /// None where the page is no list.
    studies: Option<&'a [StudyLine]>,
    message: &'a str,
    asks: bool,
}

/// Lists the studies.
pub fn studies_page(studies: &[StudyLine]) -> String {
    let message = match studies.is_empty() {
        true => "There is no study yet. This page reads itself again every few seconds.",
        false => "",
    };
    render(&ServerPage {
        style: STYLE,
        title: "Studies",
        studies: Some(studies),
        message,
        asks: false,
    })
}

/// Asks for the token, `again` where what was given was none.
pub fn login_page(again: bool) -> String {
    let message = match again {
        true => "That is not the token of this server.",
        false => "",
    };
    render(&ServerPage { style: STYLE, title: "Who is there?", studies: None, message, asks: true })
}

/// Says something, such as that a page does not exist.
pub fn message_page(title: &str, message: &str) -> String {
    render(&ServerPage { style: STYLE, title, studies: None, message, asks: false })
}

fn render(page: &ServerPage) -> String {
    // askama takes a template's last end of line for none.
    page.render().expect("values are text, and memory is no disk") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_leads_to_its_page_whatever_it_is_called() {
        let name = "a/b <b>\"ü".to_owned();
        let page = studies_page(&[StudyLine { name, ..StudyLine::default() }]);
        assert!(page.contains("href=\"/studies/a%2Fb%20%3Cb%3E%22%C3%BC\""), "{page}");
        assert!(!page.contains("<b>") && page.contains("a/b &#60;b&#62;"), "{page}");
        assert!(page.contains("http-equiv=\"refresh\""));
    }

    #[test]
    fn who_logs_in_gives_the_token_in_the_body_of_a_form() {
        let page = login_page(true);
        assert!(page.contains("method=\"post\" action=\"/login\""), "{page}");
        assert!(page.contains("type=\"password\"") && page.contains("not the token"), "{page}");
        assert!(!login_page(false).contains("not the token"));
        assert!(message_page("None", "a <i>").contains("a &#60;i&#62;"));
    }
}
