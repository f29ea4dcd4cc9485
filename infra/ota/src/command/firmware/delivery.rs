//! An upload, from whatever is there of it to the registered firmware: what was stored is not sent again, and a
//! setback that may pass is followed by another try. Each try begins the upload again, which finds how far it is, or
//! its firmware, whatever was lost on the way.

use std::thread;
use std::time::Duration;

use super::file::FirmwareFile;
use super::patience::Patience;
use crate::api::{Answer, Client, Firmware, Intake, Release, Upload, Via};
use crate::failure::{Failure, Kind};
use crate::present::{Phase, UploadBar, seconds, size};

/// Refusals that are over once the upload is begun again: another run of this program wrote it, an answer was lost, or
/// it was given up.
const OVERCOME: [&str; 4] = ["wrong_position", "upload_taken", "incomplete", "not_found"];

/// The bytes of a file on their way to a gateway.
pub(super) struct Delivery<'d> {
    pub(super) client: &'d Client,
    pub(super) file: &'d FirmwareFile,
    pub(super) release: Release<'d>,
    pub(super) via: Via,
    pub(super) patience: Patience,
    pub(super) bar: UploadBar,
}

/// How a delivery ended.
pub(super) enum Delivered {
    /// The firmware is registered.
    Now(Box<Answer<Firmware>>),
    /// It was before.
    Before(Box<Answer<Firmware>>),
}

impl Delivery<'_> {
    /// Tries until the firmware stands, something speaks against it, or nothing came forward for too long.
    pub(super) fn run(mut self) -> Result<Delivered, Failure> {
        let mut has_begun = false;
        loop {
            let setback = match self.client.begin_upload(&self.release, self.via) {
                Ok(Intake::Registered(firmware)) if has_begun => return Ok(Delivered::Now(firmware)),
                Ok(Intake::Registered(firmware)) => return Ok(Delivered::Before(firmware)),
                Ok(Intake::UnderWay(upload)) => {
                    if !has_begun && upload.position > 0 {
                        let (position, size) = (size(upload.position), size(upload.size));
                        self.bar.say(&format!("going on: {position} of {size} came before"));
                    }
                    has_begun = true;
                    match self.bring_home(upload) {
                        Ok(firmware) => return Ok(Delivered::Now(firmware)),
                        Err(setback) => setback,
                    }
                }
                // Nobody waits for a gateway that was never there.
                Err(failure) if failure.is_unreachable() && !has_begun => return Err(failure),
                Err(failure) => failure,
            };
            self.wait_after(setback)?;
        }
    }

    /// The rest of the way for what is under way.
    fn bring_home(&mut self, mut upload: Upload) -> Result<Box<Answer<Firmware>>, Failure> {
        match self.via {
            Via::Gateway => {
                self.send(&mut upload)?;
                self.finalize(&upload, false)
            }
            Via::Presigned => self.finalize(&upload, true),
        }
    }

    /// Sends slices until the gateway has all of them.
    fn send(&mut self, upload: &mut Upload) -> Result<(), Failure> {
        self.bar.begin(Phase::Uploading, upload.size, upload.position);
        while upload.position < upload.size {
            let length = upload.slice.min(upload.size - upload.position);
            let slice = self.file.slice(upload.position, length, &self.bar);
            let mut slice = slice.map_err(|failure| self.give_up(upload, failure))?;
            let answer = self.client.append(upload, length, &mut slice);
            // What is wrong here is why the gateway did not get what it was promised.
            self.file.check(slice).map_err(|failure| self.give_up(upload, failure))?;
            let now = answer.map_err(overcome)?.value;
            self.bar.reach(now.position);
            if now.position <= upload.position {
                let message = format!("{} were sent, and the gateway kept none of them", size(length));
                return Err(Failure::new(Kind::Refused, message, "the log of the gateway says more")
                    .passing(Duration::ZERO));
            }
            self.patience.renew();
            *upload = now;
        }
        Ok(())
    }

    /// Has the upload verified to its end. The bytes `may_lack`: then they are brought to the bucket first.
    fn finalize(&mut self, upload: &Upload, may_lack: bool) -> Result<Box<Answer<Firmware>>, Failure> {
        let (mut may_lack, mut position) = (may_lack, upload.position);
        self.bar.begin(Phase::Verifying, upload.size, if may_lack { position } else { 0 });
        loop {
            match self.client.finalize(upload) {
                Ok(Intake::Registered(firmware)) => return Ok(firmware),
                Ok(Intake::UnderWay(now)) => {
                    if now.position > position {
                        self.patience.renew();
                    }
                    position = now.position;
                    self.bar.reach(position);
                }
                Err(failure) if may_lack && failure.code() == Some("not_uploaded") => {
                    may_lack = false;
                    self.bring_to_bucket(upload)?;
                    self.bar.begin(Phase::Verifying, upload.size, 0);
                }
                Err(failure) if failure.code() == Some("digest_mismatch") => {
                    let has_changed = self.file.has_changed(&self.bar);
                    return Err(if has_changed { self.file.changed() } else { failure });
                }
                Err(failure) => return Err(overcome(failure)),
            }
        }
    }

    fn bring_to_bucket(&mut self, upload: &Upload) -> Result<(), Failure> {
        let url = upload.put_url.as_deref().ok_or_else(|| {
            let message = "the gateway gave no put_url to bring the file to";
            Failure::new(Kind::Refused, message, "send the bytes to the gateway: without --via presigned")
        })?;
        self.bar.begin(Phase::Uploading, upload.size, 0);
        let slice = self.file.slice(0, upload.size, &self.bar);
        let mut slice = slice.map_err(|failure| self.give_up(upload, failure))?;
        let answer = Client::bring(url, upload.size, &mut slice);
        self.file.check(slice).map_err(|failure| self.give_up(upload, failure))?;
        answer?;
        self.bar.reach(upload.size);
        self.patience.renew();
        Ok(())
    }

    /// What came of another file is worth nothing; what cannot be removed now, the gateway sweeps away later.
    fn give_up(&self, upload: &Upload, failure: Failure) -> Failure {
        // The failure of the file is what there is to say.
        let _ = self.client.abandon(upload);
        failure
    }

    /// Waits before another try, if one may help and there is time for it.
    fn wait_after(&mut self, setback: Failure) -> Result<(), Failure> {
        let Some(least) = setback.passes() else { return Err(setback) };
        let most = seconds(self.patience.most().as_secs());
        let Some(pause) = self.patience.pause(least) else {
            let hint = "the same command goes on where this one stopped";
            return Err(setback.after(&format!("nothing came forward for {most}"), hint));
        };
        self.bar.say(&format!(
            "{}; trying again, for {most} at the most while nothing comes forward",
            setback.message()
        ));
        thread::sleep(pause);
        Ok(())
    }
}

/// A setback that is over once the upload is begun again may pass.
fn overcome(failure: Failure) -> Failure {
    if failure.code().is_some_and(|code| OVERCOME.contains(&code)) {
        return failure.passing(Duration::ZERO);
    }
    failure
}
