//! Who works on the tasks of a search: the seam between the loop, which alone decides what is done in which
//! order, and those who do it. Today that is threads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

/// Works on tasks. The loop hands a task to it whenever it has room for one.
///
/// Answers may come in any order: what follows from them does not depend on it.
pub trait Executor {
    /// What is to be done.
    type Task;
    /// What it came to.
    type Answer;

    /// How many more tasks it can take up.
    fn free(&self) -> usize;

    /// Takes up a task; there is room for it.
    fn submit(&mut self, task: Self::Task);

    /// The next answer; `None` where none has come within `timeout`.
    fn next(&mut self, timeout: Duration) -> Option<Self::Answer>;
}

/// Threads, each of which works on one task at a time: see [`with_threads`].
pub struct Threads<T, A> {
    tasks: Sender<T>,
    answers: Receiver<A>,
    free: usize,
}

impl<T, A> Executor for Threads<T, A> {
    type Task = T;
    type Answer = A;

    fn free(&self) -> usize {
        self.free
    }

    fn submit(&mut self, task: T) {
        self.tasks.send(task).expect("workers live as long as their scope");
        self.free -= 1;
    }

    fn next(&mut self, timeout: Duration) -> Option<A> {
        let answer = self.answers.recv_timeout(timeout).ok()?;
        self.free += 1;
        Some(answer)
    }
}

/// Runs `body` with an executor of `jobs` threads, which do `work`. `work` is told the number of its thread.
/// All threads have ended when this returns.
///
/// Each thread has a rayon pool of its own with no other thread, so that libraries that split their
/// work over rayon neither take the other workers' cores nor sum in another order.
///
/// # Panics
///
/// Where no thread can be started. A panic in `work` itself is to be caught there: [`catching`].
pub fn with_threads<T: Send, A: Send, R>(
    jobs: usize,
    work: impl Fn(usize, T) -> A + Sync,
    body: impl FnOnce(&mut Threads<T, A>) -> R,
) -> R {
    let (task_sender, tasks) = unbounded::<T>();
    let (answer_sender, answers) = unbounded::<A>();
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
        // The executor, and with it the sender of tasks, ends before the scope waits for the threads.
        body(&mut Threads { tasks: task_sender, answers, free: jobs })
    })
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
        .unwrap_or_else(|| "its payload is no text: panic with one, or return an error".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_text_or_that_it_has_none() {
        let reason = |work: fn()| catching(work).unwrap_err();
        assert_eq!(reason(|| panic!("out of {}", "cheese")), "panic: out of cheese");
        let expected = "panic: its payload is no text: panic with one, or return an error";
        assert_eq!(reason(|| std::panic::panic_any(7)), expected);
    }

    #[test]
    fn every_task_is_answered_once_by_a_thread_that_had_room_for_it() {
        let work = |worker: usize, task: usize| (worker, task * task);
        let mut answers = with_threads(3, work, |threads| {
            let (mut answers, mut tasks) = (Vec::new(), 0..20);
            while answers.len() < 20 {
                while threads.free() > 0
                    && let Some(task) = tasks.next()
                {
                    threads.submit(task);
                }
                answers.extend(threads.next(Duration::from_secs(10)));
            }
            assert_eq!(threads.free(), 3);
            assert_eq!(threads.next(Duration::ZERO), None);
            answers
        });
        answers.sort_by_key(|(_, square)| *square);
        assert!(answers.iter().all(|(worker, _)| *worker < 3));
        let squares: Vec<usize> = answers.into_iter().map(|(_, square)| square).collect();
        assert_eq!(squares, (0..20).map(|task| task * task).collect::<Vec<usize>>());
    }
}
