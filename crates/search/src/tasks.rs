//! Worker threads: tasks in, results out, in one loop that decides everything on one thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, never, tick, unbounded};

/// The thread that asks for tasks and is told of results.
pub trait Dispatcher {
    /// What a worker is given.
    type Task: Send;
    /// What it answers.
    type Answer: Send;

    /// The next task for a worker that is free.
    fn next_task(&mut self) -> Next<Self::Task>;

    /// A worker has answered.
    fn finished(&mut self, answer: Self::Answer);

    /// The user has asked to stop.
    fn stop_requested(&mut self);

    /// Another [`TICK`] has passed.
    fn tick(&mut self);
}

/// What a free worker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<T> {
    /// This.
    Task(T),
    /// Nothing yet: asked again after each result and each tick.
    Wait,
    /// Nothing, unless a result changes that.
    Nothing,
}

/// How often the dispatcher is given the word while nothing happens.
pub const TICK: Duration = Duration::from_millis(500);

/// Has `jobs` threads do `work` on all tasks of `dispatcher`, one task at a time each, until it has no
/// further one and all are done. `work` is told the number of its thread. Each message on `signals`
/// calls [`Dispatcher::stop_requested`], those too that come with the last answer.
///
/// Each thread has a rayon pool of its own with no other thread, so that libraries that split their
/// work over rayon neither take the other workers' cores nor sum in another order.
///
/// # Panics
///
/// Where no thread can be started. A panic in `work` itself is to be caught there: [`catching`].
pub fn run_tasks<D: Dispatcher>(
    jobs: usize,
    dispatcher: &mut D,
    signals: Option<&Receiver<()>>,
    work: impl Fn(usize, D::Task) -> D::Answer + Sync,
) {
    let (task_sender, tasks) = unbounded::<D::Task>();
    let (answer_sender, answers) = unbounded::<D::Answer>();
    let silence = never();
    let mut signals = signals.unwrap_or(&silence);
    thread::scope(|scope| {
        for worker in 0..jobs {
            let (tasks, answers, work) = (tasks.clone(), answer_sender.clone(), &work);
            let body = move || {
                let _pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(1)
                    .use_current_thread()
                    .build()
                    .expect("a fresh thread is in no pool yet");
                for task in tasks {
                    if answers.send(work(worker, task)).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new()
                .name(format!("worker-{worker}"))
                .spawn_scoped(scope, body)
                .expect("the system starts a thread");
        }
        let mut free = jobs;
        let ticks = tick(TICK);
        loop {
            let mut waits = false;
            while free > 0 && !waits {
                match dispatcher.next_task() {
                    Next::Task(task) => {
                        task_sender.send(task).expect("workers live as long as their scope");
                        free -= 1;
                    }
                    Next::Wait => waits = true,
                    Next::Nothing => break,
                }
            }
            // Whoever has asked for an end is answered, even where the last answers came first.
            signals.try_iter().for_each(|()| dispatcher.stop_requested());
            if free == jobs && !waits {
                break;
            }
            crossbeam_channel::select! {
                recv(answers) -> answer => {
                    dispatcher.finished(answer.expect("this thread holds a sender of answers"));
                    free += 1;
                }
                recv(signals) -> signal => match signal {
                    Ok(()) => dispatcher.stop_requested(),
                    Err(_) => signals = &silence,
                },
                recv(ticks) -> _ => dispatcher.tick(),
            }
        }
        drop(task_sender);
    });
}

/// Calls `work`, and makes an error of a panic: its message.
///
/// # Errors
///
/// The message of the panic.
pub fn catching<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|payload| format!("panic: {}", panic_message(&*payload)))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}
