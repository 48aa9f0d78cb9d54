//! Our protocol with something taken out, to see what it is for.
//!
//! The shipped code knows nothing of this: a machine is plain data, so a rule is taken out by changing what the
//! machine is told, what it remembers, or what it does, from outside.

use schrittmacher_protocol::{Action, Asked, Event, Machine, OUR_RANDOM, Settings, State};
use schrittmacher_wire::PeerCode;

use crate::deviation::Lines;
use crate::relative::NOW;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// Lines of the list of deviations: there we do what 2.0.0 does.
    Lines(Lines),
    /// Something that we remember, limit or wait for, and that no line of the list is about.
    Rule(Rule),
}

/// A rule that can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    ConstantRandom,
    Barrier,
    Conceded,
    EndOfHold,
    FailForStandby,
    Granted,
    CloseQuestion,
    PushOnce,
    Answers,
}

/// Every rule, with its ids and what is done without it.
pub const RULES: [(Rule, &str, &str); 9] = [
    (Rule::ConstantRandom, "S2, D14", "our random is drawn, once"),
    (Rule::Barrier, "P5", "the peer is told before the commands are over"),
    (Rule::Conceded, "S8, S10", "who gave way forgets it at once"),
    (Rule::EndOfHold, "S3", "a takeover does not end an earlier giving way"),
    (Rule::FailForStandby, "R6, D8", "who gave way to a classic peer says STBY"),
    (Rule::Granted, "R3", "who was given the role forgets it at once"),
    (Rule::CloseQuestion, "D3", "who confirms may still be confirmed"),
    (Rule::PushOnce, "R7", "a refused takeover answers every refusal by TREJ"),
    (Rule::Answers, "W5", "no limit on answers"),
];

/// What our random is when it is drawn: between the two that a legacy peer draws then.
pub const DRAWN: u32 = 2;

impl Rule {
    /// Takes a step without this rule.
    pub fn handle(self, machine: &mut Machine, settings: &Settings, mut event: Event) -> Vec<Action> {
        let was = machine.clone();
        self.before(machine, &mut event);
        let mut actions = machine.handle(settings, NOW, event, &mut |_, _, _, _| {});
        self.after(&was, &event, machine, &mut actions);
        actions
    }

    /// What the machine is told, and what it remembers, without this rule.
    fn before(self, machine: &mut Machine, event: &mut Event) {
        match (self, event) {
            // Ours is always the greater one; a greater one of theirs has to win by the address.
            (Rule::ConstantRandom, Event::Peer(report)) if (DRAWN..OUR_RANDOM).contains(&report.random) => {
                report.random = OUR_RANDOM;
                report.host = Some([255, 255, 255, 255].into());
            }
            (Rule::Answers, _) => machine.answers.used = 0,
            _ => {}
        }
    }

    /// What it remembers and does afterwards.
    fn after(self, was: &Machine, event: &Event, machine: &mut Machine, actions: &mut Vec<Action>) {
        let sends = |actions: &[Action], wanted: PeerCode| {
            actions.iter().any(|action| matches!(action, Action::Send { code, .. } if *code == wanted))
        };
        match self {
            Rule::CloseQuestion
                if sends(actions, PeerCode::Tcnf) && was.state.name() == machine.state.name() =>
            {
                machine.asked = was.asked;
            }
            Rule::Conceded => set_conceded(machine, None),
            Rule::EndOfHold if *event == Event::Takeover => {
                if let State::Standby { conceded } | State::ToStandby { conceded, .. } = was.state {
                    set_conceded(machine, conceded);
                }
            }
            Rule::Granted => {
                if let State::ToHot { granted, .. } | State::Hot { granted, .. } = &mut machine.state {
                    *granted = None;
                }
            }
            Rule::PushOnce => {
                if let Some(Asked::Forced { pushed, .. }) = &mut machine.asked {
                    *pushed = false;
                }
            }
            Rule::FailForStandby if matches!(machine.state, State::Standby { .. }) => {
                replace(actions, PeerCode::Fail, PeerCode::Stby);
            }
            Rule::ConstantRandom => {
                for action in actions {
                    if let Action::Send { random, .. } = action
                        && *random == OUR_RANDOM
                    {
                        *random = DRAWN - 1;
                    }
                }
            }
            _ => {}
        }
    }
}

fn set_conceded(machine: &mut Machine, value: Option<schrittmacher_protocol::Time>) {
    if let State::Standby { conceded } | State::ToStandby { conceded, .. } = &mut machine.state {
        *conceded = value;
    }
}

fn replace(actions: &mut [Action], old: PeerCode, new: PeerCode) {
    for action in actions {
        if let Action::Send { code, .. } = action
            && *code == old
        {
            *code = new;
        }
    }
}
