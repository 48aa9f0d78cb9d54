//! P2 for a set: its members are hot on one side together.

use schrittmacher_simulator::Host;
use schrittmacher_testkit::program::Program;

use crate::book::is_hot;
use crate::plan::RESOURCES;
use crate::promises::{has_address, is_ready};

/// If a side has the whole set, all of it is served there. Else what is served is on one side, and something is if it can be.
pub fn is_settled(hosts: &[Host<Program>; 2]) -> bool {
    let hot = |host: &Host<Program>, resource: usize| is_hot(&host.nodes[resource]);
    let serves = |host: &Host<Program>, resource: usize| {
        let node = &host.nodes[resource];
        hot(host, resource) && node.app().is_serving() && node.commands().interface_is_up()
    };
    let rests = |host: &Host<Program>, resource: usize| {
        let node = &host.nodes[resource];
        !hot(host, resource) && !node.app().is_serving() && !node.commands().interface_is_up()
    };
    let all =
        |host, so: &dyn Fn(&Host<Program>, usize) -> bool| (0..RESOURCES).all(|resource| so(host, resource));
    // An address that is up stays so, even if it could not be brought up any more.
    let is_whole = |host| {
        all(host, &|host, resource| {
            is_ready(host, resource) || (serves(host, resource) && !host.is_cut_off())
        })
    };
    let [a, b] = hosts;
    let sides = [(a, b), (b, a)];
    if sides.iter().any(|(host, _)| is_whole(host)) {
        sides.iter().any(|(host, other)| is_whole(host) && all(host, &serves) && all(other, &rests))
    } else {
        let any = |host, so: &dyn Fn(&Host<Program>, usize) -> bool| {
            (0..RESOURCES).any(|resource| so(host, resource))
        };
        let may_serve = any(a, &is_ready) || any(b, &is_ready);
        sides.iter().any(|(host, other)| all(other, &rests) && (any(host, &serves) || !may_serve))
    }
}

/// Each side lacks the address of another member, and finds that out only when it tries: the set goes to and fro, once in
/// `hold-back-max`.
pub fn is_restless(hosts: &[Host<Program>; 2]) -> bool {
    let lacking = |host: &Host<Program>| -> Vec<bool> {
        host.nodes.iter().map(|node| !has_address(node) && !node.commands().interface_is_up()).collect()
    };
    let [a, b] = hosts.each_ref().map(lacking);
    a.contains(&true) && b.contains(&true) && a != b
}
