//! Strongly connected components (Tarjan), without recursion: the graphs have millions of states.

/// The components of a part of a graph.
pub struct Components {
    /// The states of the part, every one after all that it leads to, as far as cycles allow.
    pub order: Vec<u32>,
    /// Whether a state lies on a cycle within the part.
    pub cyclic: Vec<bool>,
}

const UNSEEN: u32 = 0;

/// Looks at the states that are `inside`; the others are the end of every way.
pub fn components<I: Iterator<Item = usize>>(
    count: usize,
    inside: impl Fn(usize) -> bool,
    next: impl Fn(usize) -> I,
) -> Components {
    let mut found = Components { order: Vec::new(), cyclic: vec![false; count] };
    // When a state was first seen, from 1; afterwards the oldest one on the stack that it leads back to.
    let mut low = vec![UNSEEN; count];
    let mut done = vec![false; count];
    let mut seen = 0_u32;
    let mut stack: Vec<usize> = Vec::new();
    // (state, when it was seen, what is left to look at)
    let mut open: Vec<(usize, u32, I)> = Vec::new();
    for start in 0..count {
        if low[start] != UNSEEN || !inside(start) {
            continue;
        }
        let mut enter = Some(start);
        loop {
            if let Some(at) = enter.take() {
                seen += 1;
                low[at] = seen;
                stack.push(at);
                open.push((at, seen, next(at)));
            }
            let Some((at, own, rest)) = open.last_mut() else { break };
            let (at, own) = (*at, *own);
            if let Some(to) = rest.next() {
                if !inside(to) || done[to] {
                    continue;
                }
                if to == at {
                    found.cyclic[at] = true;
                } else if low[to] == UNSEEN {
                    enter = Some(to);
                } else {
                    low[at] = low[at].min(low[to]);
                }
                continue;
            }
            open.pop();
            if let Some((above, _, _)) = open.last() {
                low[*above] = low[*above].min(low[at]);
            }
            if low[at] == own {
                close(&mut found, &mut stack, &mut done, at);
            }
        }
    }
    found
}

/// Takes the component of `root` off the stack.
fn close(found: &mut Components, stack: &mut Vec<usize>, done: &mut [bool], root: usize) {
    let first = stack.iter().rposition(|at| *at == root).unwrap_or(0);
    let cycle = stack.len() - first > 1;
    for at in stack.drain(first..) {
        done[at] = true;
        found.cyclic[at] |= cycle;
        found.order.push(crate::search::number(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found_and_the_rest_is_in_order() {
        // 0 → 1 ⇄ 2, 1 → 3, 4 ↺, 0 → 4; 5 is outside and leads back to 0.
        let graph: [&[usize]; 6] = [&[1, 4], &[2, 3], &[1], &[5], &[4], &[0]];
        let found = components(6, |at| at != 5, |at| graph[at].iter().copied());
        assert_eq!(found.cyclic, [false, true, true, false, true, false]);
        let position = |wanted| found.order.iter().position(|at| *at as usize == wanted).unwrap();
        assert!(position(3) < position(1) && position(1) < position(0) && position(4) < position(0));
        assert_eq!(found.order.len(), 5);
    }
}
