//! Request that the owner of a target has at hand: a curl line, an `.http` file or a HAR.
//!
//! It is read as text. Nothing in it is run, and it is never sent itself.

mod curl;
mod har;
mod http_file;
mod shell;
mod signed;
mod text;

pub(super) use self::signed::signed;
pub(super) use self::text::{
    Given, GivenError, MARKS, basic, mark, mark_base64, mark_number, marked, unmarked,
};
use self::text::{ReadFile, bare};

/// Reads a request. `entry` is the number of an entry of a HAR, from 1.
pub(super) fn read(text: &str, entry: Option<usize>, file: ReadFile<'_>) -> Result<Given, GivenError> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.trim_start_matches(['$', ' ']).split_whitespace().next().unwrap_or_default();
    let given = if first == "curl" || first.ends_with("/curl") || first == "curl.exe" {
        curl::read(text, file)
    } else if text.starts_with('{') {
        har::read(text, entry)
    } else {
        http_file::read(text)
    };
    given.and_then(checked)
}

fn checked(mut given: Given) -> Result<Given, GivenError> {
    if given.body.trim().is_empty() && matches!(given.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
        return Err(GivenError::Empty { method: given.method, url: bare(&given.url) });
    }
    if !given.url.contains("://") {
        given.url = format!("http://{}", given.url);
    }
    let type_of = given.header("content-type").unwrap_or_default();
    let is_json = given.body.trim_start().starts_with(['{', '[']);
    let is_no_form = !is_json && given.body.trim_end().contains(char::is_whitespace);
    if is_no_form && type_of.contains("form-urlencoded") {
        given.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        given.headers.push(("content-type".to_owned(), "text/plain".to_owned()));
        let note = "its content type is that of a form, and its body has spaces or lines, which a form has not: it \
                    is sent as text/plain";
        given.notes.push(note.to_owned());
    } else if is_json && (type_of.is_empty() || type_of.contains("form-urlencoded")) {
        let is_form = !type_of.is_empty();
        given.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        given.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        if is_form {
            let note =
                "its content type is that of a form, and its body is JSON: it is sent as application/json";
            given.notes.push(note.to_owned());
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_file(_: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    #[test]
    fn a_request_is_known_by_its_beginning() {
        let curl = read("$ curl localhost/a -d '[1]'", None, &no_file).unwrap();
        let http = read("POST localhost/a\ncontent-type: application/json\n\n[1]", None, &no_file);
        assert_eq!(
            (curl.method.as_str(), curl.url.as_str(), curl.body.as_str()),
            ("POST", "http://localhost/a", "[1]")
        );
        assert_eq!(http.unwrap().headers, curl.headers);
        assert!(curl.notes[0].contains("application/json"), "{:?}", curl.notes);
        let line =
            read("curl localhost/write --data-binary 'm,id=1,b=x value=0.6 14'", None, &no_file).unwrap();
        assert_eq!(line.header("content-type"), Some("text/plain"));
        assert!(line.notes[0].contains("text/plain"), "{:?}", line.notes);
        let empty = read("curl http://me:hunter2@a/b?c=d", None, &no_file).unwrap_err();
        assert_eq!(empty, GivenError::Empty { method: "GET".to_owned(), url: "http://a/b".to_owned() });
    }
}
