//! The opt-in signal handlers.

use std::io;
use std::sync::Arc;

use libc::{SIGUSR1, SIGUSR2, c_int};
use signal_hook_registry::{SigId, register, unregister};

use crate::bell::Bell;

/// Handlers for SIGUSR1 and SIGUSR2, removed when dropped. The registry behind them is the one thing of this
/// library that is global, since signal handlers are.
#[derive(Debug)]
pub(crate) struct SignalHooks(Vec<SigId>);

impl SignalHooks {
    /// Installs the handlers; each then calls the handler that was there before.
    pub fn install(bell: &Arc<Bell>) -> io::Result<SignalHooks> {
        let mut hooks = SignalHooks(Vec::new());
        for signo in [SIGUSR1, SIGUSR2] {
            hooks.0.push(hook(bell, signo)?);
        }
        Ok(hooks)
    }
}

fn hook(bell: &Arc<Bell>, signo: c_int) -> io::Result<SigId> {
    let bell = Arc::clone(bell);
    // SAFETY: the action is async-signal-safe: Bell::signal takes no lock, allocates nothing, does not panic
    // and restores errno.
    unsafe {
        register(signo, move || {
            let _ = bell.signal(signo);
        })
    }
}

impl Drop for SignalHooks {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            unregister(id);
        }
    }
}
