//! A pair that defers usual events beside one that does not: both do the same.

use std::net::IpAddr;
use std::time::Instant;

use schrittmacher_config::Resource;
use schrittmacher_protocol::{Machine, StateName};
use schrittmacher_testkit::config::resource_with;
use schrittmacher_wire::AppCode;

use super::*;
use crate::node::bench::{Bench, GUARD, free_port};
use crate::udp::Batch;

const RESOURCES: usize = 4;
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Two nodes, each at its address, and the time of both.
struct Pair {
    nodes: [Bench; 2],
    defers: bool,
    /// Events that have waited at the end of a step.
    waited: usize,
}

impl Pair {
    fn new(defers: bool) -> Pair {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < GUARD, "no free port");
            // The two pairs have ports of their own.
            let [here, there] = [1, 2].map(|host| IpAddr::from([127, 0, 77, host]));
            let port = free_port(here);
            let nodes = [(here, there), (there, here)]
                .map(|(local, remote)| Bench::between(local, remote, port, &resources()));
            if let [Some(one), Some(other)] = nodes {
                return Pair { nodes: [one, other], defers, waited: 0 };
            }
        }
    }

    /// Time goes on, and what was sent arrives, or is lost.
    fn step(&mut self, after: Duration, lost: bool) {
        self.nodes.iter_mut().for_each(|side| side.pass(after));
        let mut batch = Batch::new();
        for Bench { node, now, .. } in &mut self.nodes {
            loop {
                node.link().receive(0, &mut batch).expect("a socket");
                let mut number = 0;
                while let Some((datagram, source)) = batch.datagram(number) {
                    if !lost {
                        node.receive(datagram, source, 0, *now);
                    }
                    number += 1;
                }
                if !batch.is_full() {
                    break;
                }
            }
            if self.defers {
                self.waited += node.deferred.iter().map(|one| one.events.len()).sum::<usize>();
            } else {
                node.rouse_all();
            }
        }
    }

    fn report(&mut self, side: usize, index: usize, code: AppCode, reason: Option<&str>) {
        let Bench { node, now, .. } = &mut self.nodes[side];
        node.resources[index].heard_app(Some(code), reason, *now);
        node.give(index, Event::App(Some(code)), *now);
    }

    fn states(&self) -> Vec<StateName> {
        let resources = self.nodes.iter().flat_map(|side| &side.node.resources);
        resources.map(|resource| resource.protocol.state().name()).collect()
    }

    /// All that can be seen of a pair.
    fn facts(&mut self) -> Vec<(Machine, String)> {
        let mut facts = Vec::new();
        for Bench { node, .. } in &mut self.nodes {
            node.catch_up_all();
            for resource in &node.resources {
                let record = resource.protocol.flight_record().segments();
                let rest = (&resource.figures, &resource.remote, &resource.scheduled, record);
                facts.push((resource.protocol.machine().clone(), format!("{rest:?}")));
            }
        }
        facts
    }
}

fn resources() -> Vec<Resource> {
    let resource = |number| {
        resource_with(&format!("resource-{number}"), |values| {
            (values.heartbeat, values.timeout) = (HEARTBEAT, 3 * HEARTBEAT);
            values.app_timeout = Duration::from_secs(1);
        })
    };
    (0..RESOURCES).map(resource).collect()
}

/// Numbers without an order, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn what_is_deferred_changes_nothing() {
    let mut pairs = [Pair::new(true), Pair::new(false)];
    let mut numbers = Numbers(7);
    let mut reasons = [None; 2 * RESOURCES];
    let mut failovers = 0;
    for step in 0..12_000_u64 {
        let after = Duration::from_micros(1 + numbers.below(20_000));
        // Now and then the cable is cut for longer than the peer is waited for.
        let lost = step % 3000 > 2930 || numbers.below(50) == 0;
        let before = pairs[0].states();
        pairs.iter_mut().for_each(|pair| pair.step(after, lost));
        for (number, reason) in reasons.iter_mut().enumerate() {
            let (side, index) = (number / RESOURCES, number % RESOURCES);
            // Some applications are silent for longer than they are waited for.
            let is_silent = (step / 500 + number as u64).is_multiple_of(11);
            if is_silent || numbers.below(40) > 0 {
                continue;
            }
            if numbers.below(30) == 0 {
                *reason = Some("disk full").filter(|_| numbers.below(2) == 0);
            }
            let state = pairs[0].states()[number];
            let is_hot = matches!(state, StateName::Hot | StateName::ToHot) || step < 200 && side == 0;
            let code = if numbers.below(200) == 0 {
                AppCode::Lfai
            } else if is_hot {
                AppCode::Lhot
            } else {
                AppCode::Lsby
            };
            pairs.iter_mut().for_each(|pair| pair.report(side, index, code, *reason));
        }
        assert_eq!(pairs[0].states(), pairs[1].states(), "step {step}");
        failovers += usize::from(before != pairs[0].states());
    }
    let [deferring, other] = &mut pairs;
    assert!(deferring.waited > 100_000 && failovers > 20, "{} {failovers}", deferring.waited);
    for (deferred, at_once) in deferring.facts().iter().zip(other.facts()) {
        assert_eq!(deferred.0, at_once.0);
        assert_eq!(deferred.1, at_once.1);
    }
}
