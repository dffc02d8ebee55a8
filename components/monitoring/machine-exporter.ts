import type * as pulumi from "@pulumi/pulumi";
import type { SecretInput } from "../core/secret";
import { nodeExporterFlags, TEXTFILE_FOLDER } from "./node-exporter";

const PACKAGE = "prometheus-node-exporter";
const FOLDER = ["mkdir", "-p", TEXTFILE_FOLDER];

/** A line for the shell, or a list of words. */
type Command = string | readonly string[];

/** What of a machine's user data node-exporter needs. */
export interface ExporterUserData {
  /** Packages to install. Default none. */
  packages?: readonly pulumi.Input<string>[];
  /** Files to write. Default none. */
  files?: readonly {
    /** Absolute path. */
    path: pulumi.Input<string>;
    /** The text. */
    content: pulumi.Input<string> | SecretInput;
    /** In octal. Default `0644`. */
    permissions?: pulumi.Input<string>;
    /** `user:group`. Default `root:root`. */
    owner?: pulumi.Input<string>;
  }[];
  /** Run early at every boot. Default none. */
  bootCommands?: readonly (pulumi.Input<Command> | SecretInput<Command>)[];
}

/** The parts that node-exporter adds to. */
type WithExporter = { [K in keyof ExporterUserData]-?: NonNullable<ExporterUserData[K]> };

/**
 * A machine's user data with node-exporter in it, for `nodeExporter: "machines"`: Debian's and Ubuntu's package, whose service reads
 * its flags from a file in /etc/default. As it is there from the first boot on, it measures machines that are not in the cluster yet,
 * or no longer.
 */
export function withNodeExporter<T extends ExporterUserData>(userData: T): T & WithExporter {
  const flags = nodeExporterFlags({ root: "/", proc: "/proc", sys: "/sys", textfile: TEXTFILE_FOLDER });
  const file = {
    path: `/etc/default/${PACKAGE}`,
    // A shell-like file: the dollars and backslashes of regular expressions are kept by single quotes.
    content: `ARGS='${flags.join(" ")}'\n`,
    permissions: "0644",
    owner: "root:root",
  };
  return {
    ...userData,
    packages: [...new Set([...(userData.packages ?? []), PACKAGE])],
    files: [...(userData.files ?? []).filter(({ path }) => path !== file.path), file],
    // The collector of text files wants its folder to be there.
    bootCommands: [...(userData.bootCommands ?? []).filter((each) => !isFolder(each)), FOLDER],
  };
}

/** An output is never compared: its text is a complaint about being one. */
function isFolder(command: unknown): boolean {
  return Array.isArray(command) && command.length === FOLDER.length && command.every((word, index) => word === FOLDER[index]);
}
