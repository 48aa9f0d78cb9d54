//! The thread that has the connection to the bus, and makes it anew.

use std::fmt;

use crate::UnitJob;

/// Jobs that wait: more than the services of any host, so that all of them can be given at once.
#[cfg(all(target_os = "linux", feature = "systemd"))]
const MOST_WAITING: usize = 16_384;

/// The event loop's end of the thread, which ends with it.
pub struct UnitKeeper {
    #[cfg(all(target_os = "linux", feature = "systemd"))]
    jobs: tokio::sync::mpsc::Sender<UnitJob>,
}

impl fmt::Debug for UnitKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnitKeeper")
    }
}

#[cfg(not(all(target_os = "linux", feature = "systemd")))]
impl UnitKeeper {
    /// There is no systemd.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn start(
        _bus: Option<&str>,
        _tell: impl FnMut(crate::UnitReport) + Send + 'static,
    ) -> std::io::Result<UnitKeeper> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this program was built without systemd"))
    }

    /// Hands over a job.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn give(&self, job: UnitJob) -> Result<(), UnitJob> {
        Err(job)
    }
}

#[cfg(all(target_os = "linux", feature = "systemd"))]
pub(crate) use with_systemd::runtime;

#[cfg(all(target_os = "linux", feature = "systemd"))]
mod with_systemd {
    use std::future::{Future, poll_fn};
    use std::io;
    use std::pin::{Pin, pin};
    use std::task::Poll;
    use std::thread;
    use std::time::{Duration, Instant};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::mpsc::{Receiver, channel};
    use tokio::time::{sleep, sleep_until};
    use zbus::Message;
    use zbus::export::futures_core::Stream;

    use super::{MOST_WAITING, UnitKeeper};
    use crate::bus::{Bus, heard};
    use crate::watcher::Watcher;
    use crate::{UnitJob, UnitReport};

    /// The pauses between two attempts to connect: the first, and the longest.
    const FIRST_PAUSE: Duration = Duration::from_millis(100);
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);

    impl UnitKeeper {
        /// Starts the thread. `tell` is called on it, and must not block. `bus`: the address of another bus than the system's,
        /// or than the one that `DBUS_SYSTEM_BUS_ADDRESS` names.
        ///
        /// # Errors
        ///
        /// The system has no thread or no descriptor left.
        pub fn start(
            bus: Option<&str>,
            tell: impl FnMut(UnitReport) + Send + 'static,
        ) -> io::Result<UnitKeeper> {
            let bus = bus.map(str::to_owned);
            let (sender, jobs) = channel(MOST_WAITING);
            let runtime = runtime()?;
            let run = move || runtime.block_on(Keeper::new(bus, jobs, tell).run());
            thread::Builder::new().name("units".to_owned()).spawn(run)?;
            Ok(UnitKeeper { jobs: sender })
        }

        /// Hands over a job.
        ///
        /// # Errors
        ///
        /// The thread hangs, and too many wait already: the job comes back.
        pub fn give(&self, job: UnitJob) -> Result<(), UnitJob> {
            self.jobs.try_send(job).map_err(tokio::sync::mpsc::error::TrySendError::into_inner)
        }
    }

    /// A runtime that has no thread but the one that runs it.
    pub(crate) fn runtime() -> io::Result<Runtime> {
        Builder::new_current_thread().enable_io().enable_time().build()
    }

    struct Keeper<Tell> {
        bus: Option<String>,
        jobs: Receiver<UnitJob>,
        tell: Tell,
        watcher: Watcher,
        /// The operator was told that systemd cannot be reached.
        told_lost: bool,
    }

    /// The event loop has gone.
    struct Gone;

    enum Event {
        Job(Option<UnitJob>),
        Message(Option<zbus::Result<Message>>),
        Due,
    }

    impl<Tell: FnMut(UnitReport)> Keeper<Tell> {
        fn new(bus: Option<String>, jobs: Receiver<UnitJob>, tell: Tell) -> Keeper<Tell> {
            Keeper { bus, jobs, tell, watcher: Watcher::new(Instant::now()), told_lost: false }
        }

        async fn run(mut self) {
            let mut pause = FIRST_PAUSE;
            loop {
                let began = Instant::now();
                let ended = match Bus::connect(self.bus.as_deref()).await {
                    Ok(bus) => self.serve(bus).await,
                    Err(why) => Ok(why),
                };
                let Ok(why) = ended else { return };
                self.watcher.lost(&why);
                if !std::mem::replace(&mut self.told_lost, true) {
                    (self.tell)(UnitReport::Lost { why });
                }
                self.tell_all();
                pause = if began.elapsed() > LONGEST_PAUSE * 2 { FIRST_PAUSE } else { pause };
                if self.wait(pause).await.is_err() {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }

        /// Uses a connection as long as it is of use; gives the reason why it is not any more.
        async fn serve(&mut self, mut bus: Bus) -> Result<String, Gone> {
            self.watcher.connected(Instant::now());
            loop {
                while let Some((call, question)) = self.watcher.next_call() {
                    match bus.call(&call).await {
                        Ok(serial) => self.watcher.called(serial, question),
                        Err(why) => return Ok(why),
                    }
                }
                self.tell_all();
                let deadline = self.watcher.next_deadline();
                match next(&mut self.jobs, &mut bus, deadline).await {
                    Event::Job(None) => return Err(Gone),
                    Event::Job(Some(job)) => self.watcher.take(job),
                    Event::Message(None) => return Ok("the bus has closed the connection".to_owned()),
                    Event::Message(Some(Err(error))) => return Ok(format!("the bus: {error}")),
                    Event::Message(Some(Ok(message))) => {
                        if let Some(heard) = heard(&message) {
                            self.watcher.hear(heard, Instant::now());
                        }
                    }
                    Event::Due => {
                        if let Err(why) = self.watcher.on_time(Instant::now()) {
                            return Ok(why);
                        }
                    }
                }
            }
        }

        /// Lets time pass; what is ordered meanwhile fails at once.
        async fn wait(&mut self, pause: Duration) -> Result<(), Gone> {
            let mut due = pin!(sleep(pause));
            loop {
                let jobs = &mut self.jobs;
                let job = poll_fn(|context| match jobs.poll_recv(context) {
                    Poll::Ready(job) => Poll::Ready(Some(job)),
                    Poll::Pending => due.as_mut().poll(context).map(|()| None),
                });
                match job.await {
                    None => return Ok(()),
                    Some(None) => return Err(Gone),
                    Some(Some(job)) => self.watcher.take(job),
                }
                self.tell_all();
            }
        }

        fn tell_all(&mut self) {
            while let Some(report) = self.watcher.next_report() {
                if report == UnitReport::Alive && std::mem::take(&mut self.told_lost) {
                    (self.tell)(UnitReport::Found);
                }
                (self.tell)(report);
            }
        }
    }

    async fn next(jobs: &mut Receiver<UnitJob>, bus: &mut Bus, deadline: Instant) -> Event {
        let mut due = pin!(sleep_until(deadline.into()));
        poll_fn(|context| {
            if let Poll::Ready(message) = Pin::new(&mut bus.messages).poll_next(context) {
                return Poll::Ready(Event::Message(message));
            }
            if let Poll::Ready(job) = jobs.poll_recv(context) {
                return Poll::Ready(Event::Job(job));
            }
            due.as_mut().poll(context).map(|()| Event::Due)
        })
        .await
    }
}
