import * as fs from "node:fs";
import * as path from "node:path";
import type { SFTPWrapper } from "ssh2";
import { Archive, Asset, type CallContext, type PropertyValue } from "../protocol";
import type { Connection } from "./connection";
import { contextError, dial } from "./dial";

/** Something to copy: a file of this computer, a text, or a folder of such. */
type Source = { name: string; file: string } | { name: string; text: string } | { name: string; entries: Source[] };

const isFolder = (source: Source): source is { name: string; entries: Source[] } => "entries" in source;

/** What an asset or an archive stands for. */
function sourceOf(name: string, value: PropertyValue): Source {
  if (value instanceof Asset) {
    const { path: file, text, uri } = value.fields;
    if (file) {
      return { name: path.basename(file), file };
    }
    if (uri) {
      throw new Error(`cannot copy ${uri}: only assets that are files or texts of this computer can be copied`);
    }
    return { name, text: text ?? "" };
  }
  if (value instanceof Archive) {
    const { path: file, assets, uri } = value.fields;
    if (uri) {
      throw new Error(`cannot copy ${uri}: only archives of this computer can be copied`);
    }
    return file
      ? localSource(file)
      : { name, entries: Object.entries(assets ?? {}).map(([key, item]) => ({ ...sourceOf(key, item), name: key })) };
  }
  throw new Error("source must be an asset or an archive");
}

/** A path of this computer, folders with all that is in them. */
export function localSource(file: string): Source {
  const name = path.basename(file);
  if (!fs.statSync(file).isDirectory()) {
    return { name, file };
  }
  return { name, entries: fs.readdirSync(file).map((entry) => localSource(path.join(file, entry))) };
}

/**
 * Copies a file, a text or a folder to `remotePath` over SFTP.
 *
 * A remote path that is a folder takes the source in under its own name; otherwise it is the name of the copy.
 * Folders on the way there are made.
 */
export async function copy(
  what: { source: PropertyValue } | { localPath: string },
  remotePath: string,
  connection: Connection,
  context: CallContext,
): Promise<void> {
  const source = "source" in what ? sourceOf("", what.source) : localSource(what.localPath);
  const { client, end } = await dial(connection, context);
  client.on("error", () => {});
  const stop = () => client.destroy();
  context.signal.addEventListener("abort", stop);
  try {
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
      client.sftp((error, wrapper) => (error ? reject(new Error(`failed to create SFTP client: ${error.message}`)) : resolve(wrapper))),
    );
    const aborted = new Promise<never>((_, reject) => {
      client.once("close", () =>
        reject(new Error(context.signal.aborted ? contextError(context) : "ssh: the connection was lost while copying")),
      );
    });
    const existing = await stat(sftp, remotePath);
    if (existing === "file" && isFolder(source)) {
      throw new Error(`cannot copy the folder ${source.name} to ${remotePath}: there is a file of that name`);
    }
    const target = existing === "folder" && source.name !== "" ? path.posix.join(remotePath, source.name) : remotePath;
    await Promise.race([put(sftp, source, target), aborted]);
  } finally {
    context.signal.removeEventListener("abort", stop);
    end();
  }
}

async function put(sftp: SFTPWrapper, source: Source, target: string): Promise<void> {
  if (isFolder(source)) {
    await makeFolder(sftp, target);
    for (const entry of source.entries) {
      await put(sftp, entry, path.posix.join(target, entry.name));
    }
    return;
  }
  await makeFolder(sftp, path.posix.dirname(target));
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(new Error(`${target}: ${error.message}`)) : resolve());
    if ("file" in source) {
      sftp.fastPut(source.file, target, done);
    } else {
      sftp.writeFile(target, source.text, done);
    }
  });
}

/** Makes a folder and those above it; one that is there already is fine. */
async function makeFolder(sftp: SFTPWrapper, directory: string): Promise<void> {
  if (directory === "/" || directory === "." || directory === "" || (await stat(sftp, directory)) === "folder") {
    return;
  }
  await makeFolder(sftp, path.posix.dirname(directory));
  await new Promise<void>((resolve, reject) =>
    sftp.mkdir(directory, (error) => (error ? reject(new Error(`mkdir ${directory}: ${error.message}`)) : resolve())),
  ).catch(async (error: Error) => {
    // Another copy may have made it in between.
    if ((await stat(sftp, directory)) !== "folder") {
      throw error;
    }
  });
}

function stat(sftp: SFTPWrapper, file: string): Promise<"file" | "folder" | undefined> {
  return new Promise((resolve) => sftp.stat(file, (error, stats) => resolve(error ? undefined : stats.isDirectory() ? "folder" : "file")));
}
