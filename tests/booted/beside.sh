# shellcheck shell=bash
# Of scripts/check-booted: a second path, a witness and a watchdog, each with the daemon as the package's files have it.
# shellcheck disable=SC2034,SC2154 # variables of scripts/check-booted

# --- a second path ----------------------------------------------------------------------------------------

# Added to a pair that runs, on one host first: until the other one has it too, `check --peer` names it.
a_second_path_by_reload() {
    local side
    remember || return 1
    for side in a b; do
        ip -n "$id-$side" addr add "${second[$side]}/24" dev eth0 || return 1
        sed -i "/^remote-address = /a local-address-2 = ${second[$side]}\nremote-address-2 = ${second[$(peer_of "$side")]}" \
            "$work/$side/root/etc/schrittmacher/schrittmacher.conf"
        on "$side" systemctl reload schrittmacher.service || return 1
        [ "$side" = b ] || { compared | grep "local-address-2 ${second[a]}, .* here: not there" || return 1; }
    done
    wait_for 30 fits && nothing_happened a && note='no switch'
}
compared() { on b schrittmacherctl status --json | on a schrittmacherctl check --peer=-; }
fits() { [ "$(on a schrittmacherctl status | grep -c 'path.* works')" = 2 ] && compared >/dev/null; }

the_first_path_is_cut() {
    local side
    remember || return 1
    for side in a b; do ip -n "$id-$side" route add blackhole "${own[$(peer_of "$side")]}/32" || return 1; done
    wait_for 60 warned a 'path 1 .* is lost' && wait_for 60 warned b 'path 1 .* is lost' && nothing_happened a || return 1
    # The daemon that starts now hears its peer by the second path alone, and its sockets are those of before.
    on a systemctl restart schrittmacher.service && nothing_happened a || return 1
    for side in a b; do ip -n "$id-$side" route del blackhole "${own[$(peer_of "$side")]}/32" || return 1; done
    wait_for 60 fits && nothing_happened a && note='no switch, a restart meanwhile'
}

one_path_again() {
    local side
    remember || return 1
    for side in a b; do
        sed -i '/^\(local\|remote\)-address-2 = /d' "$work/$side/root/etc/schrittmacher/schrittmacher.conf"
        on "$side" systemctl reload schrittmacher.service && ip -n "$id-$side" addr del "${second[$side]}/24" dev eth0 || return 1
    done
    nothing_happened a && note='no switch'
}

# --- without the rights of root: a watchdog and a witness -------------------------------------------------

# The device is one that takes everything: no host is reset. With unprivileged.conf as it is, the daemon cannot open it.
a_watchdog_without_the_rights_of_root() {
    local side
    for side in b a; do
        on "$side" sh -c "rm -f /dev/watchdog && mknod -m 600 /dev/watchdog c 1 3 && cd /etc/schrittmacher &&
            sed -i '/^group = core/a watchdog = /dev/watchdog' schrittmacher.conf &&
            install -D -m 644 unprivileged.conf $drop_in && systemctl daemon-reload && systemctl restart schrittmacher.service" || return 1
    done
    wait_for 60 settled_at a && on a schrittmacherctl status | grep 'the watchdog /dev/watchdog is not in force' && remember || return 1
    for side in b a; do
        # The lines that it has for this.
        on "$side" sh -c "sed -i 's/^#\([A-Z]\)/\1/' $drop_in && systemctl daemon-reload && systemctl restart schrittmacher.service" || return 1
    done
    wait_for 30 has_the_device a && nothing_happened a && ! has_the_device b || return 1
    [ "$(on a ps -o user= -p "$(daemon a)" | cut -c1-8)" = schrittm ] && note='open on the hot side alone'
}
drop_in=/etc/systemd/system/schrittmacher.service.d/unprivileged.conf
settled_at() { protected "$1" && address_at "$1"; }
has_the_device() { on "$1" sh -c "ls -l /proc/$(daemon "$1")/fd" | grep -q /dev/watchdog; }

url=http://10.1.0.200:2379

# The rule comes to a pair that runs by a restart of each side, the standby one first. etcd is on the bridge between them.
a_witness_for_a_pair_that_runs() {
    local side
    ip netns exec "$id-lan" etcd --data-dir "$work/etcd" --listen-client-urls "$url" --advertise-client-urls "$url" \
        --listen-peer-urls http://127.0.0.1:0 >"$work/etcd.log" 2>&1 &
    etcd=$!
    ask_probe || return 1
    for side in b a; do
        sed -i "/^group = core/a witness = etcd $url\npolicy = consistent\npromise = 4" "$work/$side/root/etc/schrittmacher/schrittmacher.conf"
        on "$side" schrittmacher --check && on "$side" systemctl restart schrittmacher.service || return 1
    done
    wait_for 60 ruled a && wait_for 60 ruled b && wait_for 60 settled_at a && ask_probe && [ "$host" = host-a ]
}
ruled() {
    on "$1" schrittmacherctl status >"$work/ruled" 2>&1 || return 1
    grep -q 'witness answers' "$work/ruled" && grep -q 'consistent' "$work/ruled" && ! grep -q 'available' "$work/ruled"
}

# Each of them reaches the witness and the clients, and not the other one: without the rule both would serve.
the_link_is_cut_beside_a_witness() {
    local side
    remember && between isolated on && wait_for 60 warned b 'peer is silent' || return 1
    # Twice the promise, by its own word.
    wait_for 60 silent_for b 8 && hot a && ! hot b && address_at a && ask_probe && [ "$lost" = 0 ] && [ "$host" = host-a ] || return 1
    between isolated off && nothing_happened a && wait_for 60 lease_is_free && note='one side serves; no switch'
}
between() {
    local side
    for side in a b; do ip -n "$id-lan" link set "to-$side" type bridge_slave "$@" || return 1; done
}
# Nobody's key, in JSON, in which names and values are in base64: from `schrittmacher` on, and ` 0`.
lease_is_free() {
    on a curl -fsS "$url/v3/kv/range" -d '{"key":"c2Nocml0dG1hY2hlcg==","range_end":"c2Nocml0dG1hY2hlcw=="}' | grep -q '"value":"IDA="'
}
silent_for() { # SIDE SECONDS
    on "$1" schrittmacherctl status --json | perl -0ne 'exit !(/"heard_seconds_ago": ?([0-9.]+)/ && $1 > '"$2"')'
}

# It stops its service by itself; the other one takes the role with the witness's word.
the_hot_host_is_cut_off_beside_a_witness() {
    ask_probe && ip -n "$id-lan" link set to-a down && wait_for 60 address_at b && wait_for 60 hot b && ask_probe && [ "$host" = host-b ] ||
        return 1
    wait_for 60 stopped_at a && ip -n "$id-lan" link set to-a up && wait_for 60 settled_at b && note='it stops by itself; host-b serves'
}
stopped_at() { ! on "$1" pgrep -x perl >/dev/null; }

# No service is left without a daemon under this rule: a restart hands over, and so does an upgrade.
a_restart_beside_a_witness() {
    wait_for 60 believed && ask_probe && on b systemctl restart schrittmacher.service && wait_for 60 settled_at a && ask_probe || return 1
    [ "$host" = host-a ] && was_handed_over a && note='handed over'
}

# As docs/operations.md has it: both stopped, and the old promise over.
without_them_again() {
    local side
    ask_probe
    for side in b a; do
        on "$side" systemctl stop schrittmacher.service
        sed -i '/^\(witness\|policy\|promise\|watchdog\) = /d' "$work/$side/root/etc/schrittmacher/schrittmacher.conf"
        on "$side" sh -c 'rm -r /etc/systemd/system/schrittmacher.service.d /dev/watchdog; systemctl daemon-reload'
    done
    [ -z "${etcd-}" ] || { kill "$etcd" && wait "$etcd" 2>/dev/null; etcd=''; }
    sleep 4 # `promise`
    for side in a b; do on "$side" systemctl start schrittmacher.service || return 1; done
    wait_for 60 settled_at a && ask_probe
}
