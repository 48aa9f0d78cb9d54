//! The states that the daemon wants and the application has.

use schrittmacher_wire::AppCode;

/// The state that the daemon has ordered. The numbers are those of the legacy client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum WantedState {
    /// Become hot: do the work.
    Hot = 101,
    /// Become standby: leave the work to the other host.
    Standby = 102,
}

impl WantedState {
    /// The state for its number in the C interface.
    pub const fn from_number(number: i32) -> Option<WantedState> {
        match number {
            101 => Some(WantedState::Hot),
            102 => Some(WantedState::Standby),
            _ => None,
        }
    }

    /// The number in the C interface.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// `hot` or `standby`.
    pub const fn as_str(self) -> &'static str {
        match self {
            WantedState::Hot => "hot",
            WantedState::Standby => "standby",
        }
    }
}

/// The state that the application has reported. The numbers are those of the legacy client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum CurrentState {
    /// Standby: healthy, and leaves the work to the other host.
    Inactive = 200,
    /// Hot: does the work.
    Active = 201,
    /// Cannot do the work.
    Failed = 202,
    /// No state yet: the daemon decides.
    Unknown = 203,
    /// On its way to hot.
    TransitingToHot = 204,
    /// On its way to standby.
    TransitingToStandby = 205,
}

impl CurrentState {
    /// Every state, in the order of the numbers.
    pub const ALL: [CurrentState; 6] = [
        CurrentState::Inactive,
        CurrentState::Active,
        CurrentState::Failed,
        CurrentState::Unknown,
        CurrentState::TransitingToHot,
        CurrentState::TransitingToStandby,
    ];

    /// The state for its number in the C interface.
    pub fn from_number(number: i32) -> Option<CurrentState> {
        CurrentState::ALL.into_iter().find(|state| state.number() == number)
    }

    /// The number in the C interface.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The state's name as the legacy library spells it, for example `transiting-to-hot`.
    pub const fn as_str(self) -> &'static str {
        match self {
            CurrentState::Inactive => "inactive",
            CurrentState::Active => "active",
            CurrentState::Failed => "failed",
            CurrentState::Unknown => "unknown",
            CurrentState::TransitingToHot => "transiting-to-hot",
            CurrentState::TransitingToStandby => "transiting-to-standby",
        }
    }

    /// The status code of this state on the wire.
    pub const fn code(self) -> AppCode {
        match self {
            CurrentState::Inactive => AppCode::Lsby,
            CurrentState::Active => AppCode::Lhot,
            CurrentState::Failed => AppCode::Lfai,
            CurrentState::Unknown => AppCode::Lunk,
            CurrentState::TransitingToHot => AppCode::L2ht,
            CurrentState::TransitingToStandby => AppCode::L2sb,
        }
    }

    /// The state of a status code; none for the two requests (`LRFO`, `LRTO`).
    pub const fn from_code(code: AppCode) -> Option<CurrentState> {
        match code {
            AppCode::Lhot => Some(CurrentState::Active),
            AppCode::Lsby => Some(CurrentState::Inactive),
            AppCode::Lunk => Some(CurrentState::Unknown),
            AppCode::Lfai => Some(CurrentState::Failed),
            AppCode::L2ht => Some(CurrentState::TransitingToHot),
            AppCode::L2sb => Some(CurrentState::TransitingToStandby),
            AppCode::Lrfo | AppCode::Lrto => None,
        }
    }

    /// Whether the application is still on its way.
    pub const fn is_transiting(self) -> bool {
        matches!(self, CurrentState::TransitingToHot | CurrentState::TransitingToStandby)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_lead_back_to_the_state() {
        for state in CurrentState::ALL {
            assert_eq!(CurrentState::from_code(state.code()), Some(state));
            assert_eq!(CurrentState::from_number(state.number()), Some(state));
        }
        assert_eq!(CurrentState::from_number(0), None);
        assert_eq!(CurrentState::from_number(206), None);
        assert_eq!(WantedState::from_number(WantedState::Hot.number()), Some(WantedState::Hot));
        assert_eq!(WantedState::from_number(WantedState::Standby.number()), Some(WantedState::Standby));
        assert_eq!(WantedState::from_number(100), None);
    }
}
