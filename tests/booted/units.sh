# shellcheck shell=bash
# Of scripts/check-booted: steps with a unit of systemd as the application.
# shellcheck disable=SC2034,SC2154 # variables of scripts/check-booted

# The same program as a unit that the daemon starts and stops itself.
a_unit_instead_of_the_wrapper() {
    local side
    for side in a b; do
        on "$side" systemctl stop schrittmacher.service && on "$side" systemctl disable --now schrittmacher-run@echo.service || return 1
        printf '[Service]\nExecStart=/usr/bin/perl /usr/local/bin/echo.pl\n[Install]\nWantedBy=multi-user.target\n' \
            >"$work/$side/root/usr/lib/systemd/system/echo.service"
        echo 'unit = echo.service' >>"$work/$side/root/etc/schrittmacher/schrittmacher.conf"
        on "$side" systemctl daemon-reload || return 1
    done
    # Enabled, systemd would start it on both sides.
    on a systemctl enable echo.service && on a schrittmacher --check | grep 'echo.service is enabled' || return 1
    on a systemctl disable echo.service && ! on a schrittmacher --check | grep 'on this host' || return 1
    on a systemctl start schrittmacher.service && wait_for 60 hot a && on b systemctl start schrittmacher.service &&
        wait_for 60 unit_at a && ask_probe && [ "$host" = host-a ]
}
# SIDE is hot with its unit and its address, and the other side's unit does not run.
unit_at() {
    protected "$1" && address_at "$1" && on "$1" systemctl -q is-active echo.service &&
        ! on "$(peer_of "$1")" systemctl -q is-active echo.service
}

the_unit_is_killed() {
    ask_probe && on a systemctl kill -s KILL echo.service && wait_for 60 unit_at b && ask_probe || return 1
    [ "$host" = host-b ] && note="host-b: $(later b)"
}

the_unit_is_stopped_by_hand() {
    ask_probe && on b systemctl stop echo.service && wait_for 60 unit_at a && ask_probe || return 1
    [ "$host" = host-a ] && note="host-a: $(later a)"
}
# How long this side was without the service, in the words of its log.
later() { on "$1" journalctl -u schrittmacher.service --no-pager -o cat | grep -o 'hot here, [0-9.]* m\{0,1\}s later' | tail -n 1; }

the_unit_is_started_on_the_other_side() {
    ask_probe && on b systemctl start echo.service && wait_for 60 warned b 'this daemon has not started it' && wait_for 60 unit_at a &&
        ask_probe && [ "$host" = host-a ] && [ "$lost" = 0 ] && note='stopped, with a warning'
}
warned() { on "$1" journalctl -u schrittmacher.service --no-pager -o cat | grep -q "$2"; }

the_unit_is_masked_on_the_other_side() {
    ask_probe && on b systemctl mask echo.service && wait_for 60 warned b 'echo.service is masked' || return 1
    # Nobody could take over: the order is refused.
    if on a schrittmacherctl failover echo; then echo 'the order was taken'; return 1; fi
    on b systemctl unmask echo.service && wait_for 60 unit_at a && ask_probe && [ "$lost" = 0 ] && note='unfit until it is unmasked'
}

the_unit_fails_at_its_start() {
    on b sh -c 'mkdir -p /run/systemd/system/echo.service.d
        printf "[Service]\nExecStartPre=/bin/false\n" >/run/systemd/system/echo.service.d/fails.conf; systemctl daemon-reload' || return 1
    ask_probe && on a schrittmacherctl failover echo
    wait_for 60 warned b 'failed here: echo.service is failed' && wait_for 60 hot a || return 1
    on b sh -c 'rm /run/systemd/system/echo.service.d/fails.conf; systemctl daemon-reload'
    wait_for 60 unit_at a && ask_probe && [ "$host" = host-a ] && note='the service comes back'
}

systemd_and_its_bus_start_anew() {
    remember && on a systemctl daemon-reexec && on a systemctl restart dbus.service &&
        wait_for 60 warned a 'systemd can be reached again' && nothing_happened a && unit_at a && note='no switch'
}

# systemd starts it at boot, although the other side serves.
the_unit_is_enabled_on_the_standby_host() {
    ask_probe && on b systemctl enable echo.service && wait_for 60 warned b 'echo.service is enabled' && cut_power b &&
        ip -n "$id-b" addr flush dev eth0 && ip -n "$id-b" addr add "${own[b]}/24" dev eth0 && boot b && wait_for 60 unit_at a &&
        ask_probe && [ "$host" = host-a ] && [ "$lost" = 0 ] || return 1
    on b systemctl disable echo.service && note='after its boot it is stopped there'
}

# systemd takes no calls meanwhile, each time for some milliseconds, and forgets to whom it sends signals.
systemd_reads_its_units_during_switches() {
    local side reloads=() rc=0
    for side in a b; do
        on "$side" sh -c 'for n in $(seq 200); do [ -e /run/enough ] && break; systemctl daemon-reload; done' &
        reloads+=($!)
    done
    ask_probe && on a schrittmacherctl failover echo --wait && wait_for 60 unit_at b && on a schrittmacherctl takeover echo --wait &&
        wait_for 60 unit_at a && ask_probe && [ "$host" = host-a ] || rc=1
    for side in a b; do on "$side" touch /run/enough; done
    wait "${reloads[@]}"
    for side in a b; do on "$side" rm /run/enough; done
    [ "$rc" = 0 ] && wait_for 60 unit_at a && note='two switches'
}

# The daemon cannot know whether its service runs: after `app-timeout` the other side serves. Back on the bus, it stops the unit.
the_bus_is_stopped_on_the_hot_host() {
    ask_probe && on a systemctl stop dbus.socket dbus.service && wait_for 60 hot b && wait_for 10 address_at b && ask_probe &&
        [ "$host" = host-b ] || return 1
    on a systemctl start dbus.socket && wait_for 60 unit_at b && note='stopped when the bus is back'
}

the_hot_host_goes_down_with_its_unit() {
    ask_probe && on b systemctl poweroff
    gone b
    wait_for 60 hot a && ask_probe && [ "$host" = host-a ] || return 1
    boot b && wait_for 60 unit_at a && note="$(later a)"
}

# Without polkit's leave the unit cannot be started; with it, everything works.
the_daemon_without_the_rights_of_root() {
    local side
    remember
    for side in a b; do
        on "$side" sh -c 'cd /etc/schrittmacher && install -D -m 644 unprivileged.conf /etc/systemd/system/schrittmacher.service.d/unprivileged.conf
            systemctl daemon-reload && systemctl restart schrittmacher.service' || return 1
        [ "$(on "$side" ps -o user= -p "$(daemon "$side")" | cut -c1-8)" = schrittm ] || return 1
    done
    nothing_happened a || return 1
    on a schrittmacherctl failover echo
    wait_for 60 warned b 'a polkit rule has to let this daemon' && wait_for 60 unit_at a || return 1
    for side in a b; do
        on "$side" sh -c 'cd /etc/schrittmacher && sed "s/nginx.service/echo.service/" schrittmacher-units.rules >/root/rules &&
            install -D -m 644 /root/rules /etc/polkit-1/rules.d/50-schrittmacher-units.rules' || return 1
    done
    wait_for 60 ready b && ask_probe && on a schrittmacherctl failover echo --wait && wait_for 60 unit_at b && ask_probe &&
        on b systemctl kill -s KILL echo.service && wait_for 60 unit_at a && ask_probe || return 1
    note='refused without the rule; with it as root'
    # No other unit, and no other verb.
    if on a setpriv --reuid schrittmacher --clear-groups systemctl --no-ask-password stop dbus.socket; then return 1; fi
    if on a setpriv --reuid schrittmacher --clear-groups systemctl --no-ask-password restart echo.service; then return 1; fi
    for side in a b; do
        on "$side" sh -c 'rm -r /etc/systemd/system/schrittmacher.service.d /etc/polkit-1/rules.d/50-schrittmacher-units.rules /root/rules
            systemctl daemon-reload && systemctl restart schrittmacher.service' || return 1
    done
    wait_for 60 unit_at a
}
ready() { on "$(peer_of "$1")" schrittmacherctl failover echo --dry-run; }

the_wrapper_again() {
    local side
    for side in a b; do
        sed -i '/^unit = /d' "$work/$side/root/etc/schrittmacher/schrittmacher.conf"
        on "$side" systemctl stop schrittmacher.service echo.service
        rm -f "$work/$side/root/usr/lib/systemd/system/echo.service"
        on "$side" systemctl daemon-reload && on "$side" systemctl enable --now schrittmacher.service schrittmacher-run@echo.service ||
            return 1
    done
    wait_for 60 protected a && address_at a && ask_probe && [ "$host" = host-a ]
}
