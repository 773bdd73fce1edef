//! One loop on one thread that decides everything: tasks to an executor, answers from it.

use std::time::Duration;

use crossbeam_channel::Receiver;

use super::RunOptions;
use crate::clock::Stopwatch;
use crate::executor::Executor;

/// The one who decides what is done next, and is told what it came to.
pub trait Dispatcher {
    /// What is to be done.
    type Task;
    /// What it came to.
    type Answer;

    /// The next task, for an executor that has room for it.
    fn next_task(&mut self) -> Next<Self::Task>;

    /// A task has come to this.
    fn finished(&mut self, answer: Self::Answer);

    /// The user has asked to stop.
    fn stop_requested(&mut self);

    /// The user has asked to abandon what runs, and [`GRACE`] later some of it goes on.
    fn given_up(&mut self);

    /// Another [`TICK`] has passed.
    fn tick(&mut self);
}

/// What an executor that has room is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<T> {
    /// This.
    Task(T),
    /// Nothing yet: asked again soon.
    Wait,
    /// Nothing, unless a result changes that.
    Nothing,
}

/// How often the dispatcher is given the word while nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// How long a task may go on that is to end, before that is said: one that asks seldom is no fault yet.
pub const GRACE: Duration = Duration::from_secs(3);

/// How long the loop waits for an answer before it looks at signals again, and asks a dispatcher again that
/// waits for others.
const PAUSE: Duration = Duration::from_millis(50);

/// Hands all tasks of `dispatcher` to `executor`, until there is no further one and all are done. Each of the signals
/// calls [`Dispatcher::stop_requested`], those too that come with the last answer.
pub fn dispatch<E, D>(executor: &mut E, dispatcher: &mut D, options: &RunOptions)
where
    E: Executor,
    D: Dispatcher<Task = E::Task, Answer = E::Answer>,
{
    let mut under_way = 0;
    let mut last_tick = Stopwatch::start();
    let (mut urgent, mut gave_up) = (None, false);
    loop {
        let mut waits = false;
        while executor.free() > 0 && !waits {
            match dispatcher.next_task() {
                Next::Task(task) => {
                    executor.submit(task);
                    under_way += 1;
                }
                Next::Wait => waits = true,
                Next::Nothing => break,
            }
        }
        // Whoever has asked for an end is answered, even where the last answers came first.
        let requests = options.signals.iter().flat_map(Receiver::try_iter);
        requests.for_each(|()| dispatcher.stop_requested());
        if under_way == 0 && !waits {
            break;
        }
        if let Some(answer) = executor.next(PAUSE) {
            dispatcher.finished(answer);
            under_way -= 1;
        }
        if options.stop.is_urgent() && under_way > 0 && !gave_up {
            gave_up = urgent.get_or_insert_with(Stopwatch::start).elapsed() >= GRACE;
            if gave_up {
                dispatcher.given_up();
            }
        }
        if last_tick.elapsed() >= TICK {
            dispatcher.tick();
            last_tick = Stopwatch::start();
        }
    }
}
