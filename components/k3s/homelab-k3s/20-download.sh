#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# Where k3s and its images come from. SOURCE is online or mirror, RELEASES the folder with one folder a version.

checksum_of() {
  awk -v name="$2" '$2 == name || $2 == "*" name { print $1 }' "$1"
}

sha256_of() {
  sha256sum "$1" | cut -d' ' -f1
}

installed_version() {
  if [ -x "$K3S" ]; then
    "$K3S" --version 2>/dev/null | awk 'NR == 1 { print $3 }'
  fi
}

# The release's own list of checksums; a pinned one (PIN) is on top of it.
release_checksums() {
  mkdir -p "$STATE"
  list="$STATE/sha256sum-$VERSION.txt"
  if [ ! -s "$list" ]; then
    fetch --output "$list.partial" "$RELEASES/$VERSION/sha256sum-$ARCH.txt" ||
      fail "cannot fetch the checksums of k3s $VERSION from $RELEASES"
    mv "$list.partial" "$list"
  fi
  echo "$list"
}

# The executable that had the checksum $1 when it was read; reading it again takes a small machine seconds.
binary_mark() {
  echo "$1 $(stat -c '%s %y %i' "$K3S")"
}

# Leaves the executable's checksum in `verified`.
note_verified() {
  binary_mark "$1" >"$STATE/binary"
  verified=$1
}

# fetch_binary: the release's executable, checked, beside the one that runs, unless that is it. Leaves its checksum in `want`.
fetch_binary() {
  name=k3s
  [ "$ARCH" = amd64 ] || name="k3s-$ARCH"
  list=$(release_checksums)
  want=$(checksum_of "$list" "$name")
  [ -n "$want" ] || fail "the checksums of k3s $VERSION do not name $name"
  if [ -n "$PIN" ] && [ "$PIN" != "$want" ]; then
    rm -f "$list"
    fail "the release's checksum of $name, $want, is not the one that is pinned in homelab:cluster.install.checksums.$ARCH, $PIN"
  fi
  if [ -x "$K3S" ] && { [ "$(cat "$STATE/binary" 2>/dev/null)" = "$(binary_mark "$want")" ] || [ "$(sha256_of "$K3S")" = "$want" ]; }; then
    rm -f "$K3S.fetched"
    return 0
  fi
  if [ -x "$K3S.fetched" ] && [ "$(sha256_of "$K3S.fetched")" = "$want" ]; then
    return 0
  fi
  say "fetching k3s $VERSION"
  fetch --output "$K3S.partial" "$RELEASES/$VERSION/$name" || fail "cannot fetch k3s $VERSION from $RELEASES"
  got=$(sha256_of "$K3S.partial")
  if [ "$got" != "$want" ]; then
    rm -f "$K3S.partial" "$list"
    fail "k3s $VERSION as fetched has the checksum $got instead of $want: a broken download or a wrong mirror; it was not installed"
  fi
  chmod 755 "$K3S.partial"
  mv "$K3S.partial" "$K3S.fetched"
}

install_binary() {
  fetch_binary
  if [ -e "$K3S.fetched" ]; then
    mv "$K3S.fetched" "$K3S"
    CHANGED="$CHANGED $K3S"
  fi
  note_verified "$want"
}

# image_archive URL NAME [SHA256]: fetched only when the mirror's is newer than ours. Status 2: it is not what the checksum says.
image_archive() {
  wanted=${3:-}
  target="$DATA/agent/images/$2"
  before=$(stat -c %Y "$target" 2>/dev/null || echo none)
  set -- "$1" "$2" --remote-time --output "$target.partial"
  url=$1
  shift 2
  if [ "$before" != none ]; then
    set -- "$@" --time-cond "$target"
  fi
  rm -f "$target.partial"
  fetch "$@" "$url" 2>"$STATE/fetch.err" || return 1
  if [ -s "$target.partial" ] && [ -n "$wanted" ] && [ "$(sha256_of "$target.partial")" != "$wanted" ]; then
    rm -f "$target.partial"
    return 2
  fi
  if [ -s "$target.partial" ]; then
    mv "$target.partial" "$target"
    CHANGED="$CHANGED $target"
  fi
  rm -f "$target.partial"
}

# release_archive NAME: one that the release's list of checksums may name. The list is asked for anew before it is believed.
release_archive() {
  for list in "$(release_checksums)" anew; do
    if [ "$list" = anew ]; then
      rm -f "$STATE/sha256sum-$VERSION.txt"
      list=$(release_checksums)
    fi
    status=0
    image_archive "$RELEASES/$VERSION/$1" "$1" "$(checksum_of "$list" "$1")" || status=$?
    [ "$status" = 2 ] || return "$status"
  done
  fail "$1 of k3s $VERSION is not what the release's checksum says: a broken download or a wrong mirror; it was not imported"
}

# k3s imports everything in this folder at its start.
install_images() {
  mkdir -p "$DATA/agent/images"
  if [ "$SOURCE" = mirror ]; then
    airgap="k3s-airgap-images-$ARCH.tar"
    release_archive "$airgap.zst" || release_archive "$airgap" ||
      fail "the mirror has neither $airgap.zst nor $airgap for k3s $VERSION: $(cat "$STATE/fetch.err")"
    for archive in $ARCHIVES; do
      image_archive "$MIRROR/images/$archive.tar" "$archive.tar" || fail "the mirror has no /images/$archive.tar: $(cat "$STATE/fetch.err")"
    done
  fi
}

# The official script makes the units, links and the uninstall script; the binary is ours already.
install_units() {
  made="$STATE/units"
  if [ -f "/etc/systemd/system/$UNIT.service" ] && [ "$(cat "$made" 2>/dev/null)" = "$VERSION $ROLE" ]; then
    return
  fi
  fetch --output "$STATE/install.sh.partial" "$SCRIPT" || fail "cannot fetch k3s' install script from $SCRIPT"
  if [ -n "$PIN_SCRIPT" ]; then
    got=$(sha256_of "$STATE/install.sh.partial")
    if [ "$got" != "$PIN_SCRIPT" ]; then
      rm -f "$STATE/install.sh.partial"
      fail "k3s' install script from $SCRIPT has the checksum $got instead of $PIN_SCRIPT: a broken download or another script; it was not run"
    fi
  fi
  mv "$STATE/install.sh.partial" "$STATE/install.sh"
  say "making the unit $UNIT"
  INSTALL_K3S_VERSION=$VERSION INSTALL_K3S_EXEC=$ROLE INSTALL_K3S_SKIP_DOWNLOAD=true INSTALL_K3S_SKIP_START=true \
    sh "$STATE/install.sh" >&2 </dev/null || fail "k3s' install script failed"
  [ -f "/etc/systemd/system/$UNIT.service" ] || fail "k3s' install script made no unit $UNIT"
  printf '%s\n' "$VERSION $ROLE" >"$made"
}
