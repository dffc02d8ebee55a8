// Started by command.local.Command: the TypeScript step program without a build step.
require("../load-typescript.cjs");
require("../components/maas/run/program.ts").main();
