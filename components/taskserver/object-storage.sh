# shellcheck shell=sh
# Object storage with S3's interface, for backup.sh and restore.sh; to be read by them, not run. From the environment:
#
#   S3_URL       endpoint and bucket, and a prefix if any: https://s3.example/bucket/lab
#   S3_REGION    as in the signatures
#   S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY
#   S3_CA        file with the certificates to trust instead of the image's own
#
# The keys go to curl by its standard input: arguments can be read by every process of the pod.

# request SHA256 ARGUMENT...: the checksum is the body's. S3 wants it in a header, and curl signs what that says.
object_storage() {
  sum=$1
  shift
  printf 'user = "%s:%s"\n' "$S3_ACCESS_KEY_ID" "$S3_SECRET_ACCESS_KEY" |
    curl --config - --silent --show-error --fail --retry 3 --max-time 1800 \
      ${S3_CA:+--cacert "$S3_CA"} --aws-sigv4 "aws:amz:$S3_REGION:s3" --header "x-amz-content-sha256: $sum" "$@"
}

nothing=$(sha256sum </dev/null | cut -d ' ' -f 1)

# put FILE: under the file's own name
object_put() {
  object_storage "$(sha256sum <"$1" | cut -d ' ' -f 1)" --upload-file "$1" "$S3_URL/${1##*/}"
}

# get NAME FILE
object_get() {
  if ! object_storage "$nothing" --output "$2.new" "$S3_URL/$1" || ! tar -tzf "$2.new" >/dev/null 2>&1; then
    rm -f "$2.new"
    return 1
  fi
  mv "$2.new" "$2"
}

# list PREFIX: names of the archives that begin with it, oldest first. A bucket's list has 1,000 entries at most: it is
# asked for those of one server, and the bucket's own rules should drop what is old.
object_list() {
  rest=${S3_URL#*://*/}
  bucket=${rest%%/*}
  folder=${rest#"$bucket"}
  folder=${folder#/}
  # In the order and the spelling that the signature has.
  object_storage "$nothing" "${S3_URL%"$rest"}$bucket?list-type=2&prefix=$(printf '%s' "${folder:+$folder/}$1" | sed 's|/|%2F|g')" |
    sed 's|<Key>|\n&|g' | sed -n 's|^<Key>\([^<]*\)</Key>.*|\1|p' | sed 's|.*/||' | sort
}
