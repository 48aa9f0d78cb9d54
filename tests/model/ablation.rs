//! Our protocol with one rule taken out, to see what the rule is for.
//!
//! The shipped code knows nothing of this: a machine is plain data, so a rule is taken out by changing what the
//! machine is told, what it remembers, or what it does, from outside.

use std::time::Duration;

use schrittmacher_protocol::{Action, Asked, Event, FORCED_RANDOM, Machine, OUR_RANDOM, Said, State};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::relative::NOW;

/// A rule that can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Asked,
    CloseQuestion,
    Conceded,
    FailForStandby,
    Granted,
    Stale,
    Push,
    EndOfHold,
    ConstantRandom,
    Contest,
    SecondStandby,
    TwoHot,
    ClaimFirst,
    FailedIsSilent,
    FailedIsNotHot,
    Barrier,
}

/// Every rule, with its ids and what 2.0.0 does instead, or what is done here.
pub const RULES: [(Rule, &str, &str); 16] = [
    (Rule::Asked, "D3, D13, S10", "an unasked TCNF counts"),
    (Rule::CloseQuestion, "D3", "who confirms may still be confirmed"),
    (Rule::Conceded, "S8, S10", "who gave way asks again at once"),
    (Rule::FailForStandby, "R6, D8", "who gave way to a classic peer says STBY"),
    (Rule::Granted, "R3", "what crossed the peer's giving way counts"),
    (Rule::Stale, "S4", "a Standby's request is compared with a Hot's priority"),
    (Rule::Push, "R7, D15", "a refused takeover is only repeated"),
    (Rule::EndOfHold, "S3", "a takeover does not end an earlier giving way"),
    (Rule::ConstantRandom, "S2, D14", "our random is drawn, once"),
    (Rule::Contest, "S2", "Standby confirms whatever the priorities"),
    (Rule::SecondStandby, "D3", "Standby goes hot when it hears 2SBY"),
    (Rule::TwoHot, "D5", "Hot answers HOTT by TREJ and obeys TREJ"),
    (Rule::ClaimFirst, "D11, S7", "Unknown with a hot application is hot at once"),
    (Rule::FailedIsSilent, "D13", "Failed answers TCNF and TREJ"),
    (Rule::FailedIsNotHot, "D7, D16", "a failed application is forgotten"),
    (Rule::Barrier, "P5", "the peer is told before the commands are over"),
];

/// What our random is when it is drawn: between the two that a legacy peer draws then.
pub const DRAWN: u32 = 2;

impl Rule {
    /// What the machine is told, and what it remembers, without this rule.
    pub fn before(self, machine: &mut Machine, event: &mut Event) {
        let code = match event {
            Event::Peer(report) => report.code,
            _ => None,
        };
        let treq = code == Some(PeerCode::Treq);
        let standby = matches!(machine.state, State::Standby { .. } | State::ToStandby { .. });
        match self {
            Rule::Asked if code == Some(PeerCode::Tcnf) => {
                let until = NOW + Duration::from_secs(1);
                machine.asked = machine.asked.or(Some(Asked::Plain { until }));
            }
            Rule::Stale if treq => match &mut machine.state {
                State::Hot { granted, .. } => (*granted, machine.peer.said) = (None, Said::Hot),
                State::ToHot { granted, .. } => (*granted, machine.peer.said) = (None, Said::ToHot),
                _ => {}
            },
            Rule::Contest if treq && standby => {
                if let Event::Peer(report) = event
                    && report.random != FORCED_RANDOM
                {
                    report.priority = i32::MAX;
                }
            }
            Rule::SecondStandby if code == Some(PeerCode::ToStandby) && standby => {
                if let Event::Peer(report) = event {
                    report.code = Some(PeerCode::Fovr);
                }
            }
            Rule::ConstantRandom => {
                // Ours is always the greater one; a greater one of theirs has to win by the address.
                if let Event::Peer(report) = event
                    && (DRAWN..OUR_RANDOM).contains(&report.random)
                {
                    report.random = OUR_RANDOM;
                    report.host = Some([255, 255, 255, 255].into());
                }
            }
            Rule::TwoHot if code == Some(PeerCode::Trej) && matches!(machine.state, State::Hot { .. }) => {
                machine.peer.said = Said::Hot;
                if let Event::Peer(report) = event {
                    report.priority = i32::MAX;
                }
            }
            Rule::ClaimFirst
                if *event == Event::App(Some(AppCode::Lhot))
                    && matches!(machine.state, State::Unknown { .. }) =>
            {
                machine.app.heard = NOW;
                machine.peer.said = Said::Nothing;
                machine.state = State::Unknown { claim: Some(NOW) };
                *event = Event::Tick;
            }
            _ => {}
        }
    }

    /// What it remembers and does afterwards.
    pub fn after(self, was: &Machine, event: &Event, machine: &mut Machine, actions: &mut Vec<Action>) {
        let sends = |actions: &[Action], wanted: PeerCode| {
            actions.iter().any(|action| matches!(action, Action::Send { code, .. } if *code == wanted))
        };
        let told = match event {
            Event::Peer(report) => report.code,
            _ => None,
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
            Rule::Push => {
                if let Some(Asked::Forced { pushed, .. }) = &mut machine.asked {
                    *pushed = true;
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
            Rule::TwoHot if told == Some(PeerCode::Hott) && matches!(was.state, State::Hot { .. }) => {
                machine.asked = was.asked;
                *actions = vec![Action::Send { code: PeerCode::Trej, random: 0, extended: false }];
            }
            Rule::FailedIsSilent if was.state == State::Failed => {
                if matches!(told, Some(PeerCode::Tcnf | PeerCode::Trej)) {
                    actions.push(Action::Send { code: PeerCode::Tcnf, random: 0, extended: false });
                }
            }
            Rule::FailedIsNotHot => machine.app.failed = false,
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
