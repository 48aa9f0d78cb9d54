//! Packet filters at both ends of a cable: such a cut leaves link and addresses up.

use crate::namespace::{Namespace, succeeded};
use crate::{Cable, PORT, Side};

/// The filters of a cable: they let everything pass until they are told otherwise.
#[derive(Debug)]
pub struct Filter {
    ends: [Namespace; 2],
}

const TABLE: &str = "table inet cuts {\n\
    chain hears {\n type filter hook input priority 0;\n }\n\
    chain says {\n type filter hook output priority 0;\n }\n}\n";

impl Filter {
    /// Puts filters at both ends. If that is not possible here, the reason.
    pub fn at(cable: &Cable) -> Result<Filter, &'static str> {
        let filter = Filter { ends: cable.ends() };
        for end in &filter.ends {
            let made = end.tool("nft", "-f -", TABLE).map_err(|_| "no `nft` program")?;
            if !made.status.success() {
                return Err("this system has no nf_tables");
            }
        }
        Ok(filter)
    }

    /// From now on `side` hears nothing of its peer, who does not notice.
    pub fn deafen(&self, side: Side) {
        self.rule(side, "hears", "counter drop");
    }

    /// From now on `side` hears nothing by this interface.
    pub fn deafen_at(&self, side: Side, interface: &str) {
        self.rule(side, "hears", &format!("iifname {interface} counter drop"));
    }

    /// From now on `side` cannot say anything to its peer, and is told so by its own system.
    pub fn gag(&self, side: Side) {
        self.rule(side, "says", "counter drop");
    }

    /// From now on `side` hears one in `of` packets of its peer: always the same one. So at most `of` - 1 in a row
    /// are lost.
    pub fn thin_out(&self, side: Side, of: u32) {
        self.rule(side, "hears", &format!("numgen inc mod {of} != 0 counter drop"));
    }

    /// How many packets between the daemons the rules of `side` have dropped.
    pub fn dropped(&self, side: Side) -> u64 {
        let rules =
            succeeded("nft", &self.ends[side.index()].tool("nft", "list table inet cuts", "").unwrap());
        let counts = rules.split("counter packets ").skip(1).filter_map(|rest| rest.split(' ').next());
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    }

    /// Lets everything pass again.
    pub fn heal(&self) {
        for end in &self.ends {
            for chain in ["hears", "says"] {
                nft(end, &format!("flush chain inet cuts {chain}\n"));
            }
        }
    }

    fn rule(&self, side: Side, chain: &str, rule: &str) {
        nft(&self.ends[side.index()], &format!("add rule inet cuts {chain} udp dport {PORT} {rule}\n"));
    }
}

fn nft(end: &Namespace, script: &str) {
    succeeded(script, &end.tool("nft", "-f -", script).unwrap());
}
