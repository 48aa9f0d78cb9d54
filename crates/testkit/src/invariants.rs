//! P4 and P5 (`docs/protocol.md`), held against every step of one of our daemons.

use schrittmacher_protocol::{Action, Command, Event, Notice, StateName};
use schrittmacher_simulator::{Node, Step};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::program::Program;

/// The invariants of one node. A legacy daemon keeps none of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Invariants {
    /// The last order was to bring the interface up.
    interface_wanted: bool,
}

impl Invariants {
    /// Looks at a step, and at the node as it is after it. Returns what does not hold.
    pub fn step(&mut self, step: &Step<'_>, node: &Node<Program>) -> Vec<String> {
        let mut broken = Vec::new();
        if step.event.is_none() {
            // What an earlier daemon has ordered this one does not know. It orders nothing before its application is heard (P9).
            self.interface_wanted = false;
        }
        for action in step.actions {
            match action {
                Action::Command(Command::Activate) => self.interface_wanted = true,
                Action::Command(Command::Deactivate { .. }) => self.interface_wanted = false,
                Action::Send { code, .. } if node.daemon().is_ours() => {
                    broken.extend(self.says_too_early(step, *code, node));
                }
                Action::Send { .. }
                | Action::Command(Command::Start | Command::Stop | Command::Barrier)
                | Action::Refuse(_)
                | Action::Notice(_)
                | Action::Witness(_)
                | Action::Fence(_)
                | Action::Exit => {}
            }
        }
        broken.extend(self.has_no_right(step, node));
        broken
    }

    /// P4: the states after a failure of the application, and those in which the interface is down.
    fn has_no_right(self, step: &Step<'_>, node: &Node<Program>) -> Option<String> {
        let resource = node.daemon().resource()?;
        let state = resource.state().name();
        let failed = matches!(step.event, Some(Event::AppFailed(_) | Event::App(Some(AppCode::Lfai))));
        let wanted = self.interface_wanted;
        let wrong = match state {
            StateName::Unknown | StateName::Hot => failed,
            StateName::Standby | StateName::ToStandby => failed || wanted,
            StateName::Failed | StateName::Leaving => wanted,
            StateName::ToHot | StateName::Releasing => false,
        };
        wrong.then(|| format!("P4: {state}, application failed: {failed}, interface wanted: {wanted}"))
    }

    /// P5: a node that gives the role away has let go of what belongs to it.
    fn says_too_early(self, step: &Step<'_>, code: PeerCode, node: &Node<Program>) -> Option<String> {
        use PeerCode::{Fail, Fovr, Stby, Tcnf, ToStandby};
        if matches!(code, Stby | ToStandby | Fail | Fovr | Tcnf) && self.interface_wanted {
            return Some(format!("P5: says {code} before deactivate was ordered"));
        }
        let planned = step.before == StateName::Releasing && matches!(code, Fovr | Tcnf);
        // Of what cannot be released the operator is told instead.
        let commands = node.commands();
        let told = step.actions.contains(&Action::Notice(Notice::NotReleased));
        let stays = commands.interface_is_up() && !told;
        let holds = stays || commands.are_pending();
        (planned && holds).then(|| format!("P5: says {code} before the commands are over"))
    }
}
