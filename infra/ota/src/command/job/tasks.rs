//! `ota job tasks`, and tasks as rows.

use crate::api::{Client, Task};
use crate::failure::Failure;
use crate::present::{Output, Table};

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let tasks = client.tasks(id)?;
    let mut table = Table::new(&["DEVICE", "STATE", "FROM", "STEP", "ATTEMPT", "EXPOSED", "WHY"]);
    for task in &tasks.value {
        let [state, from, step, attempt, exposed, why] = cells(task);
        table.row([task.device.clone(), state, from, step, attempt, exposed, why]);
    }
    table.print(output, &tasks.line(), "the job has no tasks yet")
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
