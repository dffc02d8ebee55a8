// Started by command.local.Command: the revocation list's program without a build step.
require("../../load-typescript.cjs");
require("./revocations.ts").main();
