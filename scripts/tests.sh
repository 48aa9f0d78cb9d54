# Tests as functions of a shell script, for the scripts that source this. It makes a folder $work, and prints like a Rust
# test program, for scripts/check.
#
# shellcheck shell=sh disable=SC2181 # the tests are functions called by name, and not as conditions
# $suite is the name that the tests have in the output.
: "${suite:?}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

fail() {
    echo "error: $1"
    exit 1
}

# check NAME: runs the function NAME; not as a condition, or the shell would ignore `set -e` in it.
check() {
    (set -e; "$1") >"$work/$1.log" 2>&1
    verdict $? "$1"
}

# check_together NAME...: the same side by side, for tests that mostly wait.
check_together() {
    running=
    for name in "$@"; do
        (set -e; "$name") >"$work/$name.log" 2>&1 &
        running="$running $name:$!"
    done
    for name in $running; do
        wait "${name#*:}"
        verdict $? "${name%:*}"
    done
}

# verdict STATUS NAME. A test program that ran inside has a last line of its own, which is counted too.
verdict() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        grep -E '^(test |SKIPPED: )' "$work/$2.log"
        echo "test $suite::$2 ... ok"
    else
        failed=$((failed + 1))
        echo "test $suite::$2 ... FAILED"
        cat "$work/$2.log"
    fi
}

# The last line, and the exit status of the script.
finish() {
    result=ok
    [ "$failed" = 0 ] || result=FAILED
    echo "test result: $result. $passed passed; $failed failed; 0 ignored"
    [ "$failed" = 0 ]
    exit
}
