// Four projects: unit tests share nothing and run side by side; integration tests start local servers;
// end-to-end tests own the machine's bridge and run one file at a time (see `cli/verbs/test.ts`);
// those on a real forge run only when they are asked for, as that takes nine minutes to build.
//
// Jest runs CommonJS: the few packages that are ES modules alone are compiled as the checkout's own files are.
const esModules = "@kubernetes/client-node|jose|oauth4webapi|openid-client";
const common = {
  rootDir: __dirname,
  testEnvironment: "node",
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript", decorators: false } }, module: { type: "commonjs" } },
    ],
    [`/node_modules/(?:${esModules})/.+\\.js$`]: ["@swc/jest", { jsc: { target: "es2022" }, module: { type: "commonjs" } }],
  },
  transformIgnorePatterns: [`/node_modules/(?!(?:${esModules})/)`],
  modulePathIgnorePatterns: ["<rootDir>/.lab/", "<rootDir>/components/dist/"],
};
module.exports = {
  // A limit for what hangs, not a measure: a slow computer must not fail a test.
  testTimeout: 300_000,
  projects: ["unit", "integration", "e2e", "forge"].map((name) => ({
    ...common,
    displayName: name,
    testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  })),
};
