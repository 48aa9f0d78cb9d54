# shellcheck shell=bash
# Of scripts/check-booted: steps of hosts that get the programs by `make install`: a pair of the older program that is
# migrated by the commands of docs/migration.md, and back; then two hosts without systemd.
# shellcheck disable=SC2034,SC2154 # variables of scripts/check-booted

# New systems in the place of the old ones. Each has the tree of the source, with what `make` builds in it.
fresh_systems() {
    local side part tree
    for side in a b; do
        cut_power "$side"
        umount "$work/$side/root" && rm -rf "${work:?}/$side" && make_host "$side" || return 1
        ip -n "$id-$side" addr flush dev eth0 && ip -n "$id-$side" addr add "${own[$side]}/24" dev eth0 || return 1
        tree=$work/$side/root/root/schrittmacher
        mkdir -p "$tree/target/release" "$tree/objc-shim"
        cp -r Makefile Cargo.toml packaging man include "$tree" && cp --parents docs/examples/schrittmacher.conf.example "$tree" &&
            cp objc-shim/objc.mk "$tree/objc-shim" || return 1
        for part in "$target_dir"/deb/{schrittmacher,libschrittmacherclient3,libschrittmacherclient-dev}_*.deb; do
            dpkg-deb -x "$part" "$work/unpacked" || return 1
        done
        cp "$work"/unpacked/usr/{sbin,bin}/schrittmacher* "$work"/unpacked/usr/lib/*/libschrittmacherclient.{so,a} "$tree/target/release" &&
            rm -rf "$work/unpacked" || return 1
    done
}

# --- from the older program to this one, and back ---------------------------------------------------------

# The older program is its double, which takes its configuration as options and runs until its standard input ends. The
# application runs through and reports by UDP. The echo that the client asks runs on both hosts, since the address decides.
two_older_daemons() {
    local side root up=/usr/local/sbin/address-up down="ip addr del $address/24 dev eth0" role=hot
    fresh_systems && boot a && boot b || return 1
    for side in a b; do
        root=$work/$side/root
        cp "$programs"/schrittmacher-{legacy-double,testapp} "$root/usr/local/bin" && mkdir -p "$root/etc/schrittmacher" || return 1
        cat >"$root/etc/schrittmacher/schrittmacher.conf" <<END_OF_FILE
group = core
local-address = ${own[$side]}
remote-address = ${own[$(peer_of "$side")]}
shared-address = $address
http-port = 7780
port = 7700

group = resource
name = echo
start-action = "kill -10 \`cat /run/app.pid\`"
stop-action = "kill -12 \`cat /run/app.pid\`"
interface-activate = $up
interface-deactivate = $down
END_OF_FILE
        cat >"$root/usr/local/sbin/schrittmacher" <<END_OF_FILE
#!/bin/sh
[ -p /run/old.in ] || mkfifo /run/old.in
exec schrittmacher-legacy-double --local ${own[$side]} --remote ${own[$(peer_of "$side")]} --resource echo --lifetime 3600 \\
    --interface-activate '$up' --interface-deactivate '$down' <>/run/old.in
END_OF_FILE
        cat >"$root/usr/local/bin/app" <<END_OF_FILE
#!/bin/sh
[ -p /run/app.in ] || mkfifo /run/app.in
echo \$\$ >/run/app.pid
exec schrittmacher-testapp --resource echo --daemon ${own[$side]} --run-directory /nowhere --start-as $role <>/run/app.in
END_OF_FILE
        # The older program has no shell for its commands. The neighbours have to hear of the address.
        printf '#!/bin/sh\nip addr add %s dev eth0 && { arping -q -c 2 -w 1 -U -I eth0 %s & }\n' "$address/24" "$address" \
            >"$root/usr/local/sbin/address-up"
        chmod 755 "$root"/usr/local/sbin/{schrittmacher,address-up} "$root/usr/local/bin/app"
        unit "$root" schrittmacher /usr/local/sbin/schrittmacher
        unit "$root" app /usr/local/bin/app
        unit "$root" echo '/usr/bin/perl /usr/local/bin/echo.pl'
        on "$side" systemctl daemon-reload && on "$side" systemctl start echo.service app.service schrittmacher.service || return 1
        [ "$side" = b ] || wait_for 60 address_at a || return 1
        files "$side" ! -type d >"$work/files-older-$side" && on "$side" cat /run/app.pid >"$work/app-$side" || return 1
        role=standby
    done
    served_by a && lost=''
}
unit() { printf '[Service]\nExecStart=%s\n[Install]\nWantedBy=multi-user.target\n' "$3" >"$1/etc/systemd/system/$2.service"; }
served_by() { wait_for 30 address_at "$1" && ask_probe && [ "$host" = "host-$1" ]; }

migration() { by_the_book "$1" docs/migration.md "$2"; }

# by_the_book SIDE DOCUMENT HEADING: the commands of that chapter. `make` alone is left out: its programs are there.
by_the_book() {
    # shellcheck disable=SC2016 # back-ticks of Markdown
    awk -v heading="## $3" 'index($0, "## ") == 1 { on = index($0, heading) == 1 } /^```/ { code = on && /sh$/; next } on && code' \
        "$2" | sed 's/NAME/echo/; /^make  /d' >"$work/commands"
    [ -s "$work/commands" ] && cat "$work/commands" && cp "$work/commands" "$work/$1/root/root/commands" &&
        on "$1" sh -exc 'cd /root/schrittmacher; . /root/commands'
}

migration_is_prepared() {
    ask_probe && migration a 1. && migration b 1. && served_by a && [ "$lost" = 0 ]
}

migration_of_the_standby_host() {
    ask_probe && migration b 2. && wait_for 30 warned b 'peer is heard' && wait_for 30 warned b 'Unknown -> Standby' && served_by a &&
        [ "$lost" = 0 ] && note='2. Host B'
}

migration_by_the_first_switch() {
    ask_probe && migration b 3. && wait_for 30 hot b && served_by b && note='3. From A to B'
}

migration_of_the_other_host() {
    ask_probe && migration a 2. && wait_for 60 protected b && served_by b && [ "$lost" = 0 ] && note='4. Host A'
}

migration_by_the_second_switch() {
    ask_probe && migration a 3. && wait_for 30 protected a && served_by a && note='5. From B to A'
}

the_way_back_of_the_standby_host() {
    ask_probe && migration b 'The way back' && older_again b && served_by a && [ "$lost" = 0 ]
}

the_way_back_by_a_switch() {
    wait_for 60 older_peer a && ask_probe && on a schrittmacherctl failover echo && served_by b
}

the_way_back_of_the_other_host() {
    ask_probe && migration a 'The way back' && older_again a && served_by b && [ "$lost" = 0 ] || return 1
    for side in a b; do [ "$(on "$side" cat /run/app.pid)" = "$(cat "$work/app-$side")" ] && on "$side" systemctl -q is-active app.service || return 1; done
    note='the applications ran through'
}

older_peer() { on "$1" schrittmacherctl status | grep -q 'peer 1.15 to 2.0.0'; }

# As before the migration, but for what the daemon has noted.
older_again() { # SIDE
    on "$1" systemctl -q is-active schrittmacher.service && on "$1" pgrep -f legacy-double &&
        files "$1" ! -type d | grep -v ^/var/lib/schrittmacher | diff "$work/files-older-$1" -
}

# --- from `make install` to the package -------------------------------------------------------------------

two_hosts_with_make_install() {
    local side
    fresh_systems && boot a && boot b || return 1
    for side in a b; do on "$side" make -C /root/schrittmacher install && on "$side" systemctl daemon-reload || return 1; done
    first_pair_by_init && lost='' note=''
}

a_package_in_the_place_of_make_install() {
    local side
    for side in b a; do
        cp "$work/new.deb" "$work/$side/root/root/schrittmacher/schrittmacher_new.deb" && remember &&
            by_the_book "$side" docs/packages.md Debian && nothing_happened a || return 1
        [ "$(on "$side" readlink "/proc/$(daemon "$side")/exe")" = /usr/sbin/schrittmacher ] &&
            [ "$(on "$side" systemctl is-enabled schrittmacher.service)" = enabled ] || return 1
    done
    note='no switch'
}

# --- without systemd --------------------------------------------------------------------------------------

# A host whose first process is `sleep`.
boot_without_systemd() { # SIDE
    ip netns exec "$id-$1" unshare --mount --uts --ipc --pid --fork --mount-proc="$work/$1/root/proc" chroot "$work/$1/root" \
        sh -c "hostname host-$1; mount -t tmpfs tmpfs /run; exec sleep infinity" &
    container[$1]=$!
    wait_for 10 pgrep -P "${container[$1]}" -x sleep && leader[$1]=$(pgrep -P "${container[$1]}" -x sleep)
}

two_hosts_without_systemd() {
    local side
    fresh_systems || return 1
    for side in a b; do
        boot_without_systemd "$side" && files "$side" ! -type d >"$work/files-bare" && on "$side" make -C /root/schrittmacher install ||
            return 1
    done
    on a schrittmacherctl init --local "${own[a]}" --remote "${own[b]}" --resource echo --shared-address "$address/24" \
        --shared-interface eth0 && cp -p "$work/a/root/etc/schrittmacher/for-${own[b]}"/* "$work/b/root/etc/schrittmacher/" &&
        rm -r "$work/a/root/etc/schrittmacher/for-${own[b]}" || return 1
    for side in a b; do
        by_the_book "$side" docs/packages.md 'Hosts without systemd' || return 1
        on "$side" setsid schrittmacher-run --resource echo -- perl /usr/local/bin/echo.pl >"$work/run-$side.log" 2>&1 &
    done
    wait_for 60 protected a && served_by a && lost='' note='make install, init, --daemonize --parachute'
}

kill_9_without_systemd() {
    local before
    remember && before=$(numbers a) && on a pkill -9 -n -x schrittmacher && wait_for 30 other_numbers a "$before" && nothing_happened a &&
        note='the parachute starts it again; no switch'
}
numbers() { on "$1" pgrep -x schrittmacher | tr '\n' ' '; }
other_numbers() { [ "$(numbers "$1")" != "$2" ] && [ "$(numbers "$1" | wc -w)" = 2 ]; }

restart_without_systemd() {
    remember && on a /etc/init.d/schrittmacher restart && nothing_happened a && note='no switch'
}

stop_without_systemd() {
    ask_probe && on a /etc/init.d/schrittmacher stop && wait_for 30 hot b && served_by b && was_handed_over b && note='handed over'
}

uninstall_without_systemd() {
    local side
    for side in b a; do
        on "$side" /etc/init.d/schrittmacher stop
        on "$side" pkill -x schrittmacher-r
        on "$side" make -C /root/schrittmacher uninstall || return 1
    done
    # The configurations stay, and what the daemon has noted. The init script was copied by hand.
    files a ! -type d | grep -v '^/etc/\(init\|rc[0-6S]\).d/\|^/var/lib/schrittmacher\|^/var/lib/update-rc.d' | comm -13 "$work/files-bare" - >"$work/left"
    printf '/etc/schrittmacher/%s\n' peer.key schrittmacher.conf | diff - "$work/left" && note='configurations stay'
}
