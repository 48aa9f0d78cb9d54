//! The watchdog device of the host: the host resets itself if the loop stands still while a resource is hot here
//! (`docs/adr/0087-watchdog.md`).
//!
//! The device is open only then. A daemon that serves nothing can do no harm by standing still, so the host need not pay for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::{error, info, warn};
use schrittmacher_protocol::Time;

/// The pause between two feedings. A device has a second at least.
const PERIOD: Duration = Duration::from_millis(250);

/// Says that the device lives. Anything but the magic character does.
const ALIVE: &[u8] = b"1";
/// The magic character: the device stops when it is closed.
const MAGIC: &[u8] = b"V";

/// The device, and whether it is armed.
#[derive(Debug)]
pub struct Watchdog {
    device: PathBuf,
    armed: Option<Armed>,
    /// Why it is not, although it should be.
    trouble: Option<String>,
    /// When it is fed next, or tried again.
    due: Option<Time>,
}

#[derive(Debug)]
struct Armed {
    file: File,
    /// The time that was asked for.
    wanted: u32,
    /// The device does not know how to stop.
    never_stops: bool,
}

impl Watchdog {
    /// A device that is not open yet.
    pub fn new(device: &Path) -> Watchdog {
        Watchdog { device: device.to_owned(), armed: None, trouble: None, due: None }
    }

    /// At the end of a turn of the loop: feeds the device while a resource is hot here, and lets go of it else. `limit` is the time
    /// after the last heartbeat at which the peer takes over at the earliest.
    pub fn turn(&mut self, is_hot: bool, limit: impl FnOnce() -> Duration, now: Time) {
        if !is_hot && !self.armed.as_ref().is_some_and(|armed| armed.never_stops) {
            return self.release();
        }
        if self.due.is_some_and(|due| now < due) {
            return;
        }
        self.due = Some(now + PERIOD);
        let limit = limit();
        let trouble = self
            .feed(seconds(limit), limit)
            .err()
            .map(|error| format!("the watchdog {} is not in force: {error}", self.device.display()));
        if let Some(text) = trouble.as_ref().filter(|_| trouble != self.trouble) {
            error!("{text}; a host that stands still while it is hot is not reset");
        }
        self.trouble = trouble;
    }

    fn feed(&mut self, wanted: u32, limit: Duration) -> io::Result<()> {
        let armed = match &mut self.armed {
            Some(armed) => armed,
            none => {
                // A FIFO in its place must not hold up the loop. A driver of Linux ignores the flag, and writes a register.
                let file =
                    OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&self.device)?;
                let never_stops = never_stops(&self.device);
                if never_stops {
                    warn!(
                        "the watchdog {} cannot be stopped (nowayout): it is fed as long as this daemon lives, and the host is \
                         reset after its end",
                        self.device.display()
                    );
                }
                none.insert(Armed { file, wanted: 0, never_stops })
            }
        };
        if armed.wanted != wanted {
            armed.wanted = wanted;
            tell_time(&self.device, set_time(&armed.file, wanted), limit);
        }
        armed.file.write_all(ALIVE)
    }

    /// Stops the device: in good order, so that the host is not reset.
    pub fn release(&mut self) {
        self.due = None;
        self.trouble = None;
        let Some(mut armed) = self.armed.take() else { return };
        match armed.file.write_all(MAGIC) {
            Ok(()) => info!("the watchdog {} is stopped", self.device.display()),
            Err(error) => error!("the watchdog {} cannot be stopped: {error}", self.device.display()),
        }
    }

    /// When it is to be fed.
    pub fn next_deadline(&self) -> Option<Time> {
        self.due
    }

    /// Whether it would reset the host.
    pub fn is_armed(&self) -> bool {
        self.armed.is_some() && self.trouble.is_none()
    }

    /// Why it is not in force although a resource is hot here.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// Whole seconds, so that the host is reset before the peer takes over; at least one, which a device can do.
fn seconds(limit: Duration) -> u32 {
    u32::try_from(limit.as_secs()).unwrap_or(u32::MAX).clamp(1, 3600)
}

fn tell_time(device: &Path, set: io::Result<u32>, limit: Duration) {
    let device = device.display();
    match set {
        Ok(seconds) if Duration::from_secs(seconds.into()) > limit => warn!(
            "the watchdog {device} resets the host after {seconds} s, but the peer may take over {} s after the last heartbeat \
             (`timeout` less `heartbeat`): both may be hot in between",
            limit.as_secs_f64()
        ),
        Ok(seconds) => {
            info!("the watchdog {device} resets the host if this daemon stands still for {seconds} s");
        }
        Err(error) => warn!(
            "the watchdog {device} does not tell its time ({error}): look whether it is shorter than `timeout`"
        ),
    }
}

/// Sets the time of the device; gives the time that it has taken.
#[cfg(target_os = "linux")]
fn set_time(file: &File, seconds: u32) -> io::Result<u32> {
    let mut time = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
    // SAFETY: WDIOC_SETTIMEOUT reads and writes one `int`, which outlives the call; the descriptor is open.
    let result = unsafe {
        libc::ioctl(file.as_raw_fd(), libc::_IOWR::<libc::c_int>(u32::from(b'W'), 6), &raw mut time)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(u32::try_from(time).unwrap_or_default()) }
}

#[cfg(not(target_os = "linux"))]
fn set_time(_file: &File, _seconds: u32) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the kernel was told never to stop this device.
fn never_stops(device: &Path) -> bool {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = if name == "watchdog" { "watchdog0" } else { name };
    fs::read_to_string(format!("/sys/class/watchdog/{name}/nowayout")).is_ok_and(|text| text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ordinary file takes the place of the device: it keeps what was written.
    fn device() -> (tempfile::NamedTempFile, Watchdog) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let watchdog = Watchdog::new(file.path());
        (file, watchdog)
    }

    fn written(file: &tempfile::NamedTempFile) -> String {
        fs::read_to_string(file.path()).unwrap()
    }

    const LIMIT: Duration = Duration::from_secs(4);

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    #[test]
    fn it_is_fed_while_hot_and_stopped_in_good_order() {
        let (file, mut watchdog) = device();
        watchdog.turn(false, || LIMIT, at(0));
        assert!(!watchdog.is_armed() && watchdog.next_deadline().is_none());
        for ms in [0, 100, 249, 250, 499, 500] {
            watchdog.turn(true, || LIMIT, at(ms));
        }
        assert_eq!(written(&file), "111", "each quarter of a second");
        assert!(watchdog.is_armed() && watchdog.next_deadline() == Some(at(750)));
        watchdog.turn(false, || LIMIT, at(510));
        assert_eq!(written(&file), "111V");
        watchdog.turn(false, || LIMIT, at(900));
        assert_eq!(written(&file), "111V", "once");
        assert!(!watchdog.is_armed());
    }

    #[test]
    fn a_daemon_that_is_gone_without_a_word_stops_nothing() {
        let (file, mut watchdog) = device();
        watchdog.turn(true, || LIMIT, at(0));
        drop(watchdog);
        assert_eq!(written(&file), "1");
    }

    #[test]
    fn a_device_that_cannot_be_opened_is_a_trouble_until_it_can() {
        let (file, _) = device();
        let missing = file.path().with_extension("device");
        let mut watchdog = Watchdog::new(&missing);
        watchdog.turn(true, || LIMIT, at(0));
        assert!(watchdog.trouble().unwrap().contains("is not in force: No such file"), "{watchdog:?}");
        assert!(!watchdog.is_armed());
        fs::write(&missing, "").unwrap();
        watchdog.turn(true, || LIMIT, at(250));
        assert_eq!((watchdog.trouble(), watchdog.is_armed()), (None, true));
        fs::remove_file(missing).unwrap();
    }

    #[test]
    fn the_host_is_reset_before_the_peer_takes_over_if_a_second_is_short_enough() {
        let wanted = [400, 1000, 1999, 4000, 9_999_000].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(wanted, [1, 1, 1, 4, 3600]);
    }
}
