import * as fs from "node:fs";
import { dump, load } from "js-yaml";
import { parsedUrl } from "../core/url";
import { UserError } from "../core/user-error";
import type { CurtinArgs, PreseedArgs } from "./args/preseed";
import type { CommandArgs } from "./args/user-data";

/** What is rendered, with its secrets in clear. */
export interface Curtin extends Omit<CurtinArgs, "earlyCommands" | "lateCommands" | "webhook"> {
  earlyCommands?: readonly CommandArgs[];
  lateCommands?: readonly CommandArgs[];
  webhook?: string;
}

/** A preseed with its secrets in clear. */
export type PlainPreseed = Omit<PreseedArgs, "curtin"> & { curtin?: Curtin };

/** MAAS's own part, without which a machine neither gets its debconf answers nor stops booting from the network. */
const OF_MAAS = `debconf_selections:
  maas: |
    {{for line in str(curtin_preseed).splitlines()}}
    {{line}}
    {{endfor}}
`;
const DISABLE_PXE =
  "  maas: [wget, '--no-proxy', {{node_disable_pxe_url|escape.json}}, '--post-data', {{node_disable_pxe_data|escape.json}}, '-O', '/dev/null']\n";

/**
 * Drivers that MAAS knows for hardware that Ubuntu does not, where its administrator allows them (`enable_third_party_drivers`). They are
 * wanted twice: in the system that installs, and in the one that is installed. `driver` is MAAS's record of one, any part of it may be
 * missing.
 */
const DRIVER = String.raw`{{py:
install_driver = ['set -e']
if third_party_drivers and driver:
    if driver.get('key_binary') and driver.get('repository'):
        key = ''.join(['\\0%03o' % each for each in bytearray(driver['key_binary'])])
        install_driver.append("printf %b '" + key + "' > /etc/apt/trusted.gpg.d/maas-driver.gpg")
    if driver.get('repository'):
        source = 'deb ' + driver['repository'] + ' ' + node.get_distro_series() + ' main'
        install_driver.append("echo '" + source + "' > /etc/apt/sources.list.d/maas-driver.list")
    if driver.get('package'):
        install_driver.append('apt-get update --quiet')
        install_driver.append('apt-get install --quiet --assume-yes ' + driver['package'])
    install_driver.append('depmod')
driver_early = install_driver[:]
if driver and driver.get('module'):
    driver_early.append('modprobe ' + driver['module'] + ' || echo "the module cannot be loaded"')
driver_late = install_driver + ['update-initramfs -u']
}}
`;
const DRIVER_EARLY = "  driver: [sh, -c, {{'\\n'.join(driver_early)|escape.json}}]\n";
const DRIVER_LATE = "  driver: [curtin, in-target, --, sh, -c, {{'\\n'.join(driver_late)|escape.json}}]\n";
const ifDriver = (text: string) => `{{if third_party_drivers and driver}}\n${text}{{endif}}\n`;

/**
 * A curtin_userdata template: YAML with MAAS's Tempita fields. Commands get numbered names, as curtin runs them in the
 * order of these: after those of drivers, and MAAS's last one comes last.
 *
 * @see https://curtin.readthedocs.io/en/latest/topics/config.html
 */
export function curtinTemplate({ earlyCommands = [], lateCommands = [], storage, network, webhook }: Curtin): string {
  const early = [...notice(webhook, "start"), ...earlyCommands];
  const late = [...lateCommands, ...notice(webhook, "finish")];
  const own = {
    ...(storage && { storage: { version: 1, config: storage } }),
    // curtin merges maps, and MAAS has a `network` of its own: what it has written for the installed system is replaced instead.
    ...(network && { network_commands: { homelab: ["sh", "-c", replaceNetwork(network)] } }),
    // curtin itself reports each step with its result, failures among them; Slack refuses what has no `text`.
    ...(webhook && !isSlack(webhook) && { reporting: { homelab: { type: "webhook", endpoint: webhook } } }),
  };
  const rest = Object.keys(own).length > 0 ? escapeTempita(dump(own, { lineWidth: -1, sortKeys: true, noRefs: true })) : "";
  // A key without anything below it would end curtin.
  const earlyPart =
    early.length > 0 ? `early_commands:\n${ifDriver(DRIVER_EARLY)}${indented(early)}` : ifDriver(`early_commands:\n${DRIVER_EARLY}`);
  return `#cloud-config\n${OF_MAAS}${DRIVER}${earlyPart}${rest}late_commands:\n${ifDriver(DRIVER_LATE)}${late.length > 0 ? indented(late) : ""}${DISABLE_PXE}`;
}

function indented(commands: readonly (string | readonly string[])[]): string {
  const text = dump(numbered(commands), { lineWidth: -1, flowLevel: 1 });
  return escapeTempita(text.replace(/^/gm, "  ").trimEnd().concat("\n"));
}

/** Runs after curtin's own command of that stage, whose name is `builtin`. */
function replaceNetwork(network: object): string {
  const text = dump({ network }, { lineWidth: -1, sortKeys: true, noRefs: true });
  return `echo ${Buffer.from(text).toString("base64")} | base64 -d > "$OUTPUT_NETWORK_CONFIG"`;
}

/** Slack itself; what speaks the same elsewhere may take more. */
function isSlack(webhook: string): boolean {
  return parsedUrl("curtin.webhook", webhook, true).hostname === "hooks.slack.com";
}

/** The template of an entry, refused before it is written if MAAS could not render it. */
export function preseedTemplate(preseed: PlainPreseed, index: number): string {
  const where = `homelab:maas.preseeds[${index}]`;
  if (preseed.curtin) {
    return checkTemplate(curtinTemplate(preseed.curtin), `${where}.curtin`);
  }
  const file = preseed.file as string;
  try {
    return checkTemplate(fs.readFileSync(file, "utf8"), `${where}.file`);
  } catch (error) {
    if (error instanceof UserError) {
      throw error;
    }
    throw new UserError({ path: `${where}.file`, message: "cannot be read", found: file, fix: (error as Error).message });
  }
}

/** Tempita's blocks are closed, and what is left is YAML. */
export function checkTemplate(text: string, path: string): string {
  const refuse = (message: string, fix: string): never => {
    throw new UserError({ path, message: `the template does not parse: ${message}`, fix });
  };
  const open: string[] = [];
  const left: string[] = [];
  for (const token of tokens(text, refuse)) {
    if (typeof token === "string") {
      left.push(token);
      continue;
    }
    const word = /^\s*(for|if|def|elif|else|endfor|endif|enddef|py:|#|default|inherit)/.exec(token.field)?.[1];
    if (word === "for" || word === "if" || word === "def") {
      open.push(word);
    } else if (word?.startsWith("end") && open.pop() !== word.slice(3)) {
      refuse(`{{${token.field}}} closes nothing`, `open it with {{${word.slice(3)} …}}`);
    }
    // A field stands for some text; a statement for none.
    left.push(word ? "" : "0");
  }
  if (open.length > 0) {
    refuse(`{{${open[0]} …}} is not closed`, `close it with {{end${open[0]}}}`);
  }
  if (/^#cloud-config/.test(text)) {
    try {
      load(left.join(""));
    } catch (error) {
      refuse((error as Error).message.split("\n")[0], "correct the YAML");
    }
  }
  return text;
}

/** Texts and fields, as Tempita tells them apart. */
function* tokens(text: string, refuse: (message: string, fix: string) => never): Generator<string | { field: string }> {
  const literal = "write literal braces as {{chr(123) * 2}} and {{chr(125) * 2}}";
  let inside = false;
  for (const part of text.split(/(\{\{|\}\})/)) {
    if (part === "{{" || part === "}}") {
      if (inside === (part === "{{")) {
        refuse(`${part} ${inside ? "inside" : "outside"} a field`, literal);
      }
      inside = !inside;
    } else {
      yield inside ? { field: part } : part;
    }
  }
  if (inside) {
    refuse("a field {{ is not closed", literal);
  }
}

function numbered(commands: readonly (string | readonly string[])[]): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    commands.map((each, index) => [`homelab_${String(index).padStart(2, "0")}`, typeof each === "string" ? ["sh", "-c", each] : each]),
  );
}

function notice(webhook: string | undefined, what: "start" | "finish"): string[][] {
  const text = JSON.stringify({ text: `installation of the machine: ${what}` });
  return webhook
    ? [
        [
          "sh",
          "-c",
          `wget -q -O /dev/null --header 'Content-Type: application/json' --post-data '${text}' '${webhook.replaceAll("'", "%27")}' || true`,
        ],
      ]
    : [];
}

/** Braces of the user's own are no fields of MAAS's. */
function escapeTempita(text: string): string {
  return text.replace(/\{\{|\}\}/g, (braces) => `{{chr(${braces.charCodeAt(0)}) * 2}}`);
}
