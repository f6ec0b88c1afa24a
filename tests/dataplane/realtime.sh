# Runs a command ("$@") with the right to real-time scheduling, if that can be had.
# A kernel with RT_GROUP_SCHED gives the processes of the root control group real-time run time, and those of a container's group none
# (kernel document scheduler/sched-rt-group). A rehearsal stands for hosts, so it moves itself to the root group (control groups v1).
if ! chrt --rr 10 true 2>/dev/null; then
    mkdir -p /run/cpu
    if mount -t cgroup -o cpu cgroup /run/cpu 2>/dev/null || mount -t cgroup -o cpu,cpuacct cgroup /run/cpu 2>/dev/null; then
        echo $$ >/run/cpu/tasks
        umount /run/cpu
    fi
fi
chrt --rr 10 true 2>/dev/null || echo "no real-time scheduling here: keepalived may be late on a busy machine" >&2
exec "$@"
