//! What goes wrong with a request.

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Nothing: it is served.
    None,
    /// It is refused with this status and the code of an S3 error.
    Refused(u16, &'static str),
    /// It is refused with this status, by something that does not speak S3.
    Foreign(u16),
    /// It is done, and answered 200 with the code of an S3 error in the body.
    LateError(&'static str),
    /// It is done, and nobody hears of it.
    Unheard,
    /// The body of its answer breaks off after so many bytes.
    BrokenOff(usize),
    /// It is answered 200 with all of the object, as if no range had been asked for.
    Whole,
}
