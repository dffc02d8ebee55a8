# shellcheck shell=sh
# What backup.sh notes of the data in each archive, as backup.contents, and verify.sh finds anew in what it has unpacked; to be read, not run.

# contents ENTRY...: the checksum of each file. SQLite maps its -shm file and makes it anew, so that has no lasting content.
contents() {
  find "$@" -type f ! -name '*-shm' -exec sha256sum {} + | sed 's|  \./|  |' | sort
}
