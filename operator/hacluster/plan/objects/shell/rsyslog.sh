# Runs rsyslog with the installed configuration. rsyslog cannot reread it, so a change restarts the process: a moment's log at most.
# The log is one file of the node, mounted into this container. When it is renamed or deleted there (logrotate), the mount still is the
# old file. Only a new container gets the new one, so this one ends, and the kubelet starts the next. The kernel tells: the fourth field
# of mountinfo (proc_pid_mountinfo(5)) is the present path of what is mounted.
set -u
rsyslog=
mounted() { while read -r _ _ _ root at _; do [ "$at" != "$LOG" ] || echo "$root"; done </proc/self/mountinfo; }
say() { echo "hacluster: $*" >&2; }
start() { cp "$CONF" "$CONF.running"; /usr/sbin/rsyslogd -n -iNONE -f "$CONF.running" & rsyslog=$!; }
stop() {
    trap '' TERM INT
    if [ -n "$rsyslog" ]; then kill -TERM "$rsyslog" 2>/dev/null; wait "$rsyslog"; fi
}
trap 'stop; exit 0' TERM INT

until [ -s "$CONF" ]; do sleep 1 & wait $!; done
start
log=$(mounted)
while :; do
    sleep 1 & wait $!
    if [ "$(mounted)" != "$log" ]; then
        say "$LOG was renamed or deleted on the node: ending, so that the next container writes to the new one"
        stop
        exit 0
    fi
    kill -0 "$rsyslog" 2>/dev/null || { wait "$rsyslog"; code=$?; say "rsyslog ended with code $code"; exit 1; }
    [ ! -s "$CONF" ] || cmp -s "$CONF" "$CONF.running" && continue
    say "rsyslog.conf changed: restarting rsyslog"
    stop
    trap 'stop; exit 0' TERM INT
    start
done
