#!/bin/sh
# Installs MAAS's region and rack controller from its snap, or brings the one that is there to what is wanted:
#   region.sh install channel=3.7/stable url=http://HOST:5240/MAAS username=admin email=admin@HOST tls_port=5443
# Secrets come on stdin, `NAME BASE64` a line: password, database, key, certificate, authority. The last line of stdout
# is `{"apiKey": …}`; progress goes to stderr. The same to run twice, and after having been killed at any point.
set -eu

STATE=/var/lib/homelab
# The snap sees files below this only.
SHARED=/var/snap/maas/common/homelab
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
export PATH
umask 077

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "error: $*"
  exit 1
}

# One at a time: where `lab` or `pulumi` is killed, or SSH is cut, an installation goes on here. The kernel frees the lock when this
# process and all that it has started have ended.
lock_installation() {
  mkdir -p "$STATE"
  exec 9>>"$STATE/maas-region.lock"
  if ! flock --nonblock 9; then
    say "an earlier installation is still at work on $(hostname); waiting for its end"
    flock --timeout "${LOCK_TIMEOUT:-1500}" 9 ||
      fail "an earlier installation on $(hostname) does not end; see its processes: ps -ef | grep maas-region.sh"
  fi
}

# secret NAME: what came on stdin under this name; nothing when it did not.
secret() {
  printf '%s\n' "$secrets" | while read -r name value; do
    if [ "$name" = "$1" ]; then
      printf '%s' "$value" | base64 -d
    fi
  done
}

# tracked SNAP: the channel that it follows; nothing when it is not installed.
tracked() {
  snap list "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'
}

# older A B: whether version A comes before version B.
older() {
  [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

mode() {
  maas config --parsable 2>/dev/null | sed -n 's/^mode=//p'
}

# MAAS keeps time with chrony, and the two disagree.
stop_timesyncd() {
  if systemctl is-active --quiet systemd-timesyncd 2>/dev/null; then
    say "switching systemd-timesyncd off, as MAAS keeps time itself"
    systemctl disable --now systemd-timesyncd >&2
  fi
}

install_snaps() {
  command -v snap >/dev/null 2>&1 || fail "this computer has no snapd: MAAS is installed on Ubuntu; apt install snapd"
  now=$(tracked maas)
  if [ -z "$now" ]; then
    say "installing the snap maas from $channel"
    snap install maas "--channel=$channel" >&2
  elif [ "$now" != "$channel" ]; then
    # The database cannot go back.
    if older "${channel%%/*}" "${now%%/*}"; then
      fail "MAAS follows $now here, and $channel is older: MAAS cannot be downgraded. Set homelab:maas.install.channel to $now"
    fi
    say "upgrading MAAS from $now to $channel"
    snap refresh maas "--channel=$channel" >&2
  fi
  if [ -z "$(secret database)" ] && [ -z "$(tracked maas-test-db)" ]; then
    say "installing the snap maas-test-db, PostgreSQL for a lab"
    snap install maas-test-db "--channel=$channel" >&2
  fi
}

# The mode is set before the database is: after a kill in between it starts again.
initialise() {
  begun=$STATE/maas-init-begun
  again=
  case "$(mode)" in
  region+rack)
    [ -e "$begun" ] || return 0
    again=--force
    ;;
  none | "") ;;
  *) fail "MAAS is here as $(mode) only; a lab needs region+rack. Give homelab:maas.host another computer, or 'maas init' it by hand" ;;
  esac
  say "initialising region and rack at $url"
  mkdir -p "$STATE"
  : >"$begun"
  if [ -n "$(secret database)" ]; then
    # It asks for the URI where none is given: that keeps the password out of the process list.
    { secret database && echo; } | maas init region+rack $again --maas-url "$url" >&2
  else
    maas init region+rack $again --maas-url "$url" --database-uri maas-test-db:/// </dev/null >&2
  fi
  rm -f "$begun"
}

# One that is there keeps its password.
create_admin() {
  if ! maas apikey --username "$username" >/dev/null 2>&1; then
    say "creating the administrator $username"
    # Without a terminal it reads password, password again and no SSH keys to import from stdin.
    { secret password && echo && secret password && echo && echo; } |
      setsid -w maas createadmin --username "$username" --email "$email" >&2
  fi
}

# With the digest of what MAAS was given last, as it does not tell.
configure_tls() {
  given=$STATE/maas-tls.sha256
  if [ -z "$(secret certificate)" ]; then
    if [ -e "$given" ]; then
      say "switching TLS off"
      maas config-tls disable >&2
      rm -f "$given"
    fi
    return
  fi
  wanted=$({ secret certificate && secret key && secret authority && echo "$tls_port"; } | sha256sum | cut -d ' ' -f 1)
  if [ "$(cat "$given" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  say "switching TLS on, on port $tls_port"
  mkdir -p "$SHARED"
  trap 'rm -rf "$SHARED"' EXIT
  for name in key certificate authority; do
    secret "$name" >"$SHARED/$name.pem"
  done
  set -- --port "$tls_port" --yes "$SHARED/key.pem" "$SHARED/certificate.pem"
  if [ -s "$SHARED/authority.pem" ]; then
    set -- --cacert "$SHARED/authority.pem" "$@"
  fi
  maas config-tls enable "$@" </dev/null >&2
  rm -rf "$SHARED"
  mkdir -p "$STATE"
  printf '%s\n' "$wanted" >"$given.partial"
  mv "$given.partial" "$given"
}

print_key() {
  key=$(maas apikey --username "$username" | head -n 1)
  if [ -z "$key" ]; then
    key=$(maas apikey --username "$username" --generate)
  fi
  printf '{"apiKey":"%s"}\n' "$key"
}

[ "${1:-}" = install ] || fail "region.sh knows only install, not ${1:-nothing}"
shift
channel='' url='' username='' email='' tls_port=5443
for word in "$@"; do
  case "$word" in
  channel=* | url=* | username=* | email=* | tls_port=*) eval "${word%%=*}=\${word#*=}" ;;
  *) fail "unknown parameter ${word%%=*}" ;;
  esac
done
secrets=$(cat)
# The password comes first and is always there: without it SSH was cut, and MAAS's administrator would have none.
[ -n "$(secret password)" ] || fail "not all secrets have arrived: the connection was cut off. Nothing was changed; run it again"
lock_installation
stop_timesyncd
install_snaps
initialise
create_admin
configure_tls
print_key
