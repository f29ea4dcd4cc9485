//! A gateway that answers what it is told to, in order, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// A request as it came in.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A gateway for as many requests as it has answers.
pub(crate) struct Script {
    pub(crate) url: String,
    serving: JoinHandle<Vec<Asked>>,
}

impl Script {
    /// Answers with these statuses and bodies.
    pub(crate) fn new(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve =
            move || answers.into_iter().map(|(status, body)| exchange(&listener, status, &body)).collect();
        Self { url, serving: thread::spawn(serve) }
    }

    /// Answers one request with success.
    pub(crate) fn once(body: &str) -> Self {
        Self::new(vec![(200, body.to_owned())])
    }

    /// What was asked, once every answer was given.
    pub(crate) fn asked(self) -> Vec<Asked> {
        self.serving.join().unwrap()
    }

    /// The only thing that was asked.
    pub(crate) fn asked_once(self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1);
        asked.remove(0)
    }
}

fn exchange(listener: &TcpListener, status: u16, body: &str) -> Asked {
    let (mut stream, _) = listener.accept().unwrap();
    let asked = receive(&mut stream);
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    asked
}

fn receive(stream: &mut TcpStream) -> Asked {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers: BTreeMap<_, _> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    if headers.contains_key("expect") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let line = lines[0].trim_end_matches(" HTTP/1.1").to_owned();
    Asked { line, headers, body }
}
