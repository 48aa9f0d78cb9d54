#!/bin/sh
# Installs what lies beside it; without a compiler, cargo or make. As root:
#
#     ./install.sh                 to /usr/local, as `make install` does
#     ./install.sh --uninstall     removes that; configurations stay
#
# The variables of `make install` work here too: PREFIX, LIBDIR, SYSCONFDIR, UNITDIR and DESTDIR.
#
#     PREFIX=/opt/schrittmacher ./install.sh
set -eu
umask 022
cd "$(dirname "$0")"

PREFIX=${PREFIX:-/usr/local}
LIBDIR=${LIBDIR:-$PREFIX/lib}
SYSCONFDIR=${SYSCONFDIR:-/etc}
UNITDIR=${UNITDIR:-$SYSCONFDIR/systemd/system}
DESTDIR=${DESTDIR:-}

# Prints "FILE TARGET" for each file and link of the folder `files`.
files() {
    (cd files && find . ! -type d) | sort | while read -r file; do
        file=${file#./}
        case $file in
            prefix/*) echo "$file $PREFIX/${file#prefix/}" ;;
            lib/*) echo "$file $LIBDIR/${file#lib/}" ;;
            etc/*) echo "$file $SYSCONFDIR/${file#etc/}" ;;
            units/*) echo "$file $UNITDIR/${file#units/}" ;;
        esac
    done
}

# put FILE TARGET. By a new name, since a running program cannot be written to.
put() {
    mkdir -p "$(dirname "$2")"
    if [ -L "files/$1" ]; then
        cp -P "files/$1" "$2.new"
    else
        # Texts have the folders of `make dist` in them; in a program there is nothing to replace.
        if grep -qF '/@' "files/$1" && ! grep -q "$(printf '\001')" "files/$1"; then
            sed -e "s|/@PREFIX@|$PREFIX|g" -e "s|/@LIBDIR@|$LIBDIR|g" -e "s|/@SYSCONFDIR@|$SYSCONFDIR|g" "files/$1" >"$2.new"
        else
            cp "files/$1" "$2.new"
        fi
        if [ -x "files/$1" ]; then chmod 755 "$2.new"; else chmod 644 "$2.new"; fi
    fi
    mv -f "$2.new" "$2"
}

case ${1-} in
    '')
        files | while read -r file target; do put "$file" "$DESTDIR$target"; done
        if [ -z "$DESTDIR" ]; then
            ldconfig || echo 'now: ldconfig'
            [ ! -d /run/systemd/system ] || systemctl daemon-reload || echo 'now: systemctl daemon-reload'
            "$PREFIX/sbin/schrittmacher" --version
        fi
        ;;
    --uninstall)
        files | while read -r file target; do rm -f "$DESTDIR$target"; done
        for folder in "$SYSCONFDIR/schrittmacher" "$PREFIX/share/schrittmacher/init" "$PREFIX/share/schrittmacher" \
            "$PREFIX/include/schrittmacherclient"; do
            rmdir "$DESTDIR$folder" 2>/dev/null || :
        done
        ;;
    *)
        echo "usage: $0 [--uninstall]" >&2
        exit 64
        ;;
esac
