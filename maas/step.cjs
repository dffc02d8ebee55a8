// Started by command.local.Command: the TypeScript step program without a build step.
require("tsx/cjs");
require("./program.ts").main();
