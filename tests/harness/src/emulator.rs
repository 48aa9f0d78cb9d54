//! A cable with weather. The test itself carries every packet from one host to the other. It loses, delays, doubles
//! and reorders packets, as `tc netem` does in a kernel that has it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::namespace::{Namespace, may_make_networks};
use crate::{Cable, Side};

/// The weather for the packets of one direction. Each packet has its own luck.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How many are lost, in per cent.
    pub loss: u64,
    /// How long they take, in milliseconds; every value is as likely.
    pub delay: RangeInclusive<u64>,
    /// How many arrive twice, in per cent; the second one takes its own time.
    pub doubled: u64,
    /// How many take `DETOUR` longer, in per cent: what is said after them arrives before them.
    pub overtaken: u64,
}

/// Together with the longest delay a quarter of a second.
pub const DETOUR: Duration = Duration::from_millis(160);

impl Weather {
    /// A cable as it should be.
    pub const CLEAR: Weather = Weather { loss: 0, delay: 0..=0, doubled: 0, overtaken: 0 };
    /// Nearly every third packet is lost.
    pub const LOSS: Weather = Weather { loss: 30, ..Weather::CLEAR };
    /// 50 ms, give or take 40.
    pub const DELAY: Weather = Weather { delay: 10..=90, ..Weather::CLEAR };
    /// Nearly every third packet arrives twice, and the second one up to 90 ms later.
    pub const DUPLICATES: Weather = Weather { doubled: 30, delay: 0..=90, ..Weather::CLEAR };
    /// Every fourth packet is overtaken by what is sent shortly after it.
    pub const REORDERING: Weather = Weather { overtaken: 25, ..Weather::CLEAR };
    /// All weather but loss.
    pub const UNREST: Weather = Weather { delay: 10..=90, doubled: 30, overtaken: 25, ..Weather::CLEAR };
    /// Nothing comes through.
    pub const NIGHT: Weather = Weather { loss: 100, ..Weather::CLEAR };
    /// Everything at once.
    pub const STORM: Weather = Weather { loss: 30, ..Weather::UNREST };
}

/// The counts of the packets of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Toll {
    /// Packets that have been sent.
    pub sent: u64,
    /// Packets that have been carried.
    pub carried: u64,
    /// Packets that have been lost.
    pub lost: u64,
    /// Packets that were carried a second time.
    pub doubled: u64,
    /// Packets that have arrived before one that was sent earlier.
    pub reordered: u64,
}

/// Carries the packets of a cable as long as it lives.
#[derive(Debug)]
pub struct Emulator {
    directions: Arc<Mutex<[Direction; 2]>>,
    /// Its end is what the thread takes for the end.
    life: Option<PipeWriter>,
    carrier: Option<JoinHandle<()>>,
}

/// From one host to the other; its place is that of the host that hears.
#[derive(Debug)]
struct Direction {
    weather: Weather,
    toll: Toll,
}

impl Emulator {
    /// Lays a cable with clear weather; 10.0.0.1 on one end and 10.0.0.2 on the other. If that is not possible
    /// here, the reason.
    pub fn lay() -> Result<(Cable, Emulator), &'static str> {
        may_make_networks()?;
        let ends = [Namespace::new()?, Namespace::new()?];
        let devices = [open_device(&ends[0])?, open_device(&ends[1])?];
        // Else the system would speak of itself by IPv6, and be counted.
        ends.iter().for_each(|end| end.ip("link set cable addrgenmode none"));
        let clear = || Direction { weather: Weather::CLEAR, toll: Toll::default() };
        let directions = Arc::new(Mutex::new([clear(), clear()]));
        let (end, life) = io::pipe().map_err(|_| "this system gives no pipe")?;
        let shared = Arc::clone(&directions);
        let carrier = thread::spawn(move || Carrier::new(devices, &shared).run(&end));
        let emulator = Emulator { directions, life: Some(life), carrier: Some(carrier) };
        Ok((Cable::between(ends), emulator))
    }

    /// The weather changes, in both directions.
    pub fn set(&self, weather: &Weather) {
        for side in [Side::A, Side::B] {
            self.set_towards(side, weather);
        }
    }

    /// The weather changes for the packets that `side` hears.
    pub fn set_towards(&self, side: Side, weather: &Weather) {
        self.directions.lock().unwrap()[side.index()].weather = weather.clone();
    }

    /// The counts of the packets for `side`.
    pub fn toll(&self, side: Side) -> Toll {
        self.directions.lock().unwrap()[side.index()].toll
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.life = None;
        if let Some(carrier) = self.carrier.take() {
            let _ = carrier.join();
        }
    }
}

/// Makes the device `cable` in a namespace. It exists as long as the file is open. The file yields the packets that
/// the host sends.
fn open_device(namespace: &Namespace) -> Result<File, &'static str> {
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    namespace.run(|| {
        // Opened here: a device belongs to the network in which its file was opened.
        let device = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/net/tun");
        let device = device.map_err(|_| "no /dev/net/tun")?;
        // SAFETY: integers and arrays of them, for which zeros are values.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(b"cable") {
            *to = libc::c_char::from_ne_bytes([*from]);
        }
        let flags = libc::IFF_TUN | libc::IFF_NO_PI;
        request.ifr_ifru.ifru_flags = flags.try_into().map_err(|_| "this system has other tun devices")?;
        // SAFETY: TUNSETIFF reads and writes one ifreq, which lives until the call is over.
        match unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } {
            0 => Ok(device),
            _ => Err("this system refuses tun devices"),
        }
    })
}

/// The thread that carries.
struct Carrier<'a> {
    devices: [File; 2],
    directions: &'a Mutex<[Direction; 2]>,
    on_the_way: BinaryHeap<Reverse<Packet>>,
    random: u64,
    /// Packets sent until now.
    sent: u64,
    /// The last packet that each side has heard.
    heard: [u64; 2],
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Instant,
    number: u64,
    to: usize,
    bytes: Vec<u8>,
}

impl Carrier<'_> {
    fn new(devices: [File; 2], directions: &Mutex<[Direction; 2]>) -> Carrier<'_> {
        let on_the_way = BinaryHeap::new();
        Carrier { devices, directions, on_the_way, random: 1, sent: 0, heard: [0; 2] }
    }

    fn run(mut self, end: &PipeReader) {
        let mut buffer = [0; 2048];
        loop {
            let ended = self.wait(end);
            if ended {
                return;
            }
            for from in 0..2 {
                while let Ok(length) = (&self.devices[from]).read(&mut buffer) {
                    self.take(&buffer[..length], 1 - from);
                }
            }
            self.deliver();
        }
    }

    /// Waits until there is something to do; `true` = nothing more.
    fn wait(&self, end: &PipeReader) -> bool {
        let next = self.on_the_way.peek().map(|next| next.0.due.saturating_duration_since(Instant::now()));
        // A millisecond too late rather than too early, when there would be nothing to do.
        let patience = next.map_or(PollTimeout::NONE, |next| {
            PollTimeout::try_from(next.as_millis() + 1).unwrap_or(PollTimeout::MAX)
        });
        let [a, b] = &self.devices;
        let mut fds = [a.as_fd(), b.as_fd(), end.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        // Interrupted or not, everything is looked at.
        let _ = poll(&mut fds, patience);
        fds[2].any().unwrap_or(true)
    }

    fn take(&mut self, bytes: &[u8], to: usize) {
        self.sent += 1;
        let number = self.sent;
        let mut directions = self.directions.lock().unwrap();
        let Direction { weather, toll } = &mut directions[to];
        toll.sent += 1;
        let mut strikes = |per_cent: u64| draw(&mut self.random, 0..=99) < per_cent;
        if strikes(weather.loss) {
            toll.lost += 1;
            return;
        }
        let copies = if strikes(weather.doubled) { 2 } else { 1 };
        let detour = if strikes(weather.overtaken) { DETOUR } else { Duration::ZERO };
        toll.doubled += copies - 1;
        for _ in 0..copies {
            let delay = Duration::from_millis(draw(&mut self.random, weather.delay.clone()));
            let due = Instant::now() + delay + detour;
            self.on_the_way.push(Reverse(Packet { due, number, to, bytes: bytes.to_vec() }));
        }
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        while self.on_the_way.peek().is_some_and(|next| next.0.due <= now) {
            let Some(Reverse(Packet { number, to, bytes, .. })) = self.on_the_way.pop() else { return };
            // A device that is down takes nothing: packets into a cut cable are lost.
            let _ = (&self.devices[to]).write_all(&bytes);
            let toll = &mut self.directions.lock().unwrap()[to].toll;
            toll.carried += 1;
            toll.reordered += u64::from(number < self.heard[to]);
            self.heard[to] = self.heard[to].max(number);
        }
    }
}

/// splitmix64.
fn draw(state: &mut u64, range: RangeInclusive<u64>) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    range.start() + (mixed ^ (mixed >> 31)) % (range.end() - range.start() + 1)
}
