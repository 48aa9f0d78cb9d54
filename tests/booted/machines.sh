# shellcheck shell=bash
# Of scripts/check-booted: two machines with a network between them, and commands on them.
# shellcheck disable=SC2154 # variables of scripts/check-booted

# One system for both, and for later runs.
base() {
    base=$cache/$suite
    [ -e "$base/.complete" ] && return
    rm -rf "$base"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,libpam-systemd,dbus,polkitd,iproute2,procps,make,sudo,curl,iputils-arping "$suite" "$base" "$mirror" \
        >"$cache/debootstrap.log" 2>&1 || return 1
    rm -f "$base"/var/cache/apt/archives/*.deb "$base/etc/hostname"
    touch "$base/.complete"
}

network() {
    local side
    ip netns add "$id-lan" && ip -n "$id-lan" link set lo up || return 1
    ip -n "$id-lan" link add lan type bridge && ip -n "$id-lan" link set lan up || return 1
    ip -n "$id-lan" addr add 10.1.0.200/24 dev lan || return 1
    for side in a b; do
        ip netns add "$id-$side" || return 1
        ip -n "$id-lan" link add "to-$side" type veth peer name eth0 netns "$id-$side" || return 1
        ip -n "$id-lan" link set "to-$side" master lan up || return 1
        ip -n "$id-$side" link set lo up && ip -n "$id-$side" link set eth0 up || return 1
        ip -n "$id-$side" addr add "${own[$side]}/24" dev eth0 || return 1
    done
}

make_host() { # SIDE
    local host=$work/$1
    mkdir -p "$host/upper/var/log/journal" "$host/scratch" "$host/root"
    mount -t overlay overlay -o "lowerdir=$base,upperdir=$host/upper,workdir=$host/scratch" "$host/root" || return 1
    echo "host-$1" >"$host/root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 host-%s\n' "$1" >"$host/root/etc/hosts"
    cp tests/booted/echo.pl "$host/root/usr/local/bin/"
    cp "$older" "$host/root/root/old.deb"
    cp "$work/new.deb" "$work/older-systemd.deb" "$host/root/root/"
}

# In cgroups of its own, since nspawn has no systemd to ask here: two systems in one would end each other's services.
boot() { # SIDE
    local groups pid
    for groups in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ ! -e "$groups/cgroup.procs" ] || mkdir -p "$groups/$id-$1"
    done
    (
        for groups in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
            [ ! -e "$groups/$id-$1/cgroup.procs" ] || echo "$BASHPID" >"$groups/$id-$1/cgroup.procs"
        done
        exec systemd-nspawn --quiet --register=no --keep-unit --link-journal=no --machine="$id-$1" \
            --network-namespace-path="/run/netns/$id-$1" --capability=CAP_NET_ADMIN \
            --directory="$work/$1/root" --boot
    ) >>"$work/$1/console.log" 2>&1 </dev/null &
    container[$1]=$!
    leader[$1]=''
    # Its first process: the one that is number 1 in there.
    for _ in $(seq 600); do
        for pid in $(pgrep -P "${container[$1]}"); do
            ! grep -qP '^NSpid:.*\t1$' "/proc/$pid/status" 2>/dev/null || leader[$1]=$pid
        done
        [ -z "${leader[$1]}" ] || break
        kill -0 "${container[$1]}" 2>/dev/null || return 1
        sleep 0.1
    done
    wait_for 60 booted "$1"
}

booted() { # SIDE
    case $(on "$1" systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac
}

# The power switch.
cut_power() { # SIDE
    [ -z "${leader[$1]}" ] || kill -9 "${leader[$1]}" 2>/dev/null
    gone "$1"
}

gone() { # SIDE
    [ -z "${container[$1]}" ] || wait "${container[$1]}" 2>/dev/null
    container[$1]='' leader[$1]=''
}

# on SIDE COMMAND...: there, as root.
on() {
    local side=$1
    shift
    nsenter --target "${leader[$side]}" --mount --uts --ipc --net --pid --cgroup --root \
        env -i --chdir=/ PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

clean_up() {
    local side groups
    [ -z "${probe-}" ] || kill "$probe" 2>/dev/null
    [ -z "${etcd-}" ] || kill "$etcd" 2>/dev/null
    for side in a b; do
        cut_power "$side"
        umount "$work/$side/root" 2>/dev/null
        ip netns del "$id-$side" 2>/dev/null
        for groups in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
            [ ! -d "$groups/$id-$side" ] || find "$groups/$id-$side" -depth -type d -exec rmdir {} + 2>/dev/null
        done
    done
    ip netns del "$id-lan" 2>/dev/null
    [ -n "${KEEP-}" ] || rm -rf "$work"
}
