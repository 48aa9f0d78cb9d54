# shellcheck shell=bash
# Of scripts/check-booted: how a step is run, and what several steps ask.
# shellcheck disable=SC2154 # variables of scripts/check-booted

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "not within the time: $*"; return 1; }
        sleep 0.05
    done
}

# Both sides agree that SIDE is hot, and that the other one could take over.
protected() { # SIDE
    on a schrittmacherctl status >"$work/status-a" 2>&1 && on b schrittmacherctl status >"$work/status-b" 2>&1 &&
        hot "$1"
}

hot() { # SIDE
    on "$1" schrittmacherctl status 2>/dev/null | grep -qE '^echo +hot '
}

peer_of() { [ "$1" = a ] && echo b || echo a; }

# Each daemon knows its application's process. It takes two reports, a second apart, before it may signal it.
believed() {
    local side
    for side in a b; do
        on "$side" journalctl -b --no-pager "_PID=$(daemon "$side")" | grep -q 'is the application' || return 1
    done
}

# The shared address is at that host, and at no other one.
address_at() { # SIDE
    local other
    other=$(peer_of "$1")
    ip -n "$id-$1" addr show dev eth0 | grep -q "$address/" && ! ip -n "$id-$other" addr show dev eth0 | grep -q "$address/"
}

daemon() { on "$1" systemctl show -P MainPID schrittmacher.service; }

# The client's questions since the last call: sets lost, outage, host.
ask_probe() {
    if [ -z "${probe-}" ]; then
        ip netns exec "$id-lan" perl tests/booted/probe.pl "$address" "$work/probe" >"$work/probe.log" 2>&1 &
        probe=$!
        wait_for 60 test -e "$work/probe" || return 1
    fi
    rm -f "$work/probe"
    kill -USR1 "$probe"
    wait_for 60 test -e "$work/probe" || return 1
    read -r lost outage host <"$work/probe"
}

# Notes how long it is since the last call, in milliseconds; the caller has set `since`.
took() { # WHAT
    note="$note${note:+, }$1 $(((${EPOCHREALTIME/./} - since) / 1000)) ms"
    since=${EPOCHREALTIME/./}
}

passed=0 failed=0

# step TITLE [MOST]: runs the function of that name, with blanks as underscores. MOST are the milliseconds for which a client may
# be without an answer, none without it. The functions build on each other: the first failure ends the run.
step() {
    local title=$1 most=${2:-0} began ended log=$work/step.log
    began=${EPOCHREALTIME/./}
    lost='' outage='' host='' note=''
    "${title//[ -]/_}" >"$log" 2>&1
    local rc=$?
    ended=${EPOCHREALTIME/./}
    if [ "$rc" = 0 ] && [ -n "$lost" ] && [ "$outage" -gt "$most" ]; then
        echo "a client was without answer for $outage ms, and $most is the most" >>"$log"
        rc=1
    fi
    if [ "$rc" = 0 ]; then
        passed=$((passed + 1))
        printf '%-40s %6.1f s  %-30s %s\n' "$title" "$(((ended - began) / 100000))e-1" \
            "${lost:+client without answer: $outage ms}" "$note" | sed 's/ *$//' | tee -a "$transcript"
        echo "test booted::${title//[ -]/_} ... ok"
        return
    fi
    failed=$((failed + 1))
    echo "test booted::${title//[ -]/_} ... FAILED"
    cat "$log"
    local side
    for side in a b; do
        [ -z "${leader[$side]}" ] || { echo "--- host-$side:"; on "$side" schrittmacherctl status; on "$side" journalctl -u 'schrittmacher*' -n 40 --no-pager -o short-precise; }
    done
    finish
}

finish() {
    local result=ok
    [ "$failed" = 0 ] || result=FAILED
    echo "test result: $result. $passed passed; $failed failed; 0 ignored"
    [ "$failed" = 0 ]
    exit
}

# No question was lost, SIDE is hot and has the address, and no side has changed its state since `remember`.
nothing_happened() { # SIDE
    wait_for 30 protected "$1" && address_at "$1" && ask_probe || return 1
    [ "$lost" = 0 ] || { echo "$lost questions lost, $outage ms"; return 1; }
    [ "$(changes a) $(changes b)" = "$remembered" ] || { echo 'a side has changed its state'; on "$1" schrittmacherctl history; return 1; }
}

# How often that side has left hot or standby. A daemon that starts anew comes from unknown.
changes() { on "$1" schrittmacherctl history echo | grep -cE '  (hot|standby) -> '; }
remember() { remembered="$(changes a) $(changes b)"; ask_probe; }

# SIDE became hot because the other one left the role to it, not because something failed there.
was_handed_over() { on "$1" schrittmacherctl history echo | grep -- '-> going-hot' | tail -n 1 | grep 'left the role\|handed over'; }

files() { # SIDE [CONDITION...]: every file, apart from logs, caches and what each boot makes anew
    local side=$1
    shift
    on "$side" find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache \
        -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /root \) -prune -o "$@" -print | sort
}
