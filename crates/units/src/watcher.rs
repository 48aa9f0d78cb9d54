//! What is known of each unit, what is asked next, and how a job ended: code without the bus, in which time is an argument.
//!
//! Answers and signals have to be given in the order in which they came: a state that was read before a change must not
//! hide the change.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::{
    ANSWER_TIME, Activity, JobFailure, Loading, PROOF_PERIOD, UnitJob, UnitOrder, UnitReport, UnitState,
};

/// Ends of jobs that are kept until systemd has said which job is ours. More would be those of other units.
const EARLY_ENDS: usize = 64;

/// The pause before systemd is asked again that is not on the bus, as while it executes itself anew.
const NOT_THERE: Duration = Duration::from_millis(500);

/// A call of systemd, or of the bus itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `GetNameOwner`: the connection that systemd has. Signals of others are forged.
    Owner,
    /// `Subscribe`: without it systemd sends no signals.
    Subscribe,
    /// `Ping`.
    Ping,
    /// `LoadUnit`: the path of a unit, which has another name if this one is an alias.
    Load(String),
    /// `GetAll` at a path.
    Read(String),
    /// `ResetFailedUnit`: a unit that has failed too often may be started again.
    Reset(String),
    /// `StartUnit`, which replaces an opposite job.
    Start(String),
    /// `StopUnit`, likewise.
    Stop(String),
}

/// Why something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Owner,
    Proof,
    Load(usize),
    Read(usize),
    Job {
        id: usize,
        ticket: u64,
    },
    /// The answer does not matter.
    Nothing,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The answer to the call with this number.
    Answer { serial: u32, answer: Result<Answer, Refusal> },
    /// Another connection has the name of systemd now, or none.
    Owner(Option<String>),
    /// A signal.
    Signal { sender: String, signal: Signal },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A path or a name.
    Text(String),
    Properties(Properties),
    Nothing,
}

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) name: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// `PropertiesChanged`.
    Changed { path: String, properties: Properties },
    /// `JobRemoved`.
    JobRemoved { job: String, result: String },
    /// `Reloading` with false: the files of all units were read again.
    Reloaded,
}

/// The properties that matter, as far as a message has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) loading: Option<String>,
    pub(crate) activity: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) file: Option<String>,
    /// The path of its job; `Some(None)`: it has none.
    pub(crate) job: Option<Option<String>>,
}

#[derive(Debug)]
struct Watched {
    unit: String,
    path: Option<String>,
    state: Option<UnitState>,
    /// The last order, until it is over.
    job: Option<Job>,
}

#[derive(Debug)]
struct Job {
    ticket: u64,
    order: UnitOrder,
    /// Its name at systemd, once that has told it.
    path: Option<String>,
    /// Ends of jobs heard before that: one of them may be this one's.
    early: VecDeque<(String, String)>,
    result: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Watcher {
    units: BTreeMap<usize, Watched>,
    /// Why there is no connection; `None`: there is one.
    lost: Option<String>,
    owner: Option<String>,
    asked: BTreeMap<u32, Question>,
    calls: VecDeque<(Call, Question)>,
    reports: VecDeque<UnitReport>,
    /// When systemd has answered last, or was first asked on this connection.
    proof: Instant,
    next_proof: Option<Instant>,
}

impl Watcher {
    pub(crate) fn new(now: Instant) -> Watcher {
        Watcher {
            units: BTreeMap::new(),
            lost: Some("there is no connection yet".to_owned()),
            owner: None,
            asked: BTreeMap::new(),
            calls: VecDeque::new(),
            reports: VecDeque::new(),
            proof: now,
            next_proof: None,
        }
    }

    /// There is a connection, and its signals are asked for.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.lost = None;
        self.owner = None;
        self.proof = now;
        self.next_proof = Some(now);
        self.calls = VecDeque::from([(Call::Owner, Question::Owner)]);
    }

    /// There is none any more: nothing is known, and nothing is waited for.
    pub(crate) fn lost(&mut self, why: &str) {
        self.lost = Some(why.to_owned());
        self.asked.clear();
        self.calls.clear();
        self.next_proof = None;
        for (id, watched) in &mut self.units {
            (watched.path, watched.state) = (None, None);
            if let Some(Job { ticket, .. }) = watched.job.take() {
                let result = Err(JobFailure::Unreachable(why.to_owned()));
                self.reports.push_back(UnitReport::Done { id: *id, ticket, result });
            }
        }
    }

    pub(crate) fn take(&mut self, job: UnitJob) {
        match job {
            UnitJob::Watch { id, unit } => {
                if self.units.get(&id).is_none_or(|watched| watched.unit != unit) {
                    self.units.insert(id, Watched { unit, path: None, state: None, job: None });
                    if self.owner.is_some() {
                        self.read(id);
                    }
                }
            }
            UnitJob::Forget { id } => {
                self.units.remove(&id);
            }
            UnitJob::Order { id, ticket, order } => self.order(id, ticket, order),
        }
    }

    fn order(&mut self, id: usize, ticket: u64, order: UnitOrder) {
        let Some(watched) = self.units.get_mut(&id) else { return };
        if let Some(why) = &self.lost {
            let result = Err(JobFailure::Unreachable(why.clone()));
            return self.reports.push_back(UnitReport::Done { id, ticket, result });
        }
        watched.job = Some(Job { ticket, order, path: None, early: VecDeque::new(), result: None });
        let unit = watched.unit.clone();
        let call = match order {
            UnitOrder::Start => {
                if watched.state.as_ref().is_some_and(|state| state.activity == Activity::Failed) {
                    self.calls.push_back((Call::Reset(unit.clone()), Question::Nothing));
                }
                Call::Start(unit)
            }
            UnitOrder::Stop => Call::Stop(unit),
        };
        self.calls.push_back((call, Question::Job { id, ticket }));
    }

    /// The next call to be made; [`Watcher::called`] has to follow.
    pub(crate) fn next_call(&mut self) -> Option<(Call, Question)> {
        self.calls.pop_front()
    }

    pub(crate) fn called(&mut self, serial: u32, question: Question) {
        self.asked.insert(serial, question);
    }

    pub(crate) fn next_report(&mut self) -> Option<UnitReport> {
        self.reports.pop_front()
    }

    /// When [`Watcher::on_time`] has something to do.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.next_proof.map_or(self.silent_at(), |proof| proof.min(self.silent_at()))
    }

    fn silent_at(&self) -> Instant {
        self.proof + PROOF_PERIOD + ANSWER_TIME
    }

    /// Asks for the next proof.
    ///
    /// # Errors
    ///
    /// systemd has not answered in time: the connection is of no use.
    pub(crate) fn on_time(&mut self, now: Instant) -> Result<(), String> {
        if now >= self.silent_at() {
            let what = if self.owner.is_some() { "does not answer" } else { "is not on the bus" };
            return Err(format!("systemd {what}"));
        }
        if self.next_proof.is_some_and(|due| now >= due) {
            self.next_proof = None;
            self.calls.push_back((Call::Ping, Question::Proof));
        }
        Ok(())
    }

    pub(crate) fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Owner(owner) => {
                self.owner = owner;
                self.read_all();
            }
            Heard::Signal { sender, signal } if self.owner.as_ref() == Some(&sender) => match signal {
                Signal::Changed { path, properties } => self.changed(&path, &properties),
                Signal::JobRemoved { job, result } => self.job_removed(&job, &result),
                Signal::Reloaded => self.read_all(),
            },
            // Anybody may send a signal to this connection.
            Heard::Signal { .. } => {}
            Heard::Answer { serial, answer } => {
                if let Some(question) = self.asked.remove(&serial) {
                    self.answered(question, answer, now);
                }
            }
        }
    }

    fn answered(&mut self, question: Question, answer: Result<Answer, Refusal>, now: Instant) {
        match (question, answer) {
            (Question::Owner, Ok(Answer::Text(owner))) => {
                self.owner = Some(owner);
                self.read_all();
            }
            (Question::Proof, Ok(_)) => {
                self.proof = now;
                self.next_proof = Some(now + PROOF_PERIOD);
                self.reports.push_back(UnitReport::Alive);
            }
            (Question::Proof, Err(_)) => self.next_proof = Some(now + NOT_THERE),
            (Question::Load(id), Ok(Answer::Text(path))) => {
                if let Some(watched) = self.units.get_mut(&id) {
                    watched.path = Some(path.clone());
                    self.calls.push_back((Call::Read(path), Question::Read(id)));
                }
            }
            (Question::Read(id), Ok(Answer::Properties(properties))) => {
                self.learnt(id, &properties);
                self.finish_job(id, &properties);
            }
            (Question::Load(id) | Question::Read(id), Err(refusal)) if !refusal.is_absence() => {
                let loading = Some(refusal.message);
                self.learnt(id, &Properties { loading, ..Properties::default() });
            }
            (Question::Job { id, ticket }, answer) => self.job_begun(id, ticket, answer),
            // The next owner of the name is told.
            (Question::Owner | Question::Load(_) | Question::Read(_), _) | (Question::Nothing, _) => {}
        }
    }

    /// Everything may have changed.
    fn read_all(&mut self) {
        if self.owner.is_none() {
            return;
        }
        self.calls.push_back((Call::Subscribe, Question::Nothing));
        let all: Vec<usize> = self.units.keys().copied().collect();
        for id in all {
            self.read(id);
        }
    }

    fn read(&mut self, id: usize) {
        if let Some(watched) = self.units.get(&id) {
            self.calls.push_back((Call::Load(watched.unit.clone()), Question::Load(id)));
        }
    }

    fn changed(&mut self, path: &str, properties: &Properties) {
        let is_meant = |watched: &Watched| watched.path.as_deref() == Some(path) && watched.state.is_some();
        let meant: Vec<usize> =
            self.units.iter().filter(|(_, watched)| is_meant(watched)).map(|(id, _)| *id).collect();
        for id in meant {
            self.learnt(id, properties);
        }
    }

    fn learnt(&mut self, id: usize, properties: &Properties) {
        let Some(watched) = self.units.get_mut(&id) else { return };
        let before = watched.state.clone();
        let mut state = before.clone().unwrap_or_default();
        let Properties { loading, activity, sub, result, file, job: _ } = properties;
        if let Some(word) = loading {
            state.loading = Loading::parse(word);
        }
        if let Some(word) = activity {
            state.activity = Activity::parse(word);
        }
        for (known, word) in [(&mut state.sub, sub), (&mut state.result, result), (&mut state.file, file)] {
            if let Some(word) = word {
                known.clone_from(word);
            }
        }
        // A result alone is told with the state that it explains.
        let is_told =
            before.is_some_and(|before| UnitState { result: state.result.clone(), ..before } == state);
        watched.state = Some(state.clone());
        if !is_told {
            self.reports.push_back(UnitReport::State { id, state });
        }
    }

    fn job_begun(&mut self, id: usize, ticket: u64, answer: Result<Answer, Refusal>) {
        let Some(watched) = self.units.get_mut(&id) else { return };
        let Some(job) = watched.job.as_mut().filter(|job| job.ticket == ticket) else { return };
        match answer {
            Ok(Answer::Text(path)) => {
                job.result = job.early.iter().find(|(early, _)| *early == path).map(|(_, end)| end.clone());
                job.path = Some(path);
                if job.result.is_some() {
                    self.read(id);
                }
            }
            Ok(_) => {}
            Err(refusal) => {
                let is_gone = job.order == UnitOrder::Stop && refusal.is_unknown_unit();
                watched.job = None;
                let result = if is_gone { Ok(()) } else { Err(refusal.into()) };
                self.reports.push_back(UnitReport::Done { id, ticket, result });
                // It may be masked by now.
                self.read(id);
            }
        }
    }

    fn job_removed(&mut self, path: &str, result: &str) {
        let mut over = Vec::new();
        for (id, watched) in &mut self.units {
            let Some(job) = &mut watched.job else { continue };
            if job.path.as_deref() == Some(path) {
                job.result = Some(result.to_owned());
                over.push(*id);
            } else if job.path.is_none() {
                job.early.push_back((path.to_owned(), result.to_owned()));
                if job.early.len() > EARLY_ENDS {
                    job.early.pop_front();
                }
            }
        }
        // Old versions of systemd tell the end of a job before the state that it has led to.
        for id in over {
            self.read(id);
        }
    }

    /// The state of a unit was read. If its job is over, says how it ended. One whose end was not heard is judged by the state:
    /// systemd has executed itself anew meanwhile.
    fn finish_job(&mut self, id: usize, properties: &Properties) {
        let Some(watched) = self.units.get_mut(&id) else { return };
        let (Some(job), Some(state)) = (&watched.job, &watched.state) else { return };
        let has_vanished = job.path.is_some() && properties.job == Some(None);
        if job.result.is_none() && !has_vanished {
            return;
        }
        let result = judge(job, state, &watched.unit);
        let ticket = job.ticket;
        watched.job = None;
        self.reports.push_back(UnitReport::Done { id, ticket, result });
    }
}

fn judge(job: &Job, state: &UnitState, unit: &str) -> Result<(), JobFailure> {
    let done = matches!(job.result.as_deref(), Some("done") | None);
    let obeyed = match job.order {
        UnitOrder::Start => done && state.activity == Activity::Active,
        UnitOrder::Stop => done && (job.result.is_some() || state.activity != Activity::Active),
    };
    if obeyed {
        return Ok(());
    }
    let why = match (job.order, job.result.as_deref()) {
        (_, Some("canceled")) => format!("{unit} {state}: somebody else has cancelled it"),
        (UnitOrder::Start, Some("done")) if state.activity == Activity::Inactive => {
            format!("{unit} {state} after its start: its condition does not hold, or it ends at once")
        }
        (UnitOrder::Start, Some("dependency")) => format!("{unit} {state}: a unit that it needs has failed"),
        (_, Some(result)) if result != "done" && result != "failed" => {
            format!("{unit} {state}: the job ended with {result}")
        }
        (_, _) => format!("{unit} {state}"),
    };
    Err(JobFailure::Failed(why))
}

impl Refusal {
    /// Nobody has the name of systemd just now.
    fn is_absence(&self) -> bool {
        matches!(
            self.name.strip_prefix("org.freedesktop.DBus.Error."),
            Some("ServiceUnknown" | "NameHasNoOwner" | "NoReply" | "Disconnected" | "Timeout" | "TimedOut")
        )
    }

    fn is_unknown_unit(&self) -> bool {
        self.name == "org.freedesktop.systemd1.NoSuchUnit"
    }

    /// Another attempt will end the same way.
    fn is_final(&self) -> bool {
        matches!(
            self.name.rsplit('.').next(),
            Some(
                "NoSuchUnit"
                    | "UnitMasked"
                    | "BadUnitSetting"
                    | "LoadFailed"
                    | "OnlyByDependency"
                    | "JobTypeNotApplicable"
                    | "AccessDenied"
                    | "InteractiveAuthorizationRequired"
            )
        )
    }
}

impl From<Refusal> for JobFailure {
    fn from(refusal: Refusal) -> JobFailure {
        let is_right = matches!(
            refusal.name.rsplit('.').next(),
            Some("AccessDenied" | "InteractiveAuthorizationRequired")
        );
        let remedy =
            if is_right { " (a polkit rule has to let this daemon's user manage the unit)" } else { "" };
        let why = format!("{}{remedy}", refusal.message);
        match (refusal.is_absence(), refusal.is_final()) {
            (true, _) => JobFailure::Unreachable(why),
            (false, true) => JobFailure::Refused(why),
            (false, false) => JobFailure::Failed(why),
        }
    }
}
