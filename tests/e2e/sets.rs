//! A set with one address: its members are hot on one side together (edge-24).

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Lan, Pair, RESOURCE, Setup, Side, ctl_in, skip, wait_for};

const SERVICE: &str = "10.1.0.100";

/// Beside the application of every pair a database that is a file.
const DATABASE: &str = "shared-address = 10.1.0.100/24
shared-interface = eth0
check-interval = 0.2
check-fall = 1

group = resource
name = database
set = web
start-action = touch {folder}/database-$LOCAL_ADDRESS
stop-action = rm -f {folder}/database-$LOCAL_ADDRESS
check-command = test ! -e {folder}/broken-$LOCAL_ADDRESS || exit 127; test -e {folder}/database-$LOCAL_ADDRESS";

struct Set {
    lan: Lan,
    pair: Pair,
}

impl Set {
    fn start(name: &str) -> Option<Set> {
        let lan = Lan::lay().map_err(|why| skip(name, why)).ok()?;
        let setup = Setup {
            core: DATABASE,
            resource: "set = web",
            activate: None,
            deactivate: None,
            start: Some("kill -10 `cat {pid-file}`"),
            stop: Some("kill -12 `cat {pid-file}`"),
            ..Setup::default()
        };
        let mut pair = Pair::on(setup, &lan);
        for side in [Side::A, Side::B] {
            pair[side].start_app("--start-as standby");
            pair.start_daemon(side);
        }
        Some(Set { lan, pair })
    }

    fn file(&self, what: &str, side: Side) -> PathBuf {
        let address = ["10.9.0.1", "10.9.0.2"][side.index()];
        self.pair.folder().join(format!("{what}-{address}"))
    }

    fn is_here(&self, side: Side) -> bool {
        let address = self.lan.host(side).output("ip", "-o addr show dev eth0").contains(SERVICE);
        self.file("database", side).exists() && self.pair[side].is("Hot") && address
    }

    fn is_gone(&self, side: Side) -> bool {
        let address = self.lan.host(side).output("ip", "-o addr show dev eth0").contains(SERVICE);
        !self.file("database", side).exists() && self.pair[side].is("Standby") && !address
    }

    /// All of it, and the address, on this side alone.
    fn wait_whole(&self, side: Side) {
        wait_for(&format!("the set to be on {}", side.name()), AT_ONCE, || {
            (self.is_here(side) && self.is_gone(side.other())).then_some(())
        });
    }

    fn set_broken(&self, side: Side, broken: bool) {
        let file = self.file("broken", side);
        if broken { fs::write(file, "") } else { fs::remove_file(file) }.unwrap();
    }

    fn ctl(&self, side: Side, words: &[&str]) -> (i32, String, String) {
        let config = self.pair[side].files.config();
        let words: Vec<&str> = words.iter().copied().chain(["--config", config.to_str().unwrap()]).collect();
        ctl_in(self.lan.host(side), &words)
    }

    fn wait_status(&self, side: Side, text: &str) {
        wait_for(&format!("the status to say {text:?}"), AT_ONCE, || {
            self.ctl(side, &["status"]).1.contains(text).then_some(())
        });
    }
}

#[test]
fn a_set_moves_whole_stays_where_no_side_has_all_and_obeys_orders_as_one() {
    let name = "a_set_moves_whole_stays_where_no_side_has_all_and_obeys_orders_as_one";
    let Some(set) = Set::start(name) else { return };
    let first = wait_for("the set to be on one side", AT_ONCE, || {
        [Side::A, Side::B].into_iter().find(|side| set.is_here(*side) && set.is_gone(side.other()))
    });
    let second = first.other();

    // One member fails: all go.
    set.set_broken(first, true);
    set.wait_whole(second);
    set.wait_status(second, "the set web stays off the other side: database cannot serve there");
    let (code, _, complaint) = set.ctl(second, &["failover", RESOURCE]);
    assert_ne!(code, 0, "{complaint}");

    // It fails there too: the rest stays, with the address.
    set.set_broken(second, true);
    set.wait_status(first, "the set web stays on the other side: database cannot serve here");
    set.pair.stays();
    assert!(set.pair[second].is("Hot") && set.is_gone(first));
    let address = set.lan.host(second).output("ip", "-o addr show dev eth0");
    assert!(address.contains(SERVICE), "{address}");

    // The first side has all of it again.
    set.set_broken(first, false);
    set.wait_whole(first);

    // An order to one member is an order to all.
    set.set_broken(second, false);
    wait_for("the set to be whole on both sides", AT_ONCE, || {
        (!set.ctl(first, &["status"]).1.contains("the set web")).then_some(())
    });
    let (code, said, complaint) = set.ctl(first, &["failover", "database", "--wait"]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    set.wait_whole(second);
    let (code, said, complaint) = set.ctl(first, &["freeze", RESOURCE, "--for", "1h"]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    assert_eq!(set.ctl(first, &["status"]).1.matches("FROZEN").count(), 2);
    set.pair.stays_for(Duration::from_secs(1).as_secs_f64());
}
