//! Looks all the time whether exactly one application serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::{LOOK, Pair, Side, Tail};

/// A watch over the applications of a pair, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    planned: Arc<AtomicBool>,
    end: Arc<AtomicBool>,
    watcher: Option<JoinHandle<Vec<String>>>,
}

impl Watch {
    /// Begins to watch; one side serves.
    pub fn begin(pair: &Pair) -> Watch {
        let (planned, end) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let outputs = [Side::A, Side::B].map(|side| Tail::new(pair[side].files.app()));
        let (is_planned, is_over) = (Arc::clone(&planned), Arc::clone(&end));
        let watcher = thread::spawn(move || {
            let began = Instant::now();
            let mut wrong = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                // Each side twice, for they can't be looked at together.
                let looks = [(); 2].map(|()| outputs.each_ref().map(serves));
                let (both, none) = (looks == [[true; 2]; 2], looks == [[false; 2]; 2]);
                // Begun before the order is given, and ended when it is carried out.
                if both || (none && !is_planned.load(Ordering::SeqCst)) {
                    let who = if both { "both serve" } else { "nobody serves" };
                    wrong.push(format!("{:?}: {who}", began.elapsed()));
                }
                thread::sleep(LOOK);
            }
            wrong
        });
        Watch { planned, end, watcher: Some(watcher) }
    }

    /// A wanted switch begins, or has ended. Meanwhile no side may serve for a moment, but never both.
    pub fn planned(&self, is_planned: bool) {
        self.planned.store(is_planned, Ordering::SeqCst);
    }

    /// Ends it; what was wrong.
    pub fn end(mut self) -> Vec<String> {
        self.end.store(true, Ordering::SeqCst);
        self.watcher.take().unwrap().join().unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
    }
}

fn serves(output: &Tail) -> bool {
    let lines = output.lines();
    lines.iter().rev().find_map(|line| line.strip_prefix("STATE ")).is_some_and(|state| state == "hot")
}
