//! How the test bed reaches a cluster's servers: plainly, or as a client with credentials or TLS.

use crate::driver::{Driver, quote};
use crate::remoting::{Response, request};
use serde_json::{Map, Value};
use std::io;
use std::net::SocketAddr;

/// Options every driver command for a cluster gets, such as `ak=user sk=secret` or `tls=true`.
///
/// Without any, requests go out from here. With some, the Java driver sends them: signing and TLS are its business.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    options: String,
}

impl Access {
    pub(crate) fn new(options: &str) -> Access {
        Access { options: options.to_owned() }
    }

    /// The options as a part of a driver's line: empty, or with a blank before.
    pub(crate) fn words(&self) -> String {
        if self.options.is_empty() { String::new() } else { format!(" {}", self.options) }
    }

    /// Sends one request and waits for the answer.
    pub(crate) fn request(
        &self,
        to: SocketAddr,
        code: i32,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        if self.options.is_empty() {
            return request(to, code, fields, body);
        }
        let mut line = format!("raw {to} {code}{}", self.words());
        for (name, value) in fields {
            line.push_str(&format!(" x.{name}={}", quote(value)));
        }
        if !body.is_empty() {
            line.push_str(&format!(" body={}", quote(&String::from_utf8_lossy(body))));
        }
        let answer = Driver::try_shared().and_then(|driver| driver.call(&line)).map_err(io::Error::other)?;
        parse(&answer).ok_or_else(|| io::Error::other(format!("not an answer to `raw`: {answer}")))
    }
}

/// `code N`, `remark TEXT` of one or more lines, `x.FIELD VALUE` lines, `body TEXT` to the end.
fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\nbody ").or_else(|| Some((answer.strip_suffix("\nbody")?, "")))?;
    let (code, rest) = head.strip_prefix("code ")?.split_once('\n')?;
    let mut remark = String::new();
    let mut fields = Map::new();
    for line in rest.lines() {
        match line.strip_prefix("x.").and_then(|field| field.split_once(' ')) {
            Some((name, value)) => {
                fields.insert(name.to_owned(), Value::String(value.to_owned()));
            }
            None => remark.push_str(line.strip_prefix("remark ").unwrap_or(line)),
        }
    }
    Some(Response { code: code.parse().ok()?, remark, fields, body: body.as_bytes().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_of_raw_has_all_parts() {
        let response = parse("code 0\nremark null\nx.offset 7\nbody {\"a\":1}\n2").unwrap();
        assert_eq!((response.code, response.number("offset")), (0, Some(7)));
        assert_eq!(response.text(), "{\"a\":1}\n2");
        assert!(parse("code 1\nremark no\nbody ").unwrap().body.is_empty());
        assert!(parse("something else").is_none());
    }
}
