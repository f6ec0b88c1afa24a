# Lets daemons bind addresses that the node does not have (yet), for as long as any HACluster with nonlocalBind runs here.
# The first one notes the node's own values below the host's /run, the last one puts them back; a killed pod leaves the
# note for its successor. A value that another program has set meanwhile is set again within a second.
set -u
notes=/host/run/hacluster-nonlocal-bind
names="ipv4 ipv6"

locked() { ( flock 9; "$@" ) 9</host/run; }
file() { echo "/proc/sys/net/$1/ip_nonlocal_bind"; }
enter() {
    mkdir -p "$notes/users"
    for family in $names; do
        [ -e "$(file "$family")" ] || continue
        [ -e "$notes/$family" ] || cat "$(file "$family")" > "$notes/$family"
        echo 1 > "$(file "$family")"
    done
    : > "$notes/users/$OWNER"
}
leave() {
    rm -f "$notes/users/$OWNER"
    rmdir "$notes/users" 2>/dev/null || return 0
    for family in $names; do
        [ ! -e "$notes/$family" ] || cat "$notes/$family" > "$(file "$family")"
    done
    rm -rf "$notes"
}

keep() {
    for family in $names; do
        [ -e "$(file "$family")" ] || continue
        read -r value < "$(file "$family")"
        [ "$value" = 1 ] && continue
        echo 1 > "$(file "$family")"
        echo "hacluster: net.$family.ip_nonlocal_bind was $value and is 1 again; another program has set it (sysctl --system?)" >&2
    done
}

trap 'locked leave; exit 0' TERM INT
locked enter || exit 1
while :; do sleep 1 & wait $!; keep; done
