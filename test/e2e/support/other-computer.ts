import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { eventually, type Outcome, type TestLab } from "./lab";

/** An address of the lab's network that no machine has. */
const ADDRESS = "192.168.200.250/24";
/** MAAS, which serves the names of the lab. */
const NAME_SERVER = "192.168.200.1";
/** The network that machines are plugged into. */
const BRIDGE = "homelab0";
const CABLE = "other-computer";

/** Answer of a page. */
export interface PageAnswer {
  status: number;
  /** Where it leads. */
  location: string;
  body: string;
}

/**
 * Another computer of the house: a network namespace of its own, plugged into the lab's network, that knows the lab's DNS server and
 * nothing else of the lab. `/etc/resolv.conf` is its own; all other files are this computer's.
 */
export class OtherComputer {
  private constructor(
    private readonly lab: TestLab,
    private readonly process: ChildProcess,
    /** Files of whoever sits there. */
    readonly home: string,
  ) {}

  static async pluggedInto(lab: TestLab, home: string): Promise<OtherComputer> {
    const resolver = path.join(home, "resolv.conf");
    await fs.writeFile(resolver, `nameserver ${NAME_SERVER}\n`);
    const script = 'mount --bind "$1" /etc/resolv.conf; ip link set lo up; echo ready; exec sleep infinity';
    const child = spawn("unshare", ["--net", "--mount", "sh", "-ec", script, "sh", resolver], { stdio: ["ignore", "pipe", "inherit"] });
    const computer = new OtherComputer(lab, child, home);
    try {
      await new Promise<void>((resolve, reject) => {
        child.stdout?.once("data", () => resolve());
        child.once("exit", (code) => reject(new Error(`no network namespace: exit code ${code}`)));
      });
      await computer.must("ip", "link", "add", CABLE, "type", "veth", "peer", "name", "eth0", "netns", String(child.pid));
      await computer.must("ip", "link", "set", CABLE, "master", BRIDGE, "up");
      await computer.must(...computer.there, "ip", "address", "add", ADDRESS, "dev", "eth0");
      await computer.must(...computer.there, "ip", "link", "set", "eth0", "up");
      // A port of a bridge forwards after a moment.
      await eventually("MAAS answers the other computer", 30, async () => (await computer.addressOf("node1.maas")) !== "");
      return computer;
    } catch (error) {
      await computer.unplug();
      throw error;
    }
  }

  /** Words that start a command on this computer. */
  get there(): string[] {
    return ["nsenter", "--target", String(this.process.pid), "--net", "--mount", "--"];
  }

  /** IPv4 address of a name, as every program of this computer gets it; "" without one. */
  async addressOf(name: string): Promise<string> {
    const { stdout } = await this.run("getent", "ahostsv4", name);
    return stdout.split(/\s/)[0];
  }

  /** Runs a program. What it prints may be secret and is not recorded. */
  run(...command: string[]): Promise<Outcome> {
    const [program, ...args] = [...this.there, ...command];
    return this.lab.spawn(program, args, { recorded: false, environment: { HOME: this.home } }).done;
  }

  /**
   * Opens a page as a browser does. Rejects with what curl says where no answer comes.
   *
   * @param options.authority file of the certificate authority that this computer trusts; the system's unless given
   * @param options.form sent by POST; on stdin, because it may hold a password
   */
  async open(url: string, { authority, form }: { authority?: string; form?: Record<string, string> } = {}): Promise<PageAnswer> {
    const jar = path.join(this.home, "cookies");
    const args = ["--silent", "--show-error", "--max-time", "20", "--cookie", jar, "--cookie-jar", jar];
    const options = [
      ...(authority ? ["--cacert", authority] : []),
      ...(form ? ["--data", "@-"] : []),
      ...["--write-out", "\n%{http_code} %{redirect_url}"],
    ];
    const [program, ...words] = [...this.there, "curl", ...args, ...options, url];
    const input = form && new URLSearchParams(form).toString();
    const { code, output, stdout } = await this.lab.spawn(program, words, { recorded: false, input }).done;
    if (code !== 0) {
      throw new Error(output.trim());
    }
    const end = stdout.lastIndexOf("\n");
    const [status, location = ""] = stdout.slice(end + 1).split(" ");
    return { status: Number(status), location, body: stdout.slice(0, end) };
  }

  /** Ends what runs there; the cable goes with the namespace. */
  async unplug(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    if (this.process.exitCode === null && this.process.kill("SIGKILL")) {
      await ended;
    }
    await this.lab.spawn("ip", ["link", "delete", CABLE], { recorded: false }).done;
  }

  private async must(...command: string[]): Promise<void> {
    const { code, output } = await this.lab.spawn(command[0], command.slice(1)).done;
    if (code !== 0) {
      throw new Error(`${command.join(" ")}: ${output}`);
    }
  }
}
