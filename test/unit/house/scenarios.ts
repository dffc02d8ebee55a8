/**
 * Which test runs which job of which workflow on which event, for each way in which it may end. `scenarios.test.ts` reads the workflow
 * files: a job or an event without a line here fails, and so does a title that no test has.
 */
export const outcomes = ["success", "loss", "failure", "moved"] as const;
export type Outcome = (typeof outcomes)[number];

/** Where the tests are. */
export const files = {
  pulls: "test/integration/workflows/pull-requests.test.ts",
  deploy: "test/integration/workflows/deploy.test.ts",
  embedded: "test/integration/workflows/embedded-and-tests.test.ts",
  nightly: "test/e2e/nightly.test.ts",
} as const;

/** Words of a test's title in one of the files, or why there can be no such case. */
export type Scenario = readonly [keyof typeof files, string] | { none: string };
type Scenarios = Record<Outcome, Scenario>;

const none = (why: string): Scenario => ({ none: why });
const inAll = (scenario: Scenario): Scenarios => ({ success: scenario, loss: scenario, failure: scenario, moved: scenario });

const itsOwnCommit = "it runs at the event's commit, and writes nothing";
const noReport = "it makes no report: there is nothing to lose data of";

const [gets, loses, wrong, moved] = [
  "gets one comment that says what happens and why",
  "fails its check where data would be lost without consent",
  "is told that there is no report where its settings are wrong",
  "that has moved on meanwhile is left to its newer run",
];
const own: Scenarios = { success: ["pulls", gets], loss: ["pulls", loses], failure: ["pulls", wrong], moved: ["pulls", moved] };
const fork: Scenarios = {
  success: ["pulls", "gets its comment from the main branch's code"],
  loss: ["pulls", "that loses data fails its check"],
  failure: ["pulls", "whose settings are wrong, and that moves on"],
  moved: ["pulls", "whose settings are wrong, and that moves on"],
};
const marks: Scenario = ["pulls", "is out of date while a newer commit is looked at"];
const runs = {
  "workflow_run requested": inAll(["pulls", gets]),
  "workflow_run requested, of a fork": inAll(marks),
  "workflow_run completed": inAll(["pulls", gets]),
  "workflow_run completed, of a fork": fork,
};

const deployed: Scenarios = {
  success: ["deploy", "is planned, applied and recorded"],
  loss: ["deploy", "is not even planned without the label"],
  failure: ["deploy", "is not applied where it cannot be previewed"],
  moved: ["deploy", "refuses the plans that it has overtaken, of a merge and by hand"],
};
const compared: Scenarios = {
  success: ["deploy", "is compared every night, and by hand"],
  loss: none("it changes nothing"),
  failure: ["deploy", "opens no issue about drift before the lab is up"],
  moved: none("it compares what is applied, whatever is merged meanwhile"),
};

const brought: Scenarios = {
  success: ["embedded", "brings it up, takes it down, and records what was there"],
  loss: none("the lab is made for this run"),
  failure: ["embedded", "where it has none to bring up"],
  moved: ["embedded", "also where main has moved on since"],
};
const atNight: Scenarios = { ...brought, success: ["nightly", "brings it up at night, records it for the reports"] };
const head: Scenario = ["embedded", "from the target branch to the event's head, also where that has moved on"];
const labelled: Scenarios = {
  success: ["nightly", "takes it from the target branch to the head of a pull request with the label"],
  loss: ["embedded", "data that the head would lose without consent"],
  failure: ["embedded", "a target branch that does not come up"],
  moved: head,
};
const unlabelled = inAll(["embedded", "on a pull request without the label"]);
const embedded: Record<string, Scenarios> = {
  push: brought,
  schedule: atNight,
  pull_request: unlabelled,
  "pull_request from a fork": unlabelled,
  "pull_request with the label": labelled,
  "pull_request from a fork with the label": { ...labelled, success: head },
};
const tested: Scenarios = {
  success: ["embedded", "%s, as root with the runner's tools and cache"],
  loss: none(noReport),
  failure: ["embedded", "and fails where it fails"],
  moved: none(itsOwnCommit),
};

/** By workflow file and job, then by event. */
export const scenarios: Record<string, Record<string, Scenarios>> = {
  "preview.yml report": { pull_request: own, "pull_request from a fork": fork },
  "preview.yml comment": {
    pull_request: own,
    // The job is missing among those that have run.
    "pull_request from a fork": fork,
  },
  // On each event one of the two jobs runs, or none: the other is missing among those that have run.
  "comment.yml outdated": runs,
  "comment.yml comment": runs,
  "deploy.yml plan": { push: deployed, workflow_dispatch: { ...deployed, success: ["deploy", "is made whole by the next run"] } },
  "deploy.yml apply": {
    push: { ...deployed, loss: ["deploy", "is applied with both"] },
    workflow_dispatch: { ...deployed, success: ["deploy", "is made whole by the next run"] },
  },
  "drift.yml drift": { schedule: compared, workflow_dispatch: compared },
  "embedded.yml sim": embedded,
  "embedded.yml record": embedded,
  "test.yml test": { push: tested, pull_request: tested, "pull_request from a fork": tested },
};
