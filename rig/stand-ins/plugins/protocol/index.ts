// The ResourceProvider protocol, served straight from the Pulumi SDK's protocol definitions.
export * from "./diff";
export * from "./marks";
export * from "./provider";
export { listen, main } from "./serve";
export * from "./values";
