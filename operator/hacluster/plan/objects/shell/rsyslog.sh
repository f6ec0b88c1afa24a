# Runs rsyslog with the installed configuration. rsyslog cannot reread it, so a change restarts the process: a moment's log at most.
set -u
rsyslog=
say() { echo "hacluster: $*" >&2; }
start() { cp "$CONF" "$CONF.running"; /usr/sbin/rsyslogd -n -iNONE -f "$CONF.running" & rsyslog=$!; }
stop() {
    trap '' TERM INT
    if [ -n "$rsyslog" ]; then kill -TERM "$rsyslog" 2>/dev/null; wait "$rsyslog"; fi
}
trap 'stop; exit 0' TERM INT

until [ -s "$CONF" ]; do sleep 1 & wait $!; done
start
while :; do
    sleep 1 & wait $!
    kill -0 "$rsyslog" 2>/dev/null || { wait "$rsyslog"; code=$?; say "rsyslog ended with code $code"; exit 1; }
    [ ! -s "$CONF" ] || cmp -s "$CONF" "$CONF.running" && continue
    say "rsyslog.conf changed: restarting rsyslog"
    stop
    trap 'stop; exit 0' TERM INT
    start
done
