# Reads names of folders from standard input, and checks each file in them with the daemon that will read it.
# Prints a line for each file: `ok FILE`, or `refused FILE CODE` followed by the daemon's output, indented.
# HAProxy warns of a name server to which the host has no route.
ip link set lo up; ip route add default dev lo; ip -6 route add default dev lo
check() {
    file="$1"; shift
    output=$("$@" 2>&1); code=$?
    # rsyslog and Apache print these lines even if the file is good. keepalived and HAProxy print nothing but warnings and errors, and
    # HAProxy that there is no file with states of servers: the agent makes it for each reload, and only for that.
    complaints=$(printf '%s\n' "$output" | grep -vE '^$|^Syntax OK$|^rsyslogd: (version|End of config validation)|^\[NOTICE\] .*open global server state file')
    if [ "$code" = 0 ] && [ -z "$complaints" ]; then
        echo "ok $file"
    else
        echo "refused $file $code"
        printf '%s\n' "$output" | sed 's/^/    /'
    fi
}
# HAProxy loads the files with certificates that it names. On a node, the agent makes them.
certificates() {
    mkdir -p "$CERTIFICATES"
    grep -oE "$CERTIFICATES/[^ ]+" "$1" | sort -u | while read -r file; do printf '%s' "$PEM" >"$file"; done
}
while read -r folder; do
    for file in "$folder"/*; do
        case "${file##*/}" in
            keepalived.conf) check "$file" keepalived -t -f "$file" ;;
            haproxy.cfg) certificates "$file"; check "$file" haproxy -c -dW -f "$file" ;;
            httpd.conf) check "$file" apache2 -t -f "$file" ;;
            rsyslog.conf) check "$file" rsyslogd -N1 -iNONE -f "$file" ;;
        esac
    done
done
