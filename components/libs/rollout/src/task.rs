//! A task: one device in one job, and what it counts for in the job's counters.

/// Where a task stands (DESIGN §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// In the job, without a slot.
    Waiting,
    /// Has a slot; the command is on its way.
    Granted,
    /// A download was let begin, or the device reported progress.
    Downloading,
    /// The device has the whole image, or reports step 80 and above.
    Upgrading,
    /// The device informed the target version.
    Succeeded,
    /// The device, or its version, said that it did not work.
    Failed,
    /// The device was silent for too long.
    TimedOut,
    /// A person took the device out.
    Canceled,
    /// The device was on the target version without our doing.
    Skipped,
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Granted,
        Self::Downloading,
        Self::Upgrading,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Canceled,
        Self::Skipped,
    ];

    /// The word for it, everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Downloading => "downloading",
            Self::Upgrading => "upgrading",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }

    /// The state that `text` names.
    ///
    /// ```
    /// use ota_rollout::TaskState;
    /// assert_eq!(TaskState::parse("timed_out"), Some(TaskState::TimedOut));
    /// assert_eq!(TaskState::parse("lost"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the device is at work for this job (*in flight*).
    pub fn is_live(self) -> bool {
        matches!(self, Self::Granted | Self::Downloading | Self::Upgrading)
    }

    /// Whether there is a verdict.
    pub fn is_ended(self) -> bool {
        !self.is_live() && self != Self::Waiting
    }
}

/// One device in one job. Each flag is a fact about the current attempt, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a column of the ledger")]
pub struct Task {
    /// Where it stands.
    pub state: TaskState,
    /// Counts against the loss budget; outlives attempts.
    pub exposed: bool,
    /// Some attempt began: bytes may have left for the device; outlives attempts.
    pub begun: bool,
    /// The job let a download of this attempt begin: its bytes may leave. A device that reports progress without it
    /// works on bytes that it kept.
    pub admitted: bool,
    /// The device showed a first sign (acknowledgement, download, progress).
    pub signed: bool,
    /// Listed to the device by getversion; outlives attempts.
    pub offered: bool,
    /// The last byte of the image was sent, or the device said that it has it.
    pub downloaded: bool,
    /// The device informed the version that it left, after it had everything: a rollback if it stays so.
    pub returned: bool,
    /// A begin was refused for want of budget alone; the device is not to blame for what it reports next.
    pub refused: bool,
    /// Waits for the time of its next attempt.
    pub backing_off: bool,
    /// How many grants there were; never goes back, so that a link speaks of one attempt only.
    pub attempt: i64,
    /// How many tries count towards the retry policy: grants since the last hop or a person's retry, without lapses, and
    /// offers that the device failed without taking a slot.
    pub tries: i64,
}

impl Task {
    /// A task as a job is created with it.
    pub const NEW: Self = Self {
        state: TaskState::Waiting,
        exposed: false,
        begun: false,
        admitted: false,
        signed: false,
        offered: false,
        downloaded: false,
        returned: false,
        refused: false,
        backing_off: false,
        attempt: 0,
        tries: 0,
    };
}

/// What changes at a task's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// It stays what it was.
    Keep,
    /// `first_sign_within` from now: the grant lapses.
    FirstSign,
    /// `upgrade_timeout` from now: the task times out.
    Upgrade,
    /// `confirm_within` from now: the rollback is a verdict.
    Confirm,
    /// What it was before [`Deadline::Confirm`]: the time-out of the attempt.
    Restore,
    /// The backoff of the retry policy from now: the next attempt may be granted.
    Backoff,
    /// Nothing is awaited.
    None,
}

/// How many tasks of a job are what; also the difference that one change makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Tasks in [`TaskState::Waiting`].
    pub waiting: i64,
    /// Tasks that are live.
    pub in_flight: i64,
    /// Tasks in [`TaskState::Succeeded`].
    pub succeeded: i64,
    /// Tasks in [`TaskState::Failed`].
    pub failed: i64,
    /// Tasks in [`TaskState::TimedOut`].
    pub timed_out: i64,
    /// Tasks in [`TaskState::Canceled`].
    pub canceled: i64,
    /// Tasks in [`TaskState::Skipped`].
    pub skipped: i64,
    /// Tasks that count against the loss budget.
    pub exposed: i64,
    /// Tasks of which some attempt began.
    pub begun: i64,
    /// Tasks that wait for another attempt and are exposed: among the waiting, and due to begin or to time out.
    pub retrying: i64,
}

impl Counters {
    /// What one task counts for. The job's counters are the sum of these over its tasks.
    pub fn of(task: &Task) -> Self {
        let mut counters = Self {
            exposed: task.exposed.into(),
            begun: task.begun.into(),
            retrying: (task.state == TaskState::Waiting && task.exposed).into(),
            ..Self::default()
        };
        let place = match task.state {
            TaskState::Waiting => &mut counters.waiting,
            TaskState::Granted | TaskState::Downloading | TaskState::Upgrading => &mut counters.in_flight,
            TaskState::Succeeded => &mut counters.succeeded,
            TaskState::Failed => &mut counters.failed,
            TaskState::TimedOut => &mut counters.timed_out,
            TaskState::Canceled => &mut counters.canceled,
            TaskState::Skipped => &mut counters.skipped,
        };
        *place = 1;
        counters
    }

    /// What to add to the job's counters when `before` becomes `after`.
    pub fn difference(before: &Task, after: &Task) -> Self {
        let (before, after) = (Self::of(before), Self::of(after));
        Self {
            waiting: after.waiting - before.waiting,
            in_flight: after.in_flight - before.in_flight,
            succeeded: after.succeeded - before.succeeded,
            failed: after.failed - before.failed,
            timed_out: after.timed_out - before.timed_out,
            canceled: after.canceled - before.canceled,
            skipped: after.skipped - before.skipped,
            exposed: after.exposed - before.exposed,
            begun: after.begun - before.begun,
            retrying: after.retrying - before.retrying,
        }
    }

    /// Devices that were exposed, are not at work, and did not come back: what the loss budget is spent on.
    pub fn lost(&self) -> i64 {
        self.exposed - self.in_flight
    }

    /// Tasks with a verdict.
    pub fn ended(&self) -> i64 {
        self.succeeded + self.failed + self.timed_out + self.canceled + self.skipped
    }
}
