//! The application's functions that a client calls.

use std::sync::Arc;

use crate::{Client, WantedState};

/// A function of the application.
pub(crate) type ClientFn = dyn Fn(&Client) + Send + Sync;

/// The functions of one client, except for its log function.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub go_hot: Option<Arc<ClientFn>>,
    pub go_standby: Option<Arc<ClientFn>>,
    /// Called for each heartbeat that is due, in place of sending it.
    pub heartbeat: Option<Arc<ClientFn>>,
    pub daemon_lost: Option<Arc<ClientFn>>,
    pub right_ended: Option<Arc<ClientFn>>,
}

impl Callbacks {
    /// The place of the function for an order.
    pub fn order_slot(&mut self, wanted: WantedState) -> &mut Option<Arc<ClientFn>> {
        match wanted {
            WantedState::Hot => &mut self.go_hot,
            WantedState::Standby => &mut self.go_standby,
        }
    }

    /// Whether the application takes orders by function. One that has neither asks for the wanted state.
    pub fn take_orders(&self) -> bool {
        self.go_hot.is_some() || self.go_standby.is_some()
    }
}
