//! `ota job tasks`, and tasks as rows.

use clap::Args;

use crate::api::{Client, Task, TaskState};
use crate::failure::Failure;
use crate::present::{Output, Table};

/// Lists a job's tasks.
#[derive(Debug, Args)]
pub(crate) struct Tasks {
    /// The job's id
    #[arg(value_name = "JOB")]
    job: String,
    /// Only tasks that stand there
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<TaskState>,
}

impl Tasks {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let tasks = client.tasks(&self.job, self.state)?;
        let mut table = Table::new(&["DEVICE", "STATE", "FROM", "STEP", "ATTEMPT", "EXPOSED", "WHY"]);
        for task in &tasks.value {
            let [state, from, step, attempt, exposed, why] = cells(task);
            table.row([task.device.clone(), state, from, step, attempt, exposed, why]);
        }
        let when_empty =
            if self.state.is_some() { "no task of the job stands there" } else { "the job has no tasks yet" };
        table.print(output, &tasks.line(), when_empty)
    }
}

/// Tasks of one device.
pub(crate) struct TaskTable;

impl TaskTable {
    /// A row for each job that the device was in.
    pub(crate) fn of_device(tasks: &[Task]) -> String {
        let mut table = Table::new(&["TASK", "STATE", "FROM", "STEP", "ATTEMPT", "EXPOSED", "WHY"]);
        for task in tasks {
            let [state, from, step, attempt, exposed, why] = cells(task);
            table.row([task.id.clone(), state, from, step, attempt, exposed, why]);
        }
        table.render()
    }
}

fn cells(task: &Task) -> [String; 6] {
    [
        task.state.replace('_', " "),
        task.from.clone().unwrap_or_default(),
        task.step.map(|step| step.to_string()).unwrap_or_default(),
        task.attempt.to_string(),
        if task.exposed { "yes" } else { "no" }.to_owned(),
        task.why(),
    ]
}
