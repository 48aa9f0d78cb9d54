//! The opt-in signal handlers.

use std::io;
use std::sync::Arc;

use libc::{SIGUSR1, SIGUSR2, c_int};
use nix::errno::Errno;
use signal_hook_registry::{SigId, register, unregister};

use crate::bell::Bell;

/// Handlers for SIGUSR1 and SIGUSR2, removed when dropped. The registry behind them is global, since signal handlers
/// are.
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
    let id = unsafe {
        register(signo, move || {
            let _ = bell.signal(signo);
        })
    }?;
    use_alternate_stack(signo)?;
    Ok(id)
}

/// Lets the handler run on the thread's alternate signal stack, if it has one. Go programs end when a handler runs
/// on the small stack of a goroutine. The registry does not set the flag itself.
fn use_alternate_stack(signo: c_int) -> io::Result<()> {
    // SAFETY: a sigaction of zeros is valid, and both calls get a pointer to it or NULL. The handler stays the one
    // that the registry has installed.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        Errno::result(libc::sigaction(signo, std::ptr::null(), &raw mut action))?;
        action.sa_flags |= libc::SA_ONSTACK;
        Errno::result(libc::sigaction(signo, &raw const action, std::ptr::null_mut()))?;
    }
    Ok(())
}

impl Drop for SignalHooks {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            unregister(id);
        }
    }
}
