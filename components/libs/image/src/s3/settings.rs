//! Where a bucket is, and who we are to it.

use rusty_s3::{Bucket, Credentials, UrlStyle};
use url::Url;

/// A bucket that can be called. Its Debug form shows no secret.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// As the gateway reaches it.
    pub(super) internal: Bucket,
    /// As everybody else does.
    pub(super) public: Bucket,
    pub(super) credentials: Credentials,
    /// What all keys begin with.
    pub(super) prefix: String,
}

/// What an operator says of a bucket, as text. No Debug form: there are secrets in it.
#[derive(Clone, Copy)]
pub struct S3Text<'a> {
    /// `http(s)://host[:port]` that the gateway calls; with the style `virtual` the host begins with the bucket.
    pub url: &'a str,
    /// The same for everybody else; `None` when it is the same.
    pub public_url: Option<&'a str>,
    /// The bucket.
    pub bucket: &'a str,
    /// The region that requests are signed for.
    pub region: &'a str,
    /// Where in a URL the bucket stands: `path` or `virtual`.
    pub style: &'a str,
    /// The name of the key that requests are signed with.
    pub access_key: &'a str,
    /// That key.
    pub secret_key: &'a str,
    /// What makes a temporary key valid.
    pub session_token: Option<&'a str>,
    /// What all keys begin with; often it ends with a slash.
    pub prefix: &'a str,
}

/// One of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called as its field of S3Text")]
pub enum S3Setting {
    Url,
    PublicUrl,
    Bucket,
    Region,
    Style,
    Prefix,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {setting:?} of the bucket {reason}")]
pub struct S3SettingsError {
    /// Which.
    pub setting: S3Setting,
    /// What is wrong with it, as the end of a sentence.
    pub reason: &'static str,
}

impl S3Settings {
    /// Checks what an operator says. Nothing is called.
    ///
    /// ```
    /// use ota_image::s3::{S3Setting, S3Settings, S3Text};
    ///
    /// let text = S3Text {
    ///     url: "https://firmware.s3.eu-central-1.amazonaws.com",
    ///     public_url: None,
    ///     bucket: "firmware",
    ///     region: "eu-central-1",
    ///     style: "virtual",
    ///     access_key: "key",
    ///     secret_key: "secret",
    ///     session_token: None,
    ///     prefix: "ota/",
    /// };
    /// assert!(S3Settings::parse(text).is_ok());
    /// let error = S3Settings::parse(S3Text { bucket: "images", ..text }).unwrap_err();
    /// assert_eq!(error.setting, S3Setting::Url);
    /// ```
    pub fn parse(text: S3Text<'_>) -> Result<Self, S3SettingsError> {
        let refused = |setting, reason| S3SettingsError { setting, reason };
        let style = match text.style {
            "path" => UrlStyle::Path,
            "virtual" => UrlStyle::VirtualHost,
            _ => return Err(refused(S3Setting::Style, "is neither path nor virtual")),
        };
        if !is_bucket(text.bucket) {
            return Err(refused(S3Setting::Bucket, "is not 3 to 63 of a-z, 0-9, . and -"));
        }
        if text.region.is_empty()
            || !text.region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(refused(S3Setting::Region, "is not letters, digits and -"));
        }
        if !is_prefix(text.prefix) {
            return Err(refused(
                S3Setting::Prefix,
                "is not up to 512 of A-Z, a-z, 0-9, -, _, . and single slashes behind the first of them",
            ));
        }
        let bucket = |setting, url| {
            let endpoint = endpoint(url, text.bucket, style).map_err(|reason| refused(setting, reason))?;
            Bucket::new(endpoint, style, text.bucket.to_owned(), text.region.to_owned())
                .map_err(|_| refused(setting, NO_HOST))
        };
        let internal = bucket(S3Setting::Url, text.url)?;
        let public = match text.public_url {
            Some(url) => bucket(S3Setting::PublicUrl, url)?,
            None => internal.clone(),
        };
        let credentials = match text.session_token {
            Some(token) => Credentials::new_with_token(text.access_key, text.secret_key, token),
            None => Credentials::new(text.access_key, text.secret_key),
        };
        Ok(Self { internal, public, credentials, prefix: text.prefix.to_owned() })
    }
}

const NO_HOST: &str = "is not http(s)://host[:port]";

/// What the URL of a bucket is made from. A path is refused, since the manifest allows hosts to be called, not paths;
/// a host under which the bucket does not stand would be called without being allowed.
fn endpoint(url: &str, bucket: &str, style: UrlStyle) -> Result<Url, &'static str> {
    let mut endpoint: Url = url.parse().map_err(|_| NO_HOST)?;
    let is_plain = matches!(endpoint.scheme(), "http" | "https")
        && endpoint.path() == "/"
        && endpoint.query().is_none()
        && endpoint.fragment().is_none()
        && !url.contains('@');
    let host = endpoint.host_str().filter(|_| is_plain).ok_or(NO_HOST)?;
    if matches!(style, UrlStyle::VirtualHost) {
        let rest = host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.'));
        let rest = rest.ok_or("has a host that does not begin with the bucket and a dot")?.to_owned();
        endpoint.set_host(Some(&rest)).map_err(|_| NO_HOST)?;
    }
    Ok(endpoint)
}

/// By the rules of S3: what is none could stand for another path or host.
fn is_bucket(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let edges = [text.bytes().next(), text.bytes().next_back()];
    (3..=63).contains(&text.len())
        && text.bytes().all(|byte| is_inner(byte) || matches!(byte, b'-' | b'.'))
        && edges.into_iter().flatten().all(is_inner)
        && !text.contains("..")
}

/// Only what no server and no proxy spells in two ways.
fn is_prefix(text: &str) -> bool {
    let is_named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let segments = text.strip_suffix('/').unwrap_or(text).split('/');
    text.len() <= 512
        && text.bytes().all(is_named)
        && (text.is_empty() || segments.into_iter().all(|segment| !matches!(segment, "" | "." | "..")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: S3Text<'_> = S3Text {
        url: "http://127.0.0.1:8333",
        public_url: None,
        bucket: "firmware",
        region: "us-east-1",
        style: "path",
        access_key: "the-access-key",
        secret_key: "the-secret-key",
        session_token: Some("the-session-token"),
        prefix: "firmware/",
    };

    #[test]
    fn a_bucket_stands_in_the_path_or_in_front_of_the_host() {
        let path = S3Settings::parse(S3Text { public_url: Some("https://cdn.test"), ..PATH }).unwrap();
        assert_eq!(path.internal.base_url().as_str(), "http://127.0.0.1:8333/firmware/");
        assert_eq!(path.public.base_url().as_str(), "https://cdn.test/firmware/");
        let text = S3Text { url: "https://firmware.s3.test:443/", style: "virtual", ..PATH };
        let host = S3Settings::parse(text).unwrap();
        assert_eq!(host.internal.base_url().as_str(), "https://firmware.s3.test/");
        assert_eq!(host.public.base_url().as_str(), "https://firmware.s3.test/");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        use S3Setting::{Bucket, Prefix, PublicUrl, Region, Style, Url};
        let on_host = S3Text { style: "virtual", url: "https://firmware.s3.test", ..PATH };
        for (setting, text) in [
            (Style, S3Text { style: "Path", ..PATH }),
            (Bucket, S3Text { bucket: "", ..PATH }),
            (Bucket, S3Text { bucket: "Firmware", ..PATH }),
            (Bucket, S3Text { bucket: "a/b", ..PATH }),
            (Bucket, S3Text { bucket: "a..b", ..PATH }),
            (Bucket, S3Text { bucket: "-ab", ..PATH }),
            (Region, S3Text { region: "", ..PATH }),
            (Region, S3Text { region: "eu/west", ..PATH }),
            (Prefix, S3Text { prefix: "/", ..PATH }),
            (Prefix, S3Text { prefix: "a//b", ..PATH }),
            (Prefix, S3Text { prefix: "../", ..PATH }),
            (Prefix, S3Text { prefix: "a b", ..PATH }),
            (Url, S3Text { url: "s3.test", ..PATH }),
            (Url, S3Text { url: "ftp://s3.test", ..PATH }),
            (Url, S3Text { url: "https://s3.test/firmware", ..PATH }),
            (Url, S3Text { url: "https://user:word@s3.test", ..PATH }),
            (Url, S3Text { url: "https://s3.test?x", ..PATH }),
            (PublicUrl, S3Text { public_url: Some(""), ..PATH }),
            (Url, S3Text { url: "https://s3.test", ..on_host }),
            (Url, S3Text { url: "https://firmware2.s3.test", ..on_host }),
            (PublicUrl, S3Text { public_url: Some("https://s3.test"), ..on_host }),
        ] {
            let error = S3Settings::parse(text).unwrap_err();
            assert_eq!(error.setting, setting, "{error}");
        }
        for prefix in ["", "ota", "ota/", "a/b-c_d.e/"] {
            assert!(S3Settings::parse(S3Text { prefix, ..PATH }).is_ok(), "{prefix}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", S3Settings::parse(PATH).unwrap());
        assert!(!shown.contains("the-secret-key") && !shown.contains("the-session-token"), "{shown}");
    }
}
