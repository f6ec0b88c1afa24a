# Runs Apache with this node's httpd.conf from the mounted ConfigMap, and reloads it gracefully when that file changes.
# A file that Apache refuses, or dies of within seconds, is put aside; the last good one stays. So it does as long as another
# program listens on the new port. When address or port change, Apache listens on the old ones as well, as long as the operator
# asks for it and for some seconds after that: an HAProxy that has not loaded the new addresses yet reaches its servers.
set -u
# The key in the ConfigMap, as names.key makes it: of a long name the beginning and a hash.
key="$HACLUSTER_NODE"
if [ "${#key}" -gt 242 ]; then
    key="$(printf '%.231s' "$key" | sed 's/\.*$//')-$(printf %s "$key" | sha256sum | cut -c1-10)"
fi
wanted="$CONFIG_DIR/$key.httpd.conf"
installed="$RUN_DIR/httpd.conf"
previous="$RUN_DIR/httpd.conf.previous"
refused="$RUN_DIR/httpd.conf.refused"
keep="$CONFIG_DIR/keep-addresses"
keep_for=15 # seconds: the kubelet delivers the files of the two pods one after the other
apache=

say() { echo "hacluster: $*" >&2; }
start() { /usr/sbin/apache2 -DFOREGROUND -f "$installed" & apache=$!; }
endpoints() { sed -n 's/^Listen //p' "$1"; }
kept_mark="# Until every HAProxy has loaded the new addresses:"
# The installed file as it was wanted: without the endpoints that are only kept.
base() { sed "/^$kept_mark/,\$d" "$installed"; }
# The wanted file, and at its end the endpoints on which Apache listens now and that the file does not have.
with_kept() {
    cat "$wanted"
    old=$(endpoints "$installed" | grep -vFx "$(endpoints "$wanted")") || return 0
    echo "$kept_mark"
    echo "$old" | sed 's/^/Listen /'
}
# Whether a process listens on the endpoint of the wanted file. Our Apache does not: it listens on the installed file's.
taken() {
    new=$(endpoints "$wanted"); port=${new##*:}
    ! endpoints "$installed" | grep -qFx "$new" || return 1
    ss -Hltn "sport = :$port" 2>/dev/null | while read -r _ _ _ local _; do
        case "$local" in "$new" | "0.0.0.0:$port" | "*:$port" | "[::]:$port") echo "$local" ;; esac
    done | grep -q .
}
stop() {
    trap '' TERM INT
    if [ -n "$apache" ]; then kill -WINCH "$apache" 2>/dev/null; wait "$apache"; fi
    exit 0
}
pause() { sleep 1 & wait $!; }
trap stop TERM INT

rm -f "$previous" "$refused" "$RUN_DIR/httpd.pid"
until [ -s "$wanted" ]; do pause; done
cp "$wanted" "$installed"
start
settled=0
kept_for=0
waiting=
while :; do
    pause
    if ! kill -0 "$apache" 2>/dev/null; then
        wait "$apache"; code=$?
        [ -e "$previous" ] || { say "Apache ended with code $code"; exit 1; }
        say "Apache ended with code $code after a reload: back to the last good configuration"
        base >"$refused"
        mv "$previous" "$installed"
        rm -f "$RUN_DIR/httpd.pid"
        kept_for=$keep_for
        start
        continue
    fi
    if [ -e "$previous" ]; then
        settled=$((settled + 1))
        [ "$settled" -lt 5 ] || rm -f "$previous"
    fi
    if [ "$kept_for" -gt 0 ]; then
        [ -e "$keep" ] || kept_for=$((kept_for - 1))
        if [ "$kept_for" = 0 ]; then
            base >"$RUN_DIR/httpd.conf.new"
            mv "$RUN_DIR/httpd.conf.new" "$installed"
            kill -USR1 "$apache"
        fi
    fi
    [ -s "$wanted" ] || continue
    base | cmp -s "$wanted" - && continue
    [ -e "$refused" ] && cmp -s "$wanted" "$refused" && continue
    if taken; then
        [ -n "$waiting" ] || say "another program listens on $(endpoints "$wanted"): the last good configuration stays meanwhile"
        waiting=1
        continue
    fi
    waiting=
    with_kept >"$RUN_DIR/httpd.conf.new"
    if /usr/sbin/apache2 -t -f "$RUN_DIR/httpd.conf.new"; then
        rm -f "$refused"
        mv "$installed" "$previous"
        mv "$RUN_DIR/httpd.conf.new" "$installed"
        settled=0
        kept_for=$keep_for
        say "httpd.conf changed: reloading"
        kill -USR1 "$apache"
    else
        rm -f "$RUN_DIR/httpd.conf.new"
        cp "$wanted" "$refused"
        say "Apache refuses the new httpd.conf: the last good one stays"
    fi
done
