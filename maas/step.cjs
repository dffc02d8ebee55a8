// Where commands of existing states find the step program; see components/maas/run/step.cjs.
require("../components/maas/run/step.cjs");
