//! Downloads from servers that behave well and from others.

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::fleet::message::Digester;

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";
const TORN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\na";
const REST: &str = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 1-2/3\r\ncontent-length: 2\r\n\
                    connection: close\r\n\r\nbc";
const OTHER_REST: &str = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-2/3\r\n\
                          content-length: 1\r\nconnection: close\r\n\r\nc";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const GONE: &str = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A server that gives each of these answers to a connection of its own, and a command that leads to it.
async fn served(answers: &'static [&'static str]) -> (Command, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let file_url = format!("http://{}/f", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            asked.push(String::from_utf8_lossy(&request[..length]).to_lowercase());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    let (id, version, sign) = ("77".to_owned(), "2.0".to_owned(), String::new());
    (Command { id, version, sign, sign_method: Digester::Sha256, file_url, size: 3 }, asked)
}

fn downloader() -> Downloader {
    Downloader::new(Line { rate: None, slow: Duration::ZERO }, Tally::default())
}

fn fetched(file: &str) -> Fetched {
    Fetched { bytes: 3, digest: hex::encode(Sha256::digest(file)) }
}

#[tokio::test]
async fn a_download_is_digested_as_it_arrives() {
    let (command, _) = served(&[GOOD]).await;
    assert_eq!(downloader().fetch(&command, Manner::Whole).await, Ok(fetched("abc")));
}

#[tokio::test]
async fn a_corrupted_byte_changes_the_digest_and_not_the_length() {
    let (command, _) = served(&[GOOD]).await;
    assert_eq!(downloader().fetch(&command, Manner::Corrupted).await, Ok(fetched("`bc")));
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let (command, _) = served(&[BUSY, GOOD]).await;
    assert_eq!(downloader().fetch(&command, Manner::Whole).await, Ok(fetched("abc")));
}

#[tokio::test]
async fn only_what_is_missing_is_asked_for_again() {
    let (command, asked) = served(&[TORN, REST]).await;
    let downloader = downloader();
    assert_eq!(downloader.fetch(&command, Manner::Whole).await, Ok(fetched("abc")));
    let asked = asked.await.unwrap();
    assert!(!asked[0].contains("range:") && asked[1].contains("range: bytes=1-\r\n"), "{asked:?}");
    assert_eq!(downloader.tally.counted().resumed, 1);
}

#[tokio::test]
async fn a_server_that_does_not_know_ranges_begins_anew() {
    let (command, _) = served(&[TORN, GOOD]).await;
    assert_eq!(downloader().fetch(&command, Manner::Whole).await, Ok(fetched("abc")));
}

#[tokio::test]
async fn another_part_than_the_one_that_was_asked_for_is_not_taken() {
    let (command, _) = served(&[TORN, OTHER_REST, REST]).await;
    assert_eq!(downloader().fetch(&command, Manner::Whole).await, Ok(fetched("abc")));
}

#[tokio::test]
async fn half_of_it_and_then_the_rest_are_the_file() {
    let (command, _) = served(&[GOOD, REST]).await;
    let Err(NoFirmware::BrokeOff(kept)) = downloader().fetch(&command, Manner::Half).await else {
        panic!("half a download is no firmware");
    };
    assert_eq!(kept.bytes(), 1);
    assert_eq!(downloader().fetch(&command, Manner::Rest(kept)).await, Ok(fetched("abc")));
}

#[tokio::test]
async fn a_void_link_is_not_tried_again() {
    let (command, _) = served(&[GONE]).await;
    assert_eq!(downloader().fetch(&command, Manner::Whole).await, Err(NoFirmware::Gone));
}

#[test]
fn the_servers_pause_is_kept_within_reason() {
    let told = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        pause(&headers)
    };
    assert_eq!(told("2"), Duration::from_secs(2));
    assert_eq!((told("0"), told("99999")), PAUSES);
    assert_eq!((told("soon"), pause(&HeaderMap::new())), (PAUSE, PAUSE));
}
