# shellcheck shell=bash
# Of scripts/check-booted: steps of the package, with an application under schrittmacher-run.
# shellcheck disable=SC2034,SC2154 # variables of scripts/check-booted

two_systems_boot() {
    boot a && boot b && files a >"$work/files-before"
}

install_the_package() {
    local side began
    for side in a b; do
        began=${EPOCHREALTIME/./}
        on "$side" apt-get install -y /root/old.deb || return 1
        note="$note${note:+, }host-$side $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
        # Without a configuration there is nothing to start.
        [ "$(on "$side" systemctl is-enabled schrittmacher.service)" = disabled ] || return 1
        [ "$(on "$side" systemctl is-active schrittmacher.service)" = inactive ] || return 1
        [ "$(on "$side" systemctl is-system-running)" = running ] || { on "$side" systemctl --failed; return 1; }
    done
}

# What a Debian archive would run.
autopkgtest_of_the_daemon() {
    cp packaging/debian/tests/daemon "$work/a/root/root/" && on a sh /root/daemon
}

first_pair_by_init() {
    local side since=${EPOCHREALTIME/./}
    on a schrittmacherctl init --local "${own[a]}" --remote "${own[b]}" --resource echo --shared-address "$address/24" \
        --shared-interface eth0 || return 1
    # By hand these are the two commands that init prints.
    cp -p "$work/a/root/etc/schrittmacher/for-${own[b]}"/* "$work/b/root/etc/schrittmacher/" || return 1
    rm -r "$work/a/root/etc/schrittmacher/for-${own[b]}"
    took 'init and its copy'
    for side in a b; do
        echo 'COMMAND=perl /usr/local/bin/echo.pl' >"$work/$side/root/etc/schrittmacher/echo.run"
        on "$side" systemctl enable --now schrittmacher.service schrittmacher-run@echo.service || return 1
        took "start of host-$side"
    done
    wait_for 60 protected a && address_at a || return 1
    took 'until protected'
    ask_probe && [ "$host" = host-a ]
}

failover_by_order() {
    ask_probe && on a schrittmacherctl failover echo --wait && wait_for 30 protected b && address_at b && ask_probe || return 1
    [ "$host" = host-b ]
}

takeover_by_order() {
    ask_probe && on a schrittmacherctl takeover echo --wait && wait_for 30 protected a && address_at a && ask_probe || return 1
    [ "$host" = host-a ]
}

upgrade_of_the_hot_host() { upgrade a; }
upgrade_of_the_standby_host() { upgrade b; }
upgrade() { # SIDE
    local before
    remember && before=$(daemon "$1") && on "$1" apt-get install -y /root/new.deb || return 1
    # shellcheck disable=SC2016 # dpkg's own variable
    [ "$(on "$1" dpkg-query -W -f '${Version}' schrittmacher)" = "$new_version" ] || return 1
    [ "$(daemon "$1")" != "$before" ] || { echo 'the old daemon runs on'; return 1; }
    nothing_happened a && note='no switch'
}

# Nobody answers apt's question about a file that both the operator and the new version have changed: apt fails, and the old
# daemon serves on. The answer brings the new one.
upgrade_that_asks_about_a_changed_file() {
    local before
    remember && before=$(daemon a) && on a sh -c 'echo "# mine" >>/etc/logrotate.d/schrittmacher' || return 1
    if on a apt-get install -y /root/new.deb; then echo 'it did not ask'; return 1; fi
    nothing_happened a && [ "$(daemon a)" = "$before" ] || return 1
    on a dpkg --configure -a --force-confold && on a grep -q '^# mine' /etc/logrotate.d/schrittmacher || return 1
    [ "$(daemon a)" != "$before" ] && nothing_happened a && note='no switch, the file stays'
}

downgrade_of_the_hot_host() {
    local before
    remember && before=$(daemon a) && on a apt-get install -y --allow-downgrades /root/old.deb && [ "$(daemon a)" != "$before" ] &&
        nothing_happened a && note='no switch'
}

# A restart, two switches and an order that is to be remembered, with no byte left where the daemon keeps what it has to remember.
a_full_disk_in_var_lib() {
    local state=/var/lib/schrittmacher
    on a sh -c "cp -a $state /root/state && mount -t tmpfs -o size=1m,mode=711 tmpfs $state && cp -a /root/state/. $state
        dd if=/dev/zero of=$state/filler bs=4k; df $state | grep 100%" || return 1
    remember && on a systemctl restart schrittmacher.service && nothing_happened a || return 1
    on a schrittmacherctl failover echo --wait && wait_for 30 protected b && on a schrittmacherctl takeover echo --wait &&
        wait_for 30 protected a && address_at a && ask_probe || return 1
    on a systemctl restart schrittmacher.service && wait_for 30 protected a || return 1
    on a umount -l $state && on a systemctl restart schrittmacher.service && wait_for 30 protected a && on a rm -r /root/state &&
        note='restarts and switches as always'
}

# The unit of that package does not know RestartKillSignal=, nor does systemd, as it says. apt would not look in /usr/local.
upgrade_beside_an_older_systemd() {
    local before
    on a sh -c 'printf "#!/bin/sh\n[ \"\$1\" != --version ] || exec echo systemd 241\nexec /usr/bin/systemctl \"\$@\"\n" >/usr/local/sbin/systemctl
        chmod 755 /usr/local/sbin/systemctl' || return 1
    remember && before=$(daemon a) && on a dpkg -i /root/older-systemd.deb || return 1
    [ "$(on a /usr/bin/systemctl show -P RestartKillSignal schrittmacher.service)" = 15 ] || { echo 'the unit is not as it should be'; return 1; }
    [ "$(daemon a)" != "$before" ] && nothing_happened a || return 1
    # And afterwards a stop is a hand-over again.
    [ "$(on a /usr/bin/systemctl show -P KillSignal schrittmacher.service)" = 15 ] || { echo 'the signal has stayed'; return 1; }
    # What an operator does there in the place of a restart, and the RPM.
    before=$(daemon a) && on a systemctl kill -s QUIT --kill-who=main schrittmacher.service && wait_for 30 restarted a "$before" &&
        nothing_happened a || return 1
    on a rm /usr/local/sbin/systemctl && on a apt-get install -y --allow-downgrades /root/old.deb && nothing_happened a && note='no switch'
}

restart_of_the_hot_daemon() {
    remember && on a systemctl restart schrittmacher.service && nothing_happened a && note='no switch'
}

restart_with_a_broken_file() {
    remember && sed -i 's/^local-address = /&nowhere /' "$work/a/root/etc/schrittmacher/schrittmacher.conf" || return 1
    on a systemctl restart schrittmacher.service || return 1
    # In force is the configuration from before, and that is said.
    wait_for 30 hot a || return 1
    on a schrittmacherctl status | grep 'the configuration file is broken' || return 1
    ask_probe && [ "$lost" = 0 ] && [ "$(changes a) $(changes b)" = "$remembered" ] && address_at a &&
        note='no switch, the last good configuration'
}

reload_with_a_broken_file() {
    remember || return 1
    if on a systemctl reload schrittmacher.service; then echo 'it returned 0'; return 1; fi
    hot a && ask_probe && [ "$lost" = 0 ] && [ "$(changes a) $(changes b)" = "$remembered" ] || return 1
    sed -i 's/nowhere //' "$work/a/root/etc/schrittmacher/schrittmacher.conf"
    on a systemctl reload schrittmacher.service && nothing_happened a && note='refused; accepted when mended'
}

kill_9_of_the_hot_daemon() {
    local before
    remember && before=$(daemon a) && on a kill -9 "$before" && wait_for 30 restarted a "$before" && nothing_happened a &&
        note='no switch'
}
restarted() { local now; now=$(daemon "$1") && [ "$now" != 0 ] && [ "$now" != "$2" ]; }

kill_9_of_the_application() {
    ask_probe && on a pkill -9 -x perl && wait_for 60 protected b && address_at b && ask_probe || return 1
    [ "$host" = host-b ] && note='host-b takes over'
}

stop_of_the_hot_host() {
    wait_for 60 believed && ask_probe && on b systemctl stop schrittmacher.service && wait_for 30 hot a && address_at a && ask_probe || return 1
    [ "$host" = host-a ] && was_handed_over a && note='handed over'
}

stop_of_the_other_host_too() {
    ask_probe && on a systemctl stop schrittmacher.service && ask_probe || return 1
    [ "$lost" = 0 ] && [ "$host" = host-a ] && note='no daemon anywhere, the service goes on'
}

start_of_both() {
    ask_probe && on b systemctl start schrittmacher.service && on a systemctl start schrittmacher.service || return 1
    wait_for 60 protected a && address_at a && ask_probe && [ "$lost" = 0 ] && note='the service goes on where it is'
}

orderly_shutdown_of_the_hot_host() {
    wait_for 60 believed && ask_probe && on a systemctl poweroff
    gone a
    wait_for 60 hot b && ask_probe || return 1
    [ "$host" = host-b ] && was_handed_over b && note='handed over first'
}

boot_of_that_host() {
    ask_probe && boot a && wait_for 60 protected b && address_at b && ask_probe && [ "$lost" = 0 ] && note='it is standby'
}

power_cut_of_the_hot_host() {
    ask_probe && cut_power b && ip -n "$id-b" addr flush dev eth0 && wait_for 60 hot a && ask_probe || return 1
    [ "$host" = host-a ]
}

# Its link gets its address only when the daemon runs already.
boot_before_the_network_is_there() {
    ask_probe && boot b && wait_for 60 running_without_an_address b || return 1
    ip -n "$id-b" addr add "${own[b]}/24" dev eth0
    wait_for 60 protected a && address_at a && ask_probe && [ "$lost" = 0 ] && note='it is standby'
}
running_without_an_address() { on "$1" systemctl is-active schrittmacher.service && on "$1" schrittmacherctl status; [ $? != 3 ]; }

power_cut_of_both_and_a_boot_of_one() {
    local side
    for side in a b; do cut_power "$side"; ip -n "$id-$side" addr flush dev eth0; ip -n "$id-$side" addr add "${own[$side]}/24" dev eth0; done
    boot a && wait_for 60 hot a && ask_probe && [ "$host" = host-a ] && boot b && wait_for 60 protected a && address_at a &&
        note='the later one is standby'
}

remove_from_the_hot_host() {
    wait_for 60 believed && ask_probe && on a apt-get remove -y schrittmacher && wait_for 60 hot b && address_at b && ask_probe || return 1
    [ "$host" = host-b ] && was_handed_over b && note='handed over first'
}

# Removed and not purged: the configuration is there, and the operator decides when it counts again.
installed_again() {
    ask_probe && on a apt-get install -y /root/new.deb && [ "$(on a systemctl is-active schrittmacher.service)" = inactive ] || return 1
    on a systemctl enable --now schrittmacher.service schrittmacher-run@echo.service && wait_for 60 protected b && ask_probe &&
        [ "$lost" = 0 ] && note='starts nothing; it is standby'
}

purge_leaves_nothing() {
    on a apt-get purge -y schrittmacher && on b apt-get purge -y schrittmacher || return 1
    files a | diff "$work/files-before" - || return 1
    if on a getent passwd schrittmacher; then echo 'the user is there'; return 1; fi
    if on a pgrep -f 'schrittmacher|echo.pl'; then return 1; fi
    if ip -n "$id-a" addr show dev eth0 | grep "$address/"; then return 1; fi
    [ "$(on a systemctl is-system-running)" = running ] || { on a systemctl --failed; return 1; }
}

# As new: no configuration, no key, nothing that starts.
installed_after_the_purge() {
    on a apt-get install -y /root/old.deb && [ "$(on a systemctl is-enabled schrittmacher.service)" = disabled ] || return 1
    on a systemctl start schrittmacher.service
    [ "$(on a systemctl show -P ExecMainStatus schrittmacher.service)" = 66 ] || return 1
    on a systemctl reset-failed schrittmacher.service
    on a apt-get purge -y schrittmacher && files a | diff "$work/files-before" - && note='no configuration: exit status 66'
}
