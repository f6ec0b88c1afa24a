# For every folder on standard input: each file that it has goes through the daemon that will read it.
# One line of result for each: `ok FILE`, or `refused FILE CODE` and what was said, indented.
judge() {
    file="$1"; shift
    said=$("$@" 2>&1); code=$?
    # rsyslog and Apache say something when all is well; keepalived and HAProxy say nothing, warnings included.
    complaints=$(printf '%s\n' "$said" | grep -vE '^$|^Syntax OK$|^rsyslogd: (version|End of config validation)')
    if [ "$code" = 0 ] && [ -z "$complaints" ]; then
        echo "ok $file"
    else
        echo "refused $file $code"
        printf '%s\n' "$said" | sed 's/^/    /'
    fi
}
while read -r folder; do
    for file in "$folder"/*; do
        case "${file##*/}" in
            keepalived.conf) judge "$file" keepalived -t -f "$file" ;;
            haproxy.cfg) judge "$file" haproxy -c -dW -f "$file" ;;
            httpd.conf) judge "$file" apache2 -t -f "$file" ;;
            rsyslog.conf) judge "$file" rsyslogd -N1 -iNONE -f "$file" ;;
        esac
    done
done
