//! The configuration of one resource, as far as its commands need it.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use schrittmacher_config::{ActionLimit, SharedAddress};

use super::CommandKind;
use super::environment::Environment;
use super::process::with_posix_signal_names;

/// The configuration of the commands of one resource.
#[derive(Debug)]
pub(super) struct Commands {
    pub(super) texts: [Option<String>; CommandKind::ALL.len()],
    /// Without `interface-announce` an announcement is `activate` once more, and its command is told so.
    pub(super) announces_as: CommandKind,
    /// The address that the interface commands name, if they name one.
    pub(super) address: Option<IpAddr>,
    /// The address that is on this host once `interface-activate` has done its work, if that is known.
    pub(super) brought_up: Option<IpAddr>,
    /// The built-in address.
    pub(super) shared: Option<SharedAddress>,
    /// The unit of systemd that is started and stopped instead of commands.
    pub(super) unit: Option<String>,
    pub(super) environment: Environment,
    /// The user of all but the interface commands.
    pub(super) user: Option<String>,
    pub(super) limits: Vec<ActionLimit>,
}

/// Those of every resource that has none: its application gets signals, and there is no address and no `fence-action`, which
/// has the environment and the limits of the others.
static NONE: LazyLock<Arc<Commands>> = LazyLock::new(|| {
    Arc::new(Commands {
        texts: Default::default(),
        announces_as: CommandKind::Activate,
        address: None,
        brought_up: None,
        shared: None,
        unit: None,
        environment: Environment::default(),
        user: None,
        limits: Vec::new(),
    })
});

impl Commands {
    /// Those of a resource.
    pub(super) fn of(
        core: &schrittmacher_config::Core,
        resource: &schrittmacher_config::Resource,
    ) -> Arc<Commands> {
        let commands = Commands::new(core, resource);
        let has_any = commands.texts.iter().any(Option::is_some);
        if has_any || commands.shared.is_some() || commands.unit.is_some() || resource.fence.is_some() {
            Arc::new(commands)
        } else {
            Arc::clone(&NONE)
        }
    }

    fn new(core: &schrittmacher_config::Core, resource: &schrittmacher_config::Resource) -> Commands {
        let command = |text: &Option<String>| {
            text.as_deref().filter(|text| !text.trim().is_empty()).map(with_posix_signal_names)
        };
        let announce = command(&resource.interface_announce);
        let announces_as = if announce.is_some() { CommandKind::Announce } else { CommandKind::Activate };
        let texts = CommandKind::ALL.map(|kind| match kind {
            CommandKind::Activate => command(&resource.interface_activate),
            CommandKind::Start => command(&resource.start_action),
            CommandKind::Stop => command(&resource.stop_action),
            CommandKind::Deactivate => command(&resource.interface_deactivate),
            CommandKind::Announce => announce.clone().or_else(|| command(&resource.interface_activate)),
            CommandKind::Check => {
                resource.check.as_ref().map(|check| with_posix_signal_names(&check.command))
            }
        });
        let interface = [CommandKind::Activate, CommandKind::Deactivate];
        let mut interface = interface.into_iter().filter_map(|kind| texts[kind as usize].as_deref());
        let address = interface.find_map(|text| address_in(text, core.shared_address));
        let brought_up = texts[CommandKind::Activate as usize].as_deref();
        let brought_up = brought_up
            .and_then(|text| {
                address_in(text, None).filter(|_| changes_addresses(text)).or(core.shared_address)
            })
            .filter(|address| *address != core.local_address);
        let shared = resource.shared.clone();
        let environment = Environment::new(core, resource);
        let (user, limits) = (resource.action_user.clone(), resource.action_limits.clone());
        Commands {
            texts,
            announces_as,
            address,
            brought_up,
            shared,
            unit: resource.unit.clone(),
            environment,
            user,
            limits,
        }
    }

    /// The user that runs this command; `None`: the daemon's own.
    pub(super) fn user(&self, order: CommandKind) -> Option<&str> {
        match order {
            CommandKind::Start | CommandKind::Stop | CommandKind::Check => self.user.as_deref(),
            // They change addresses, for which they need the daemon's rights.
            CommandKind::Activate | CommandKind::Deactivate | CommandKind::Announce => None,
        }
    }

    /// Whether both bring up and take down the same address in the same way.
    pub(super) fn have_same_address(&self, other: &Commands) -> bool {
        let same = |kind: CommandKind| self.texts[kind as usize] == other.texts[kind as usize];
        let has_commands = |commands: &Commands| {
            let has = |kind: CommandKind| commands.texts[kind as usize].is_some();
            has(CommandKind::Activate) || has(CommandKind::Deactivate)
        };
        let same_environment = self.environment.have_same_address(&other.environment) || !has_commands(self);
        let places = [self, other]
            .map(|commands| commands.shared.as_ref().map(|shared| (&shared.interface, &shared.addresses)));
        let same_shared = places[0] == places[1];
        same(CommandKind::Activate) && same(CommandKind::Deactivate) && same_environment && same_shared
    }
}

/// The first address that a command names, by itself or as `$SHARED_ADDRESS`.
fn address_in(text: &str, shared: Option<IpAddr>) -> Option<IpAddr> {
    let first = text
        .split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':')))
        .find_map(|word| word.parse().ok());
    first.or_else(|| shared.filter(|_| text.contains("SHARED_ADDRESS")))
}

/// Whether a command calls a program that adds addresses: what it names is not, for example, the address of a server.
fn changes_addresses(text: &str) -> bool {
    let mut words = text.split(|c: char| c.is_whitespace() || ";|&()".contains(c));
    words.any(|word| matches!(word.rsplit('/').next(), Some("ip" | "ifconfig")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_testkit::config::{core, resource_with};

    #[test]
    fn the_address_that_activate_brings_up_is_known_only_if_it_is_certain() {
        let brought_up = |text: &str, shared: Option<&str>| {
            let core = schrittmacher_config::Core {
                local_address: [10, 1, 0, 1].into(),
                shared_address: shared.map(|address| address.parse().unwrap()),
                ..core()
            };
            let resource = resource_with("r", |r| r.interface_activate = Some(text.to_owned()));
            Commands::new(&core, &resource).brought_up.map(|address| address.to_string())
        };
        let known = Some("10.1.0.100".to_owned());
        assert_eq!(brought_up("/sbin/ip addr add 10.1.0.100/24 dev eth0", None), known);
        assert_eq!(brought_up("ifconfig eth0:1 10.1.0.100 up", None), known);
        assert_eq!(brought_up("/etc/ha/address.sh up", Some("10.1.0.100")), known);
        assert_eq!(brought_up("/etc/ha/address.sh up", None), None);
        assert_eq!(brought_up("curl http://10.1.0.7/take-over", None), None, "that is a server");
        assert_eq!(brought_up("ip route replace default via 10.1.0.1", None), None, "that is always here");
    }

    /// It shared the commands of those that have none, and its script did not know which host to turn off.
    #[test]
    fn a_resource_of_signals_alone_has_an_environment_and_limits_for_its_fence_action() {
        let core = schrittmacher_config::Core { remote_address: [10, 1, 0, 2].into(), ..core() };
        let kind = schrittmacher_config::LimitKind::AddressSpace;
        let of_signals =
            resource_with("smsc", |smsc| smsc.action_limits = vec![ActionLimit { kind, most: 1 << 30 }]);
        assert!(Arc::ptr_eq(&Commands::of(&core, &of_signals), &NONE));
        let fence = schrittmacher_config::FenceAction {
            command: "/opt/fence".to_owned(),
            timeout: std::time::Duration::from_secs(20),
            retries: 2,
        };
        let mut fenced = of_signals;
        fenced.fence = Some(fence);
        let fenced = Commands::of(&core, &fenced);
        let mut command = std::process::Command::new("/opt/fence");
        fenced.environment.apply(&mut command, "fence", None, &Default::default());
        let value = |name: &str| command.get_envs().find(|(known, _)| *known == name)?.1?.to_str();
        assert_eq!(value("REMOTE_ADDRESS"), Some("10.1.0.2"));
        assert_eq!(value("RESOURCE_NAME"), Some("smsc"));
        assert_eq!(fenced.limits.len(), 1);
    }

    #[test]
    fn the_address_of_a_command_is_the_first_it_names() {
        let shared = Some("192.0.2.7".parse().unwrap());
        for (text, address) in [
            ("ip addr add 10.1.0.100/24 brd 10.1.0.255 dev eth0", Some("10.1.0.100")),
            ("ip -6 addr add '2001:db8::7/64' dev eth0 nodad", Some("2001:db8::7")),
            ("ip addr add $SHARED_ADDRESS/24 dev eth0", Some("192.0.2.7")),
            ("/etc/ha/address.sh up", None),
        ] {
            assert_eq!(address_in(text, shared), address.map(|address| address.parse().unwrap()), "{text}");
        }
    }
}
