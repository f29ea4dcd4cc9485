//! The link in a `fileUrl`, taken apart and sealed anew with the gateway's own key: what a gateway with another clock
//! would have given, or one that was robbed of its key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::app::Secrets;

/// What is between the link and its token.
const TOKEN: &str = "?t=";

/// The words of a link, in their order: epoch, attempt, end in ms since 1970, product, device, job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    url: String,
    words: Vec<String>,
}

impl Link {
    /// Reads the link in a `fileUrl`.
    pub fn of(file_url: &str) -> Self {
        let (url, token) = file_url.split_once(TOKEN).unwrap();
        let (body, _) = token.split_once('.').unwrap();
        let body = String::from_utf8(URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        let words: Vec<String> = body.split('|').map(str::to_owned).collect();
        assert_eq!(words.len(), 6, "{body}");
        Self { url: url.to_owned(), words }
    }

    /// The same, ending at this time (ms since 1970).
    #[must_use]
    pub fn until(self, ms: i64) -> Self {
        self.with(2, &ms.to_string())
    }

    /// The same for another attempt.
    #[must_use]
    pub fn of_attempt(self, attempt: i64) -> Self {
        self.with(1, &attempt.to_string())
    }

    /// The same for another device of the product.
    #[must_use]
    pub fn of_device(self, device: &str) -> Self {
        self.with(4, device)
    }

    /// The `fileUrl` with it.
    pub fn sealed(&self) -> String {
        let body = URL_SAFE_NO_PAD.encode(self.words.join("|"));
        let mut seal = Hmac::<Sha256>::new_from_slice(Secrets::LINK_KEY.as_bytes()).unwrap();
        seal.update(b"link\0");
        seal.update(body.as_bytes());
        let seal = URL_SAFE_NO_PAD.encode(seal.finalize().into_bytes());
        format!("{}{TOKEN}{body}.{seal}", self.url)
    }

    fn with(mut self, word: usize, value: &str) -> Self {
        value.clone_into(&mut self.words[word]);
        self
    }
}
