#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the joined files share their variables
# Local volumes on the move. Before the node NODE leaves, what pods keep on its disk goes to another node, and the volume
# with it: claims stay as they are, and their pods start again where the files are now. Whatever is killed on the way is
# finished by the next run.

HELPER=homelab-volumes

# local_volumes: those of NODE that k3s' provisioner made, as `volume path claim-namespace/claim`, claims of one name together.
local_volumes() {
  listed=$(kube get persistentvolumes --output json) || return 1
  printf '%s\n' "$listed" | python3 -c '
import json, sys
node, found = sys.argv[1], []
for volume in json.load(sys.stdin)["items"]:
    spec, meta = volume["spec"], volume["metadata"]
    terms = spec.get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
    nodes = [value for term in terms for each in term.get("matchExpressions", []) for value in each.get("values", [])]
    folder = (spec.get("local") or spec.get("hostPath") or {}).get("path", "")
    made = meta.get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == "rancher.io/local-path"
    claim = spec.get("claimRef", {})
    if node in nodes and made and folder:
        found.append("%s %s %s/%s" % (meta["name"], folder, claim.get("namespace", ""), claim.get("name", "")))
print("\n".join(sorted(found, key=lambda line: line.split()[2])))' "$NODE"
}

# volume_target: the node that takes them. The last by name: a walk over all nodes goes by name more often than not, and comes to it last.
volume_target() {
  listed=$(kube get nodes --output json) || return 1
  printf '%s\n' "$listed" | python3 -c '
import json, sys
fit = []
for node in json.load(sys.stdin)["items"]:
    spec, name = node["spec"], node["metadata"]["name"]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", []))
    kept_away = spec.get("unschedulable") or any(each["effect"] != "PreferNoSchedule" for each in spec.get("taints", []))
    if ready and not kept_away and name != sys.argv[1]:
        fit.append(name)
print(max(fit, default=""))' "$NODE"
}

# The image that k3s' provisioner itself makes folders with: a shell and its usual tools, on every node.
helper_image() {
  kube --namespace kube-system get configmap local-path-config --output 'jsonpath={.data.helperPod\.yaml}' |
    sed -n 's/.*image: *"\{0,1\}\([^", }]*\).*/\1/p' | head -n 1
}

# helper SUFFIX NODE FOLDER: a pod that reaches the folder as /volumes, on that very node whatever is kept away from it.
helper() {
  kube apply --filename - >&2 <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$HELPER-$1","namespace":"kube-system","labels":{"app.kubernetes.io/name":"$HELPER"}},
"spec":{"nodeName":"$2","restartPolicy":"Never","terminationGracePeriodSeconds":0,"automountServiceAccountToken":false,
"enableServiceLinks":false,"tolerations":[{"operator":"Exists"}],"priorityClassName":"system-node-critical",
"containers":[{"name":"shell","image":"$image","imagePullPolicy":"IfNotPresent","command":["/bin/sh","-c","sleep 86400"],
"volumeMounts":[{"name":"volumes","mountPath":"/volumes"}]}],
"volumes":[{"name":"volumes","hostPath":{"path":"$3","type":"DirectoryOrCreate"}}]}}
JSON
}

in_helper() {
  suffix=$1
  shift
  "$K3S" kubectl --namespace kube-system exec --stdin "$HELPER-$suffix" -- "$@"
}

helpers_ready() {
  [ "$(kube --namespace kube-system get pods --selector "app.kubernetes.io/name=$HELPER" \
    --output 'jsonpath={.items[*].status.containerStatuses[0].ready}')" = "true true" ]
}

drop_helpers() {
  # At once: they hold nothing, and their node may be on its way out.
  kube --namespace kube-system delete pods --selector "app.kubernetes.io/name=$HELPER" --force --grace-period 0 >/dev/null 2>&1 || true
}

# What is in a volume, by name, content, mode and owner.
volume_contents() {
  # shellcheck disable=SC2016 # for the shell inside
  in_helper "$1" /bin/sh -c 'cd "/volumes/$1" && { find . -type f -exec sha256sum {} + ; find . -exec stat -c "%n %a %u %g" {} + ; } | sort | sha256sum' \
    sh "$2" </dev/null
}

# copy_folder NAME: from NODE to the target, and compared.
copy_folder() {
  in_helper target rm -rf "/volumes/$1" </dev/null
  in_helper source tar -C /volumes -cf - "$1" </dev/null | in_helper target tar -C /volumes -xf -
  before=$(volume_contents source "$1") && after=$(volume_contents target "$1") && [ -n "$before" ] && [ "$before" = "$after" ]
}

# Pods on NODE that may write to the claim, as `namespace name`.
users_of() {
  listed=$(kube --namespace "${1%%/*}" get pods --field-selector "spec.nodeName=$NODE" --output json) || return 1
  printf '%s\n' "$listed" | python3 -c '
import json, sys
for pod in json.load(sys.stdin)["items"]:
    claims = [(each.get("persistentVolumeClaim") or {}).get("claimName") for each in pod["spec"].get("volumes", [])]
    if sys.argv[1] in claims and pod["status"].get("phase") not in ("Succeeded", "Failed"):
        print(pod["metadata"]["name"])' "${1#*/}"
}

claim_bound() {
  [ "$(kube --namespace "${1%%/*}" get persistentvolumeclaim "${1#*/}" --output 'jsonpath={.status.phase}')" = Bound ]
}

volume_gone() {
  [ -z "$(kube get persistentvolume "$1" --ignore-not-found --output name)" ]
}

# put_volume NAME: made from what its note says.
put_volume() {
  kube --namespace kube-system get configmap "$HELPER-$1" --output 'jsonpath={.data.volume}' | kube create --filename - >&2
}

# finish_moves: a volume whose old object is gone and whose new one a killed run has not come to make.
finish_moves() {
  for volume in $(kube --namespace kube-system get configmaps --selector "app.kubernetes.io/name=$HELPER" \
    --output 'jsonpath={.items[*].metadata.labels.homelab\.internal/volume}'); do
    if volume_gone "$volume"; then
      put_volume "$volume"
    fi
    kube --namespace kube-system delete configmap "$HELPER-$volume" >&2
  done
}

# rebind VOLUME CLAIM TARGET: a volume cannot be told to lie elsewhere, so it is made anew under its name. Its claim waits for that.
rebind() {
  described=$(kube get persistentvolume "$1" --output json) || return 1
  printf '%s' "$described" | python3 -c '
import json, sys
name, source, target, helper = sys.argv[1:]
volume = json.load(sys.stdin)
volume.pop("status", None)
for field in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields", "finalizers", "generation"):
    volume["metadata"].pop(field, None)
for term in volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]:
    for each in term.get("matchExpressions", []):
        each["values"] = [target if value == source else value for value in each.get("values", [])]
labels = {"app.kubernetes.io/name": helper, "homelab.internal/volume": name}
json.dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s-%s" % (helper, name), "namespace": "kube-system", "labels": labels},
           "data": {"volume": json.dumps(volume)}}, sys.stdout)' "$1" "$NODE" "$3" "$HELPER" | kube apply --filename - >&2
  kube patch persistentvolume "$1" --type merge --patch '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' >&2
  kube delete persistentvolume "$1" --wait=false >&2
  kube patch persistentvolume "$1" --type merge --patch '{"metadata":{"finalizers":null}}' >&2 || true
  until_true 60 "volume $1 to be free" volume_gone "$1" || return 1
  put_volume "$1"
  # Its controller looks at a claim that changes at once, and at others every 15 seconds.
  kube --namespace "${2%%/*}" annotate persistentvolumeclaim "${2#*/}" --overwrite "$OURS/moved=$NODE-$3" >&2 || true
  until_true 60 "claim $2 to have its volume again" claim_bound "$2" || return 1
  kube --namespace kube-system delete configmap "$HELPER-$1" >&2
}

# move_volume VOLUME FOLDER CLAIM TARGET
move_volume() {
  say "moving the volume of $3 from $NODE to $4"
  users=$(users_of "$3") || return 1
  for pod in $users; do
    "$K3S" kubectl --namespace "${3%%/*}" delete pod "$pod" --timeout "${DRAIN_TIMEOUT}s" >&2 || return 1
  done
  # Nothing may write to what is copied.
  users=$(users_of "$3") || return 1
  [ -z "$users" ] || {
    say "$users still uses the volume of $3"
    return 1
  }
  # A stream that was cut off shows in the comparison.
  copy_folder "$(basename "$2")" || copy_folder "$(basename "$2")" || return 1
  rebind "$1" "$3" "$4"
}

# enough_room FOLDERS: of the target's disk, with a tenth to spare.
enough_room() {
  # shellcheck disable=SC2086 # names of folders
  needed=$(in_helper source du -skc -- $1 </dev/null | awk 'END { print $1 }')
  free=$(in_helper target df -Pk /volumes </dev/null | awk 'END { print $4 }')
  [ -n "$needed" ] && [ -n "$free" ] && [ "$((needed + needed / 10))" -lt "$free" ]
}

# vacate VOLUMES: all of them to one node. The first that does not go leaves the rest, and the node in service.
vacate() {
  target=$(volume_target)
  [ -n "$target" ] || {
    say "there is no other node that is Ready and takes pods"
    return 1
  }
  image=$(helper_image)
  [ -n "$image" ] || {
    say "k3s' local-path-config names no helper's image"
    return 1
  }
  if [ "$(node_field '{.spec.unschedulable}')" != true ]; then
    kube annotate node "$NODE" --overwrite "$OURS/cordoned=volumes" >&2
    kube cordon "$NODE" >&2
  fi
  for parent in $(echo "$1" | awk '{ sub(/\/[^\/]*$/, "", $2); print $2 }' | sort -u); do
    moving=$(echo "$1" | awk -v parent="$parent" '{ folder = $2; sub(/\/[^\/]*$/, "", folder); if (folder == parent) print }')
    drop_helpers
    helper source "$NODE" "$parent"
    helper target "$target" "$parent"
    until_true 120 "pods that copy" helpers_ready || {
      say "no pod could be started that copies"
      return 1
    }
    enough_room "$(echo "$moving" | awk '{ sub(/.*\//, "", $2); print "/volumes/" $2 }' | tr '\n' ' ')" || {
      say "$target has not enough room for them"
      return 1
    }
    echo "$moving" >"$STATE/moving"
    while read -r volume folder claim; do
      move_volume "$volume" "$folder" "$claim" "$target" </dev/null || {
        say "the volume of $claim could not be moved; its files are still on $NODE"
        return 1
      }
    done <"$STATE/moving"
  done
  drop_helpers
}

# move_volumes: nothing of k3s' own provisioner lies on NODE afterwards, or the node is in service as it was.
move_volumes() {
  lock_volumes
  finish_moves
  movable=$(local_volumes) || return 1
  [ -n "$movable" ] || return 0
  vacate "$movable" || {
    drop_helpers
    readmit
    return 1
  }
}
