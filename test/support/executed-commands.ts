/**
 * The documentation's commands that the end-to-end tests run, by the lab that they run on: verbs, and options of them. A lab of
 * the tests fails at its end when something of its list was not run. What docs/tutorial.md says is run from the page itself.
 */
export const executed: Record<string, readonly string[]> = {
  e2e: [
    ...["lab backup tasks", "lab check", "lab compose tasks", "lab compose tasks --out"],
    ...["lab backup cluster", "lab backup cluster --list", "lab discover", "lab discover --url", "lab doctor", "lab drift"],
    ...["lab ca", "lab hosts", "lab passwords"],
    ...["lab graph", "lab kubeconfig", "lab machine on", "lab machine query", "lab new", "lab new --machine"],
    ...["lab new --maas-url", "lab new --subnet", "lab open", "lab plot", "lab plot --minutes", "lab plot --out", "lab preview"],
    ...[
      "lab record",
      "lab record --output",
      "lab report",
      "lab restore tasks",
      "lab restore tasks --list",
      "lab status",
      "lab taskrc",
      "lab taskrc --archive",
    ],
    ...["lab taskrc --taskwarrior", "lab test", "lab test --only", "lab up", "lab up --plan"],
    ...["lab report --save-plan", "lab up --repair"],
    ...["lab pulumi config", "lab pulumi config --path", "lab pulumi config --secret", "lab pulumi stack output"],
    ...["lab pulumi stack export", "lab pulumi stack export --file", "lab pulumi stack history", "lab pulumi stack import"],
    ...["lab pulumi stack import --file", "lab pulumi stack init", "lab pulumi stack output --show-secrets"],
    ...["journalctl", "k3s certificate check", "k3s etcd-snapshot", "k3s kubectl describe", "k3s kubectl exec"],
    ...["k3s kubectl get", "k3s kubectl get --raw", "k3s kubectl logs", "k3s kubectl logs --tail", "systemctl list-timers"],
    ...["systemctl status", "task sync"],
  ],
  "e2e-rehearsal": ["lab rehearse", "lab rehearse --base"],
  "e2e-cluster": [
    ...["lab backup", "lab down", "lab machine replace", "lab machine replace --lost", "lab machine replace --mac", "lab pulumi destroy"],
    ...["lab restore", "lab restore --overwrite", "lab status", "lab up", "lab upgrade k3s"],
    ...["lab upgrade k3s --back", "lab upgrade k3s --to", "lab upgrade os", "lab upgrade os --packages", "lab upgrade os --restart"],
  ],
};

const tutorial = "run from docs/tutorial.md, which the steps read";
const repairs = "changes a machine in trouble, and there is none";
const region = "wants a real MAAS, which cannot be installed here";
const device = "Taskwarrior's own, on somebody's device with the tasks of years";
const developers = "a developer's own command: what it starts is what the tests or CI start";

const paper = "needs no lab: run by test/integration/workflows and test/integration/report";

/** Commands of the documentation that these tests do not run by themselves, and why: verbs, or how they begin. */
export const notRun: Record<string, string> = {
  "journalctl --vacuum-size": repairs,
  "k3s certificate rotate-ca": repairs,
  "k3s crictl rmi": repairs,
  "k3s kubectl create": repairs,
  "k3s kubectl delete": repairs,
  "k3s kubectl logs --previous": repairs,
  "k3s server": repairs,
  "kubectl cordon": repairs,
  "systemctl restart": repairs,
  "systemctl start": repairs,
  du: "walks the whole disk, where a file that vanishes meanwhile is a failure",
  "lab --help": "prints what docs/reference/commands.md is generated from",
  "lab down --yes": "answers for a protected stack's owner; those of the tests are not protected",
  "lab env": tutorial,
  "lab forge": paper,
  "lab pulumi login": "wants an account; LAB_BACKEND_URL takes the same and is run with a folder",
  "lab pulumi plugin": "said of the engine, which must not download here",
  "lab pulumi preview": tutorial,
  "lab pulumi stack change-secrets-provider": "asks for a new passphrase on a terminal",
  "lab pulumi state": "said of what lab up does by itself",
  "lab pulumi up": tutorial,
  "lab record --push": paper,
  "lab report --base": paper,
  "lab report --from": paper,
  "lab review": paper,
  "lab up --at-once": "loses a cluster of several servers, as 'up' did before it walked",
  "lab up --max-unavailable": "wants three agents; test/unit/cli/walk.test.ts has them",
  "lab restore tasks --archive": "as without it, with an older archive than the newest",
  docker: "there is no Docker here; the files that it would start are compared with what runs",
  "git config": developers,
  "git worktree": "in a hook of a bare repository",
  export: "sets a variable for the commands below it, which are run with it",
  maas: region,
  node: developers,
  npm: developers,
  npx: developers,
  snap: region,
  "task export": device,
  "task import": device,
  "task import-v2": device,
  "task rc.hooks": device,
};
