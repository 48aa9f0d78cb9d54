//! Whether this host is isolated, as its echoes show (`ping-address`).

use log::{error, info, warn};
use schrittmacher_config::{Config, OnIsolationWord};
use schrittmacher_protocol::{Event, Time};

use super::Node;
use super::resource::ManagedResource;
use crate::admin::snapshot::{EchoFacts, TargetFacts};
use crate::ping::{Found, Pings};

/// What is known by the echoes.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    pings: Option<Pings>,
    isolated: bool,
    /// Whether each target answers; empty before that can be known.
    answers: Vec<bool>,
    /// Why no echo can leave.
    trouble: Option<String>,
}

impl Isolation {
    /// `None` without `ping-address`.
    pub(super) fn facts(&self) -> Option<EchoFacts> {
        let pings = self.pings.as_ref().filter(|pings| !pings.targets().is_empty())?;
        let answers = self.answers.iter().copied().map(Some).chain(std::iter::repeat(None));
        let targets = pings.targets().iter().zip(answers);
        Some(EchoFacts {
            isolated: self.isolated,
            targets: targets
                .map(|(target, answers)| TargetFacts { address: target.to_string(), answers })
                .collect(),
        })
    }

    fn names(&self) -> String {
        let targets = self.pings.as_ref().map(Pings::targets).unwrap_or_default();
        targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl Node {
    /// From now on these echoes show whether this host is isolated.
    pub fn send_echoes(&mut self, pings: Pings) {
        self.isolation.pings = Some(pings);
        self.tell_targets();
    }

    fn tell_targets(&self) {
        let Some(pings) = self.isolation.pings.as_ref().filter(|pings| !pings.targets().is_empty()) else {
            return;
        };
        let steps_down = |one: &&ManagedResource| one.config.on_isolation == OnIsolationWord::StepDown;
        let stopping = self.resources.iter().filter(steps_down).count();
        info!(
            "`ping-address`: without an answer of {} for {} s this host is isolated; {stopping} resource(s) step down then, if the \
             peer is not heard",
            self.isolation.names(),
            pings.ping_timeout().as_secs_f64()
        );
    }

    /// Another configuration is in force.
    pub(super) fn configure_echoes(&mut self, config: &Config, now: Time) {
        let Some(pings) = &mut self.isolation.pings else { return };
        match pings.adjust(config) {
            Ok(false) => {}
            Ok(true) => {
                self.isolation.answers.clear();
                self.isolation.trouble = None;
                self.set_isolated(false, now);
                self.tell_targets();
            }
            Err(error) => {
                error!("can't start the thread that sends echoes: {error}; isolation is not noticed");
                self.isolation.answers.clear();
                self.isolation.trouble = Some(error.to_string());
                self.set_isolated(false, now);
            }
        }
    }

    /// Takes what the echoes have shown.
    pub(super) fn hear_echoes(&mut self, now: Time) {
        while let Some(found) = self.isolation.pings.as_ref().and_then(Pings::found) {
            match found {
                Found::Isolated(isolated) => self.set_isolated(isolated, now),
                Found::Answers(answers) => self.note_answers(answers),
                Found::Trouble(trouble) => {
                    match &trouble {
                        Some(text) => error!(
                            "`ping-address`: {text}; without an echo this host never counts as isolated"
                        ),
                        None => info!("`ping-address`: echoes can be sent again"),
                    }
                    self.isolation.trouble = trouble;
                }
            }
        }
    }

    fn note_answers(&mut self, answers: Vec<bool>) {
        let before = std::mem::replace(&mut self.isolation.answers, answers);
        let Some(pings) = &self.isolation.pings else { return };
        for (number, (target, answers)) in pings.targets().iter().zip(&self.isolation.answers).enumerate() {
            match (before.get(number), answers) {
                (Some(true) | None, false) => warn!("`ping-address`: {target} does not answer"),
                (Some(false), true) => info!("`ping-address`: {target} answers again"),
                (Some(true) | None, true) | (Some(false), false) => {}
            }
        }
    }

    fn set_isolated(&mut self, isolated: bool, now: Time) {
        if std::mem::replace(&mut self.isolation.isolated, isolated) == isolated {
            return;
        }
        if isolated {
            let time = self.isolation.pings.as_ref().map_or(0.0, |pings| pings.ping_timeout().as_secs_f64());
            error!("THIS HOST IS ISOLATED: none of {} has answered for {time} s", self.isolation.names());
        } else {
            info!("this host is isolated no more");
        }
        for index in 0..self.resources.len() {
            self.give(index, Event::Isolated(isolated), now);
        }
    }

    /// A resource that begins now has to know.
    pub(super) fn tell_isolation(&mut self, index: usize, now: Time) {
        if self.isolation.isolated {
            self.give(index, Event::Isolated(true), now);
        }
    }

    /// That this host is isolated, or cannot know it.
    pub(super) fn isolation_troubles(
        &self,
        resource: &ManagedResource,
    ) -> impl Iterator<Item = String> + use<> {
        let steps_down = resource.config.on_isolation == OnIsolationWord::StepDown;
        let isolated = self.isolation.isolated.then(|| {
            let follows = match (steps_down, resource.protocol.machine().peer.alive) {
                (true, true) => "as long as the peer is heard, that changes nothing",
                (true, false) => "this side does not serve before one answers (`on-isolation` = step-down)",
                (false, _) => "this side goes on (`on-isolation` = keep)",
            };
            format!("this host is isolated: none of {} answers; {follows}", self.isolation.names())
        });
        let blind = self.isolation.trouble.clone().filter(|_| steps_down);
        isolated.into_iter().chain(blind)
    }
}
