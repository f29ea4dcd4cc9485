//! Where firmware is kept.

use ota_image::{KvObjects, Objects, Store};

use crate::closed::Closed;
use crate::gateway::Gateway;

impl<'a> Gateway<'a> {
    /// The store that new firmware goes to.
    pub fn objects(&self) -> Result<Box<dyn Objects + 'a>, Closed> {
        self.objects_of(Store::Kv)
    }

    /// The store that has what was registered as being there.
    pub fn objects_of(&self, store: Store) -> Result<Box<dyn Objects + 'a>, Closed> {
        match store {
            Store::Kv => Ok(Box::new(KvObjects(self.kv))),
            Store::S3 => Err(Closed { variable: "s3_url", reason: "is not set" }),
        }
    }
}
