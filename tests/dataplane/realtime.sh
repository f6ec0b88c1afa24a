# A kernel with RT_GROUP_SCHED gives a container's control group no real-time share, and a host's processes all of it. A rehearsal
# stands for hosts: so it leaves the container's group for the root, where there is such a thing. Then it runs what it was given.
if ! chrt --rr 10 true 2>/dev/null; then
    mkdir -p /run/cpu
    if mount -t cgroup -o cpu cgroup /run/cpu 2>/dev/null || mount -t cgroup -o cpu,cpuacct cgroup /run/cpu 2>/dev/null; then
        echo $$ >/run/cpu/tasks
        umount /run/cpu
    fi
fi
chrt --rr 10 true 2>/dev/null || echo "no real-time scheduling here: keepalived may be late on a busy machine" >&2
exec "$@"
