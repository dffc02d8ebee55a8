#!/bin/sh
# Brings taskd's data folder into the shape that the settings ask for, before taskd starts and whenever accounts change. Safe
# to run again, beside taskd, and to be killed anywhere: every step is a rename or writes what it wrote before.
#
#   layout.sh DATA CONFIG ACCOUNTS
#
# ACCOUNTS has one record a line, fields separated by tabs:
#   org   <state>  <organisation>
#   user  <state>  <organisation>  <user>  <key>
# A user is found again by its key, so renames and changes of organisation keep its tasks. Folders of users that are
# removed, or not in ACCOUNTS at all, go to DATA/removed/<key> and come back from there.
set -eu
umask 077
data=$1
config=$2
accounts=$3
tab=$(printf '\t')

mkdir -p "$data/orgs" "$data/removed"

# Where a key belongs; empty when nowhere.
home_of() {
  while IFS="$tab" read -r kind state org _ key; do
    if [ "$kind" = user ] && [ "$key" = "$1" ] && [ "$state" != removed ]; then
      printf '%s' "$data/orgs/$org/users/$key"
      return
    fi
  done <"$accounts"
}

listed() {
  while IFS="$tab" read -r kind _ org _; do
    [ "$kind" = org ] && [ "$org" = "$1" ] && return 0
  done <"$accounts"
  return 1
}

# A marker file in a folder is how taskd knows that an organisation or a user is suspended.
mark() {
  if [ "$2" = suspended ]; then
    : >"$1/suspended"
  else
    rm -f "$1/suspended"
  fi
}

for folder in "$data"/orgs/*/users/*; do
  [ -d "$folder" ] || continue
  key=${folder##*/}
  home=$(home_of "$key")
  if [ "$home" != "$folder" ]; then
    mv "$folder" "$data/removed/$key"
    # Not the key: it is half of a user's credentials.
    [ -n "$home" ] || echo "set the tasks of a removed user aside"
  fi
done

while IFS="$tab" read -r kind state org user key; do
  case $kind in
    org)
      mkdir -p "$data/orgs/$org/users" "$data/orgs/$org/groups"
      mark "$data/orgs/$org" "$state"
      ;;
    user)
      [ "$state" != removed ] || continue
      folder=$data/orgs/$org/users/$key
      # taskd may look at any time: a folder is complete before it is where taskd finds it.
      made=$folder
      if [ ! -d "$folder" ]; then
        made=$data/removed/$key
        mkdir -p "$data/orgs/$org/users" "$made"
      fi
      printf 'user=%s\n' "$user" >"$made/config.new"
      mv "$made/config.new" "$made/config"
      mark "$made" "$state"
      [ "$made" = "$folder" ] || mv "$made" "$folder"
      ;;
  esac
done <"$accounts"

# Organisations that are gone leave nothing behind but what somebody put there by hand.
for folder in "$data"/orgs/*; do
  [ -d "$folder" ] || continue
  if ! listed "${folder##*/}"; then
    rm -f "$folder/suspended"
    rmdir "$folder/users" "$folder/groups" "$folder" 2>/dev/null || true
  fi
done

cp "$config" "$data/config.new"
mv "$data/config.new" "$data/config"
