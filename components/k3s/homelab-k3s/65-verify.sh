#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # the joined files share their variables
# verify-backup: unpacks the newest archive into scratch space and compares it with what the backup noted of itself. When that was last
# so is noted, and is a metric. Backups do it by themselves when the last time is longer ago than VERIFY seconds.

PROVEN=$STATE/proven-backup
SCRATCH=$STATE/verify-backup

# contents KIND FILE: what a backup notes of a datastore's copy, as JSON: its checksum and what can be counted. Refuses a damaged one.
contents() {
  python3 - "$1" "$2" <<'PYTHON'
import hashlib, json, mmap, sqlite3, struct, sys
kind, path = sys.argv[1:]

def sqlite():
    with sqlite3.connect("file:%s?mode=ro&immutable=1" % path, uri=True) as database:
        found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            sys.exit("the datastore is damaged: %s" % found)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return sum(database.execute('SELECT count(*) FROM "%s"' % name.replace('"', '""')).fetchone()[0] for name in tables)

# A snapshot is etcd's bbolt file with a SHA-256 behind it. Its pages are walked from the newest valid meta page: each page of the
# tree has to say its own number, and what has revisions of keys is counted.
def etcd():
    with open(path, "rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    data = whole[:-32]
    if hashlib.sha256(data).digest() != whole[-32:]:
        sys.exit("the snapshot does not have the checksum that it ends with")

    def meta(at):
        magic, version, size, _, root, _, _, _, transaction, digest = struct.unpack_from("<IIIIQQQQQQ", data, at + 16)
        hashed = 0xCBF29CE484222325
        for byte in data[at + 16:at + 16 + 56]:
            hashed = ((hashed ^ byte) * 0x100000001B3) % 2**64
        return (transaction, size, root) if (magic, version, digest) == (0xED0CDAED, 2, hashed) else None

    size = struct.unpack_from("<I", data, 24)[0]
    metas = [found for found in (meta(at) for at in (0, size) if at + 80 <= len(data)) if found]
    if not metas:
        sys.exit("the snapshot has no valid meta page")
    _, size, root = max(metas)

    def leaves(number, page=None):
        start = number * size if page is None else page
        if start + 16 > len(data):
            sys.exit("page %d of the snapshot is missing" % number)
        own, flags, count, _ = struct.unpack_from("<QHHI", data, start)
        if page is None and own != number:
            sys.exit("page %d of the snapshot says that it is %d" % (number, own))
        for index in range(count):
            at = start + 16 + 16 * index
            if flags & 1:
                yield from leaves(struct.unpack_from("<IIQ", data, at)[2])
            elif flags & 2:
                kind, position, key, value = struct.unpack_from("<IIII", data, at)
                begin = at + position
                yield kind, data[begin:begin + key], begin + key, value
            else:
                sys.exit("page %d of the snapshot is no page of the tree" % number)

    for kind, name, begin, _ in leaves(root):
        if kind & 1 and bytes(name) == b"key":
            top = struct.unpack_from("<Q", data, begin)[0]
            return sum(1 for _ in (leaves(top) if top else leaves(0, begin + 16)))
    sys.exit("the snapshot has no keys")

counted = sqlite() if kind == "sqlite" else etcd()
digest = hashlib.sha256()
with open(path, "rb") as file:
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
print(json.dumps({"sha256": digest.hexdigest(), "entries": counted}))
PYTHON
}

# prove FILE: under the lock of backups, which drop what is old.
prove() {
  rm -rf "$SCRATCH"
  umask 077
  mkdir -p "$SCRATCH"
  umask 022
  tar -C "$SCRATCH" -xzf "$1" || fail "$1 cannot be unpacked"
  [ -s "$SCRATCH/token" ] || fail "$1 holds no server token"
  kind=etcd
  datastore=$SCRATCH/snapshot.db
  if [ -e "$SCRATCH/state.db" ]; then
    kind=sqlite
    datastore=$SCRATCH/state.db
  fi
  found=$(contents "$kind" "$datastore") || fail "$1 holds no datastore that could be restored"
  python3 - "$SCRATCH/backup.json" "$found" <<'PYTHON' || fail "$1 is not what was backed up"
import json, sys
with open(sys.argv[1]) as file:
    noted = json.load(file).get("contents")
found = json.loads(sys.argv[2])
# Archives of an older release have noted nothing.
if noted not in (None, found):
    sys.exit("noted %s, found %s" % (json.dumps(noted), json.dumps(found)))
PYTHON
  printf '%s %s\n' "$(date +%s)" "$(basename "$1" .tar.gz)" >"$PROVEN.partial"
  mv "$PROVEN.partial" "$PROVEN"
  rm -rf "$SCRATCH"
  say "proved $1: $found"
}

# By the timer. A backup that is not proven fails its run, and stays.
prove_if_due() {
  every=${VERIFY:-604800}
  last=$(cut -d' ' -f1 "$PROVEN" 2>/dev/null || echo 0)
  if [ "$every" -gt 0 ] && [ "$(($(date +%s) - ${last:-0}))" -ge "$every" ]; then
    prove "$1"
  fi
}

verify_backup() {
  lock_backups
  newest=$(find "$BACKUPS" -maxdepth 1 -name '*.tar.gz' ! -name '.*' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d' ' -f2-)
  [ -n "$newest" ] || fail "there is no backup on $(hostname): make one with './lab backup'"
  prove "$newest"
  printf '{"proven":"%s"}\n' "$(basename "$newest" .tar.gz)"
}
