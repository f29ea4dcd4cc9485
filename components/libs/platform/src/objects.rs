//! Where firmware is kept: what comes goes where the operator chose, what is there stays where it was put.

use ota_image::s3::{S3Objects, S3Setting, S3Settings, S3Text};
use ota_image::{KvObjects, Objects, Store};

use crate::closed::Closed;
use crate::gateway::{
    DOWNLOAD, Gateway, OBJECTS, S3_ACCESS_KEY, S3_BUCKET, S3_PREFIX, S3_PUBLIC_URL, S3_REGION, S3_SECRET_KEY,
    S3_SESSION_TOKEN, S3_STYLE, S3_URL,
};

/// What stands in `s3_url` where no bucket is set: Spin takes no empty one.
const UNSET: &str = "https://unset.invalid";

/// How firmware in a bucket reaches a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Through the gateway, every block verified before it leaves.
    Stream,
    /// From the bucket itself, for hosts that cap bodies or time. Blocks are not verified on the way.
    Redirect,
}

impl<'a> Gateway<'a> {
    /// The store that new firmware goes to.
    pub fn objects(&self) -> Result<Box<dyn Objects + 'a>, Closed> {
        let unknown = Closed { variable: OBJECTS, reason: "is neither kv nor s3" };
        match self.variables.get(OBJECTS) {
            None => self.objects_of(Store::Kv),
            Some(text) => self.objects_of(Store::parse(&text).ok_or(unknown)?),
        }
    }

    /// The store that has what was registered as being there, whatever new firmware goes to.
    pub fn objects_of(&self, store: Store) -> Result<Box<dyn Objects + 'a>, Closed> {
        Ok(match store {
            Store::Kv => Box::new(KvObjects(self.kv)),
            Store::S3 => {
                let clock = self.clock;
                let seconds = move || clock.now_ms().div_euclid(1000);
                Box::new(S3Objects::new(self.s3()?, self.transport, seconds))
            }
        })
    }

    /// How firmware in a bucket reaches a device; streamed unless set.
    pub fn delivery(&self) -> Result<Delivery, Closed> {
        match self.variables.get(DOWNLOAD).as_deref() {
            None | Some("stream") => Ok(Delivery::Stream),
            Some("redirect") => Ok(Delivery::Redirect),
            Some(_) => Err(Closed { variable: DOWNLOAD, reason: "is neither stream nor redirect" }),
        }
    }

    fn s3(&self) -> Result<S3Settings, Closed> {
        let url = self.required(S3_URL)?;
        if url.trim_end_matches('/') == UNSET {
            return Err(Closed { variable: S3_URL, reason: "is not set" });
        }
        let optional = |variable| self.variables.get(variable);
        let or = |variable, otherwise: &str| optional(variable).unwrap_or_else(|| otherwise.to_owned());
        let (public_url, session_token) = (optional(S3_PUBLIC_URL), optional(S3_SESSION_TOKEN));
        let text = S3Text {
            url: &url,
            public_url: public_url.as_deref(),
            bucket: &self.required(S3_BUCKET)?,
            region: &or(S3_REGION, "us-east-1"),
            style: &or(S3_STYLE, "path"),
            access_key: &self.required(S3_ACCESS_KEY)?,
            secret_key: &self.required(S3_SECRET_KEY)?,
            session_token: session_token.as_deref(),
            prefix: &or(S3_PREFIX, "firmware/"),
        };
        S3Settings::parse(text)
            .map_err(|error| Closed { variable: variable_of(error.setting), reason: error.reason })
    }
}

fn variable_of(setting: S3Setting) -> &'static str {
    match setting {
        S3Setting::Url => S3_URL,
        S3Setting::PublicUrl => S3_PUBLIC_URL,
        S3Setting::Bucket => S3_BUCKET,
        S3Setting::Region => S3_REGION,
        S3Setting::Style => S3_STYLE,
        S3Setting::Prefix => S3_PREFIX,
    }
}
