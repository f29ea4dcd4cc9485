//! When a job may tell devices, on the command line.

use clap::Args;

use super::times::moment;

/// When devices may be told; what has begun goes on at any time.
#[derive(Debug, Args)]
#[command(next_help_heading = "When")]
pub(super) struct Schedule {
    /// Not before this moment: 2027-01-31T22:00:00Z, or +2h from now on
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(super) starts_at: Option<i64>,
    /// Only in these hours of each day, such as 22:00-04:00; may be repeated
    #[arg(long, value_name = "FROM-TO", value_delimiter = ',', requires = "zone")]
    pub(super) window: Vec<String>,
    /// The time zone of the windows, such as Europe/Berlin or UTC
    #[arg(long, value_name = "ZONE", requires = "window")]
    pub(super) zone: Option<String>,
}
