//! Our protocol with something taken out, to see what it is for.
//!
//! The shipped code knows nothing of this. A machine is plain data, so a rule can be taken out from outside: by changing
//! the inputs of the machine, its memory, or its actions.

use schrittmacher_protocol::{Action, Asked, Event, Machine, OUR_RANDOM, Settings, State};
use schrittmacher_wire::PeerCode;

use crate::deviation::Lines;
use crate::relative::NOW;

/// The part that is taken out.
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
    Yielding,
    EndOfHold,
    FailForStandby,
    Granted,
    CloseQuestion,
    PushOnce,
    Answers,
    /// A hand-over that nobody takes comes back (edge-9). Only orderly ends show what that is for, so the study of all rules
    /// leaves it out.
    ComeBack,
    /// What an isolated side does, and its timing: it goes on, its evidence comes late, or its application stops late. For
    /// isolations alone, too.
    StepDown,
    EvidenceInTime,
    TimeToStop,
    /// The role waits for the fence; one that is confirmed has turned the host off. For runs with fences alone.
    Fence,
    TrueFence,
}

/// The rules of the study, with their ids and what is done without it.
pub const RULES: [(Rule, &str, &str); 9] = [
    (Rule::ConstantRandom, "S2, D14", "our random is drawn, once"),
    (Rule::Barrier, "P5", "the peer is told before the commands are over"),
    (Rule::Yielding, "S8, S10", "a node that yielded forgets it at once"),
    (Rule::EndOfHold, "S3", "a takeover does not end an earlier yielding"),
    (Rule::FailForStandby, "R6, D8", "a node that yielded to a classic peer says STBY"),
    (Rule::Granted, "R3", "a node that was granted the role forgets it at once"),
    (Rule::CloseQuestion, "D3", "a node that confirms may still be confirmed"),
    (Rule::PushOnce, "R7", "a rejected takeover answers every rejection by TREJ"),
    (Rule::Answers, "W5", "no limit on answers"),
];

/// Our random where it is drawn: between the two that a legacy peer draws then.
pub const DRAWN: u32 = 2;

impl Rule {
    /// Takes a step without this rule.
    pub fn handle(self, machine: &mut Machine, settings: &Settings, mut event: Event) -> Vec<Action> {
        let was = machine.clone();
        self.before(machine, &mut event);
        let mut actions = machine.handle(settings, NOW, event).actions.into_vec();
        self.after(&was, &event, machine, &mut actions);
        actions
    }

    /// Changes the input and the memory of the machine.
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

    /// Changes its memory and its actions afterwards.
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
            Rule::Yielding => set_yielding(machine, None),
            // As 2.0.0: the service is released, and the daemon ends.
            Rule::ComeBack
                if matches!(was.state, State::Leaving { .. })
                    && matches!(machine.state, State::ToHot { .. }) =>
            {
                *machine = was.clone();
                *actions = vec![Action::Exit];
            }
            Rule::EndOfHold if matches!(event, Event::Takeover { .. }) => {
                if let State::Standby { yielding_until } | State::ToStandby { yielding_until, .. } = was.state
                {
                    set_yielding(machine, yielding_until);
                }
            }
            Rule::Granted => {
                if let State::ToHot { granted_until, .. } | State::Hot { granted_until, .. } =
                    &mut machine.state
                {
                    *granted_until = None;
                }
            }
            Rule::PushOnce => {
                if let Some(Asked::Forced { insisted, .. }) = &mut machine.asked {
                    *insisted = false;
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

fn set_yielding(machine: &mut Machine, value: Option<schrittmacher_protocol::Time>) {
    if let State::Standby { yielding_until } | State::ToStandby { yielding_until, .. } = &mut machine.state {
        *yielding_until = value;
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
