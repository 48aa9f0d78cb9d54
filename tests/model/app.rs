//! The application of one host, with its freedom: how long a switch takes is chosen anew for every order.

use schrittmacher_wire::AppCode;

/// Seconds from one report to the next.
const PERIOD: u8 = 2;

/// The role of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Unknown,
    Standby,
    Hot,
}

/// The clients' two habits (see `Era` of the legacy double).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Habit {
    /// Up to 1.14: while it switches it reports what it was.
    Old,
    /// Since 1.15: reports that it is on its way, and at once when it is there.
    New,
}

/// An application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    Dead,
    /// Reports LFAI until it is started anew.
    Failed {
        report_in: u8,
    },
    Runs {
        role: Role,
        /// The seconds until it is there.
        going: Option<(Role, u8)>,
        report_in: u8,
        /// Says and does nothing; orders wait.
        hung: bool,
    },
}

impl App {
    pub fn start(role: Role) -> App {
        App::Runs { role, going: None, report_in: 0, hung: false }
    }

    /// Whether it could serve.
    pub fn is_fit(self) -> bool {
        matches!(self, App::Runs { hung: false, .. })
    }

    /// Whether it is this, and stays so.
    pub fn is(self, wanted: Role) -> bool {
        matches!(self, App::Runs { role, going: None, hung: false, .. } if role == wanted)
    }

    /// Whether this order would set it on its way.
    pub fn obeys(self, order: Role) -> bool {
        matches!(self, App::Runs { role, going, .. } if going.map_or(role, |(to, _)| to) != order)
    }

    /// Follows an order that takes `takes` seconds.
    pub fn order(&mut self, order: Role, takes: u8, habit: Habit) {
        if self.obeys(order)
            && let App::Runs { role, going, report_in, hung } = self
        {
            if takes == 0 && !*hung {
                (*role, *going) = (order, None);
                if habit == Habit::New {
                    *report_in = 0;
                }
            } else {
                *going = Some((order, takes));
            }
        }
    }

    /// Time passes.
    pub fn pass(&mut self, seconds: u8, habit: Habit) {
        match self {
            App::Dead => {}
            App::Failed { report_in } => *report_in = report_in.saturating_sub(seconds),
            App::Runs { role, going, report_in, hung } => {
                *report_in = report_in.saturating_sub(seconds);
                if let (Some((to, left)), false) = (*going, *hung) {
                    if left > seconds {
                        *going = Some((to, left - seconds));
                    } else {
                        (*role, *going) = (to, None);
                        if habit == Habit::New {
                            *report_in = 0;
                        }
                    }
                }
            }
        }
    }

    /// Whether it reports within this second.
    pub fn is_due(self) -> bool {
        match self {
            App::Dead | App::Runs { hung: true, .. } => false,
            App::Failed { report_in } | App::Runs { report_in, .. } => report_in == 0,
        }
    }

    /// Its report now.
    pub fn report(&mut self, habit: Habit) -> Option<AppCode> {
        match self {
            App::Dead | App::Runs { hung: true, .. } => None,
            App::Failed { report_in } => {
                *report_in = PERIOD;
                Some(AppCode::Lfai)
            }
            App::Runs { role, going, report_in, .. } => {
                *report_in = PERIOD;
                Some(match (habit, going, role) {
                    (Habit::New, Some((Role::Hot, _)), _) => AppCode::L2ht,
                    (Habit::New, Some((Role::Standby | Role::Unknown, _)), _) => AppCode::L2sb,
                    (_, _, Role::Unknown) => AppCode::Lunk,
                    (_, _, Role::Standby) => AppCode::Lsby,
                    (_, _, Role::Hot) => AppCode::Lhot,
                })
            }
        }
    }
}
