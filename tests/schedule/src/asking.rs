//! What is asked next, and what becomes of the answer.

use crate::answer::Answer;
use crate::call::Call;
use crate::ground::{self, version};
use crate::play::{Play, Stand};

/// What an operator may say next.
#[derive(Debug, Clone, Copy)]
enum Word {
    Stop,
    Resume,
    Pause,
    Amend,
    Cancel,
    Retry,
    Replace,
    DeleteDevice,
    RegisterAgain,
    RegisterLast,
    DeleteJob,
    Quarantine,
    Create,
}

/// How often he says what.
const WORDS: [(usize, Word); 13] = [
    (4, Word::Stop),
    (7, Word::Resume),
    (3, Word::Pause),
    (6, Word::Amend),
    (4, Word::Cancel),
    (6, Word::Retry),
    (1, Word::Replace),
    (1, Word::DeleteDevice),
    (1, Word::RegisterAgain),
    (4, Word::RegisterLast),
    (1, Word::DeleteJob),
    (2, Word::Quarantine),
    (1, Word::Create),
];

impl Play<'_> {
    /// A message, a sweep, a word of an operator, or what failed before.
    pub(crate) fn next_call(&mut self) -> Option<Call> {
        let kind = self.choices.weighted(&[(68, 0), (10, 1), (8, 2), (8, 3), (6, 4)])?;
        match kind {
            0 => {
                let n = self.device();
                self.devices[n].says(&mut self.choices, self.now)
            }
            1 => Some(Call::Sweep(self.choices.of(&[None, Some("b")]))),
            2 => self.of_operator(),
            // The same again while it is being worked on: a message that came twice, a click that was two.
            3 => {
                let calls: Vec<&Call> = self.actors.iter().filter_map(|actor| actor.call.as_ref()).collect();
                calls.get(self.choices.below(calls.len())).map(|call| (*call).clone())
            }
            _ => {
                let n = self.choices.below(self.again.len());
                if self.again.is_empty() {
                    return None;
                }
                Some(self.again.swap_remove(n))
            }
        }
    }

    /// One of the devices, the first more often: what happens to it is to meet.
    fn device(&mut self) -> usize {
        let count = self.devices.len();
        self.choices.below(2 * count).saturating_sub(count)
    }

    fn of_operator(&mut self) -> Option<Call> {
        let n = self.choices.below(self.jobs.len());
        let job = self.jobs[n].clone();
        let n = self.device();
        let id = self.devices[n].id.clone();
        Some(match self.choices.weighted(&WORDS)? {
            Word::Stop => Call::Stop(job, self.choices.below(3) == 2),
            Word::Resume => Call::Resume(job),
            Word::Pause => Call::Pause(job),
            Word::Amend => Call::Amend(job, self.choices.of(&[1, 2, 3, 5])),
            Word::Cancel => Call::Cancel(job, id),
            Word::Retry => Call::Retry(job, id),
            Word::Replace => Call::Replace(id),
            Word::DeleteDevice => Call::DeleteDevice(id),
            Word::RegisterAgain => Call::Register(id),
            Word::RegisterLast => Call::Register(self.devices.last()?.id.clone()),
            Word::DeleteJob => Call::DeleteJob(job),
            Word::Quarantine => Call::Quarantine(version(self.choices.of(&["3", "2"])), id),
            Word::Create => {
                let new = ground::new_job(self.jobs.len(), &mut self.choices);
                self.jobs.push(new.id.clone());
                Call::Create(Box::new(new))
            }
        })
    }

    /// The call of `n` is over: whoever asked hears the answer, or does not.
    pub(crate) fn answer(&mut self, n: usize, answer: Answer) {
        let actor = &mut self.actors[n];
        let Some(call) = actor.call.take() else { return };
        let runs = actor.runs;
        let is_killed = matches!(answer, Answer::Killed);
        let is_open = is_killed && actor.is_inside && self.arena.store.waits_inside();
        actor.stand = Stand::Free { is_open };
        actor.is_inside = is_open;
        let is_lost = self.choices.happens(7);
        if is_lost || is_killed || matches!(answer, Answer::Failed) {
            self.told.push(format!("{n} has no answer"));
            if !self.choices.happens(30) {
                self.again.push(call);
            }
            return;
        }
        match answer {
            Answer::Commands(commands) => {
                for command in commands {
                    let to = self.devices.iter_mut().find(|device| device.id == command.link.device);
                    if let Some(device) = to {
                        device.take(command);
                    }
                }
            }
            Answer::Stopped(job) => {
                self.told.push(format!("{n} answers that job {job} does not run"));
                self.watch.stop_answered(&job, runs);
            }
            Answer::Served(..) | Answer::Nothing | Answer::Failed | Answer::Killed => {}
        }
    }
}
