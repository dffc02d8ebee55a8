/** How lines of the engine begin: progress, a resource's type token, a heading. */
const ownLine = /^\s*(@ |[-+~]{0,2}\s*[a-z][\w.-]*:[\w/.-]*:\w+\s|Diagnostics:|Resources:|Duration:|Outputs:|Updating )/;

/**
 * What is shown of the engine's output while it keeps to a saved plan. Where a resource would violate it the engine prints what
 * was planned and what came, secrets in clear and over several lines: only the names of the properties are let through. What it
 * says of every resource that it did not come to after that is left out.
 */
export function planOutput(): (line: string) => string | undefined {
  let inValues = false;
  return (line) => {
    const violation = /^(.*violates plan: properties changed: )(.*)$/.exec(line);
    if (violation) {
      inValues = true;
      const names = [...violation[2].matchAll(/(?:^|, )[-+~=!]{1,2}([\w.]+)\[/g)].map((match) => match[1]);
      return `${violation[1]}${[...new Set(names)].join(", ") || "(not shown)"}`;
    }
    if (/expected resource operations for .* but none were seen/.test(line)) {
      return undefined;
    }
    inValues &&= !ownLine.test(line);
    return inValues ? undefined : line;
  };
}
