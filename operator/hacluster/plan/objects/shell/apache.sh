# Runs Apache with this node's httpd.conf from the mounted ConfigMap, and reloads it gracefully when that file changes.
# A file that Apache refuses, or dies of within seconds (a port that somebody else has), is put aside; the last good one stays.
set -u
wanted="$CONFIG_DIR/$HACLUSTER_NODE.httpd.conf"
installed="$RUN_DIR/httpd.conf"
previous="$RUN_DIR/httpd.conf.previous"
refused="$RUN_DIR/httpd.conf.refused"
apache=

say() { echo "hacluster: $*" >&2; }
start() { /usr/sbin/apache2 -DFOREGROUND -f "$installed" & apache=$!; }
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
while :; do
    pause
    if ! kill -0 "$apache" 2>/dev/null; then
        wait "$apache"; code=$?
        [ -e "$previous" ] || { say "Apache ended with code $code"; exit 1; }
        say "Apache ended with code $code after a reload: back to the last good configuration"
        cp "$installed" "$refused"
        mv "$previous" "$installed"
        rm -f "$RUN_DIR/httpd.pid"
        start
        continue
    fi
    if [ -e "$previous" ]; then
        settled=$((settled + 1))
        [ "$settled" -lt 5 ] || rm -f "$previous"
    fi
    [ -s "$wanted" ] || continue
    cmp -s "$wanted" "$installed" && continue
    [ -e "$refused" ] && cmp -s "$wanted" "$refused" && continue
    cp "$wanted" "$RUN_DIR/httpd.conf.new"
    if /usr/sbin/apache2 -t -f "$RUN_DIR/httpd.conf.new"; then
        rm -f "$refused"
        mv "$installed" "$previous"
        mv "$RUN_DIR/httpd.conf.new" "$installed"
        settled=0
        say "httpd.conf changed: reloading"
        kill -USR1 "$apache"
    else
        mv "$RUN_DIR/httpd.conf.new" "$refused"
        say "Apache refuses the new httpd.conf: the last good one stays"
    fi
done
