import * as path from "node:path";

/** The folder this file's checkout lives in. */
export const checkout = path.resolve(__dirname, "..");
