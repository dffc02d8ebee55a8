#!/bin/sh
# --- Start MAAS 1.0 script metadata ---
# name: fans
# title: Turn all fans
# script_type: commissioning
# timeout: 60
# --- End MAAS 1.0 script metadata ---
exit 0
