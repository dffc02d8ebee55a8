#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # the joined files share their variables
# Certificate authorities: new ones that the old ones have signed as well, so that whoever trusts the old trusts the new, and the
# other way round, while nodes go over one after another. `k3s certificate rotate-ca` puts them into the datastore; each server takes
# them from there at its next start, and agents from the servers at theirs. The generation is part of their names: what a node has on
# its disk decides what is left to do, so a run that was killed anywhere is finished by the next.

STAGED=$DATA/server/rotate-ca

# authority_generation FILE: of the first certificate; those that k3s made itself are of the first.
authority_generation() {
  openssl x509 -in "$1" -noout -subject -nameopt RFC2253 2>/dev/null | sed -n 's/.*OU=homelab generation \([0-9][0-9]*\).*/\1/p' |
    grep . || echo 1
}

own_authority() {
  if [ "$ROLE" = server ]; then
    echo "$DATA/server/tls/server-ca.crt"
  else
    echo "$DATA/agent/server-ca.crt"
  fi
}

authority_is_new() {
  [ -s "$(own_authority)" ] && [ "$(authority_generation "$(own_authority)")" -ge "$AUTHORITIES" ]
}

# signing_pair BUNDLE KEYS FOLDER: the key at the top of the chain, and its certificate, the self-signed one where there is one.
signing_pair() {
  awk -v to="$3/key" '/-BEGIN .*PRIVATE KEY-/ { n++ } n { print >(to n) }' "$2"
  awk -v to="$3/cert" '/-BEGIN CERTIFICATE-/ { n++ } n { print >(to n) }' "$1"
  key=$3/key1
  [ ! -s "$3/key2" ] || key=$3/key2
  mv "$key" "$3/old.key"
  public=$(openssl pkey -in "$3/old.key" -pubout)
  for each in "$3"/cert*; do
    if [ "$(openssl x509 -in "$each" -noout -pubkey)" = "$public" ]; then
      cp "$each" "$3/old.pem"
      [ "$(openssl x509 -in "$each" -noout -subject_hash)" != "$(openssl x509 -in "$each" -noout -issuer_hash)" ] || break
    fi
  done
  [ -s "$3/old.pem" ] || fail "no certificate of $1 belongs to the key in $2"
}

# new_authority NAME: an intermediate authority below a new root. The bundle ends with what is trusted now.
new_authority() (
  tls=$STAGED.partial/tls
  work=$STAGED.partial/work
  rm -rf "$work"
  mkdir -p "$work" "$(dirname "$tls/$1")"
  signing_pair "$DATA/server/tls/$1-ca.crt" "$DATA/server/tls/$1-ca.key" "$work"
  cd "$work" || exit
  {
    printf '[req]\ndistinguished_name = name\n[name]\n[v3_ca]\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always\n'
    printf 'basicConstraints = critical, CA:true\nkeyUsage = critical, digitalSignature, keyEncipherment, keyCertSign\n'
  } >config
  named="/OU=homelab generation $AUTHORITIES/CN=k3s-$(echo "$1" | tr / -)"
  sign() {
    openssl req -new -key "$1" -subj "$2" -config config |
      openssl x509 -req -sha256 -days 7300 -CA "$3" -CAkey "$4" -set_serial "0x$(openssl rand -hex 8)" -extfile config -extensions v3_ca \
        -out "$5" 2>/dev/null
  }
  for key in root ca; do
    openssl ecparam -name prime256v1 -genkey -noout -out "$key.key"
  done
  openssl req -x509 -new -sha256 -days 7300 -key root.key -subj "$named-root@$MOMENT" -config config -extensions v3_ca -out root.pem
  sign root.key "$named-root@$MOMENT" old.pem old.key crossed.pem
  sign ca.key "$named-ca@$MOMENT" root.pem root.key ca.pem
  # The signed root comes before the self-signed one: OpenSSL takes the first that fits, and may know the old authority only.
  cat ca.pem crossed.pem root.pem >"$tls/$1-ca.crt"
  if [ "$(openssl x509 -in old.pem -noout -subject_hash)" = "$(openssl x509 -in old.pem -noout -issuer_hash)" ]; then
    cat old.pem >>"$tls/$1-ca.crt"
  else
    cat "$DATA/server/tls/$1-ca.crt" >>"$tls/$1-ca.crt"
  fi
  cat ca.key root.key >"$tls/$1-ca.key"
  openssl verify -CAfile old.pem -untrusted crossed.pem ca.pem >/dev/null
)

# The key that signs service accounts' tokens stays: servers that have not restarted yet would refuse what another one has signed.
stage_authorities() {
  if [ -d "$STAGED" ] && [ "$(authority_generation "$STAGED/tls/server-ca.crt")" = "$AUTHORITIES" ]; then
    return 0
  fi
  say "making new certificate authorities"
  MOMENT=$(date +%s)
  umask 077
  rm -rf "$STAGED" "$STAGED.partial"
  for name in client server request-header etcd/peer etcd/server; do
    # SQLite and external datastores come without etcd's.
    [ ! -e "$DATA/server/tls/$name-ca.crt" ] || new_authority "$name" || fail "the new authority $name could not be made"
  done
  rm -rf "$STAGED.partial/work"
  mv "$STAGED.partial" "$STAGED"
  umask 022
}

restart_for_authorities() {
  rm -f "$STATE/applied"
  start
  await_node
}

# authorities: the generation that the settings ask for; on every node, after k3s runs there. One server leads.
rotate_authorities() {
  [ -n "$AUTHORITIES" ] || return 0
  if ! authority_is_new; then
    command -v openssl >/dev/null 2>&1 || fail "openssl is missing on this machine; homelab:cluster.authorityGeneration needs it"
    if [ "$LEAD" != true ]; then
      restart_for_authorities
    fi
    if [ "$ROLE" = server ] && ! authority_is_new; then
      stage_authorities
      # Refused, as after a restore of older ones: made anew the next time.
      "$K3S" certificate rotate-ca --path "$STAGED" >&2 || {
        rm -rf "$STAGED"
        fail "k3s refused the new certificate authorities" k3s
      }
      restart_for_authorities
    fi
    until_true 60 "the new certificate authorities" authority_is_new ||
      fail "this node has still its old certificate authorities after a restart" "$UNIT"
  fi
  rm -rf "$STAGED" "$STAGED.partial"
}
