/** Programs whose commands a page may show. What begins with anything else is a setting, an output or a name. */
const programs = new Set([
  ...["lab", "pulumi", "task", "kubectl", "k3s", "npm", "npx", "node", "apt-get", "snap", "maas"],
  ...["systemctl", "journalctl", "du", "tar", "curl", "git", "export", "docker", "chown"],
]);

/** Indented and fenced lines of a page, and code in its text. A list's paragraphs are indented too: code is four columns further. */
export function codeOf(page: string): { blocks: string[]; inline: string[] } {
  const text = page.replace(/^[ \t]*```\w*\n[\s\S]*?^[ \t]*```$/gm, (fenced) =>
    fenced.replace(/^[ \t]*```.*$/gm, "").replace(/^/gm, "    "),
  );
  const blocks: string[] = [];
  let list = 0;
  let blank = true;
  for (const line of text.split("\n")) {
    const indent = line.length - line.trimStart().length;
    const item = /^\s*(?:[-*]|\d+\.) +/.exec(line);
    if (line.trim() === "") {
      blank = true;
    } else if (indent >= list + 4 && (blank || blocks.at(-1) !== undefined) && !item) {
      blocks.push(line.trim());
      blank = false;
    } else {
      list = item ? item[0].length : indent === 0 && blank ? 0 : list;
      blank = false;
    }
  }
  return { blocks, inline: [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]) };
}

/** The commands of one line of shell, without what is around them: assignments, `sudo`, prompts, remarks. */
export function commandsOf(line: string): string[][] {
  const inner = [...line.matchAll(/\$\(([^)]*)\)/g)].flatMap((match) => commandsOf(match[1]));
  const rest = line
    .replace(/"?\$\([^)]*\)"?/g, "")
    .replace(/\s#\s.*$/, "")
    .replace(/(\S) {3,}\S.*$/, "$1");
  const commands = rest.split(/&&|\|\|?|;/).flatMap((part) => {
    const words: string[] = part.replace(/\[(--[^\]]*)\]/g, "$1").match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
    while (words.length > 0 && /^(\$|sudo|[A-Z_]+=\S*)$/.test(words[0])) {
      words.shift();
    }
    const program = words[0]?.replace(/^\.\//, "");
    return program !== undefined && programs.has(program) && (words[0] === "./lab" || program !== "lab" || words.length > 1)
      ? [[program, ...words.slice(1)]]
      : [];
  });
  return [...inner, ...commands];
}

/** Verbs that are two words. */
const nested: Record<string, RegExp> = { lab: /^(machine|compose|backup|restore|upgrade|pulumi)$/, k3s: /^(kubectl|crictl|certificate)$/ };

/**
 * A command as far as it matters which one it is: program, verb and the names of its options, such as `lab report --json`.
 * Which stack it is about does not.
 */
export function signatureOf([program = "", ...args]: readonly string[]): { verb: string; options: string[] } {
  if (program === "pulumi") {
    // In the shell that `lab env` prepares it is the lab's.
    return signatureOf(["lab", "pulumi", ...args]);
  }
  const words: string[] = [];
  // The namespace comes before the verb.
  for (const word of /^(k3s|kubectl)$/.test(program) ? args.filter((each, index) => each !== "-n" && args[index - 1] !== "-n") : args) {
    if (!/^[a-z][a-z0-9-]*$/.test(word) || words.length > (nested[program]?.test(words[0] ?? "") ? 1 : 0)) {
      break;
    }
    words.push(word);
  }
  const verb = program === "lab" && words[0] === "pulumi" && args[1] === "stack" ? ["pulumi", "stack", args[2]] : words;
  const options = args.filter((word) => /^--[a-z]/.test(word)).map((word) => word.split("=")[0]);
  return { verb: [program, ...verb].join(" "), options: [...new Set(options)].filter((option) => option !== "--stack").sort() };
}

/** A command's verb, and each of its options with it. */
export function partsOf({ verb, options }: { verb: string; options: readonly string[] }): string[] {
  return [verb, ...options.map((option) => `${verb} ${option}`)];
}
