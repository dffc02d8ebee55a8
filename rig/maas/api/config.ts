import { settingNames, settings } from "../data/config-settings";
import { plainJson, text, validationError } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, formErrors, invalidChoice, isIp, mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";
import { releases } from "./machine-deploy";
import { hostnameError } from "./machine-form";

function setting(name: string) {
  const found = settings.get(name);
  if (!found)
    throw validationError({ [name]: [`${name} is not a valid config setting (valid settings are: ${settingNames.join(", ")}).`] });
  return found;
}

/** The name of a setting since MAAS knows more than one time server. */
const newName = (name: string) => (name === "ntp_server" ? "ntp_servers" : name);
/** Settings of old that are package repositories now. */
const archive = ({ maas }: Context, name: string) =>
  ["main_archive", "ports_archive"].includes(name) ? maas.tables.packageRepositories.find((row) => row.name === name) : undefined;

function get(context: Context) {
  const { maas, query } = context;
  const name = newName(mandatory(query, "name"));
  const repository = archive(context, name);
  if (repository) return plainJson(repository.url);
  setting(name);
  return plainJson(maas.config[name] ?? null);
}

const choices = (name: string, value: string, allowed: string[]) =>
  `'${value}' is not a valid ${name}.  It should be one of: ${allowed.map((one) => `'${one}'`).join(", ")}.`;

function hostList(value: string): string {
  const hosts = value.split(/[\s,]+/).filter(Boolean);
  for (const host of hosts) {
    if (isIp(host)) continue;
    for (const label of host.split(".")) {
      const message = hostnameError(label);
      if (message) throw message.startsWith("Host label") ? `Invalid hostname: ${message}` : `Invalid hostname: ${message}`;
    }
  }
  return hosts.join(" ");
}

/** The value to keep; throws the message where it is none. */
function parse(context: Context, name: string, value: string): unknown {
  const { kind } = setting(name);
  const empty = value.trim() === "";
  if (kind === "boolean") return checkbox(value);
  if (kind === "integer") {
    if (!/^\s*-?\d+\s*$/.test(value)) throw "Enter a whole number.";
    return Number(value);
  }
  if (kind === "text-or-null") return value;
  if (kind === "ip-list") {
    const servers = value.split(/[\s,]+/).filter(Boolean);
    for (const server of servers) if (!isIp(server)) throw `Invalid IP address: ${server}; provide a list of space-separated IP addresses`;
    return servers.join(" ");
  }
  if (kind === "host-list") return hostList(value);
  if (kind === "series") {
    const series = releases(context)
      .filter((release) => release.startsWith("ubuntu/"))
      .map((release) => release.split("/")[1]!)
      .sort()
      .reverse();
    const all = [...new Set([...series, ...releases(context).map((release) => release.split("/")[1]!)])];
    const allowed = name === "default_distro_series" ? all : series;
    if (!allowed.includes(value)) throw choices("release", value, allowed);
    return value;
  }
  if (kind === "os") {
    const systems = [...new Set(releases(context).map((release) => release.split("/")[0]!))];
    if (!systems.includes(value)) throw choices("osystem", value, systems);
    return value;
  }
  if (typeof kind === "object") {
    if (!kind.choices.includes(value)) throw name === "default_storage_layout" ? invalidChoice(value) : choices(name, value, kind.choices);
    return value;
  }
  return empty ? "" : value;
}

function set(context: Context) {
  context.requireAdmin();
  const name = newName(mandatory(context.form, "name"));
  const value = mandatory(context.form, "value");
  const repository = archive(context, name);
  if (repository) {
    if (!/^https?:\/\/([\w-]+\.)+[a-z]{2,}(:\d+)?(\/\S*)?$/i.test(value)) throw formErrors({ [name]: ["Enter a valid URL."] });
    repository.url = value;
    context.maas.store.touch();
    return text("OK");
  }
  setting(name);
  try {
    context.maas.config[name] = parse(context, name, value);
  } catch (message) {
    if (typeof message !== "string") throw message;
    throw formErrors({ [name]: [message] });
  }
  context.maas.store.touch();
  return text("OK");
}

export const configEndpoints: Endpoint<Context>[] = [{ path: "maas/", operations: { "GET get_config": get, "POST set_config": set } }];
