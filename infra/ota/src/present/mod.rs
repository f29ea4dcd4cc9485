//! How results reach people and scripts: data on stdout, messages on stderr, tables, words and bars.
//! Knows nothing of HTTP or MQTT.

mod job_bar;
mod output;
mod table;
mod times;
mod upload_bar;
mod words;

pub(crate) use job_bar::JobBar;
pub(crate) use output::{Output, printable, say};
pub(crate) use table::Table;
pub(crate) use times::{moment, span, when};
pub(crate) use upload_bar::{Phase, UploadBar};
pub(crate) use words::{ago, count, growing, seconds, size};
