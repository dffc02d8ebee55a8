import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { knownStack } from "../engine/known-stack";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { noIngress, stackOutputs } from "../live/lab-facts";

/** How each system learns to trust an authority's certificate in `file`. */
export function trustSteps(file: string): [system: string, step: string][] {
  const name = path.basename(file);
  return [
    ["Debian, Ubuntu", `sudo cp ${file} /usr/local/share/ca-certificates/${name} && sudo update-ca-certificates`],
    ["Fedora, RHEL", `sudo cp ${file} /etc/pki/ca-trust/source/anchors/ && sudo update-ca-trust`],
    ["Arch", `sudo trust anchor ${file}`],
    ["macOS", `sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${file}`],
    ["Windows", `certutil -addstore -f Root ${name}   (in a terminal of an administrator)`],
    [
      "iOS, iPadOS",
      "send yourself the file and open it; install the profile in Settings, then turn it on in General > About > Certificate Trust Settings",
    ],
    ["Android", "copy the file to the device; Settings > Security > Encryption & credentials > Install a certificate > CA certificate"],
    ["Firefox", "Settings > Privacy & Security > View Certificates > Authorities > Import, and tick 'identify websites'"],
    ["Chrome on Linux", `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n home-lab -i ${file}   (package libnss3-tools)`],
  ];
}

/** The refusal where a server signs the certificates. */
function fromServer(stack: string): UserError {
  return new UserError({
    path: "--stack",
    message: `the stack ${stack} has no certificate authority of its own`,
    found: "homelab:ingress.certificates.acme",
    fix: "nothing to do if your devices trust that server; otherwise install its root certificate on them",
  });
}

export function register(program: Command): void {
  program
    .command("ca")
    .description("write the certificate authority of the lab's pages to a file, and show how to trust it")
    .option("--stack <name>", "stack whose authority to write", simStack)
    .option("--file <file>", "file to write; default STACK-ca.crt")
    .option("--print", "print the certificate and write nothing")
    .action(async (options: { stack: string; file?: string; print?: boolean }) => {
      const outputs = await stackOutputs(await knownStack(options.stack));
      const { pageAuthority, ingress } = outputs;
      if (!pageAuthority) {
        throw ingress ? fromServer(options.stack) : noIngress(options.stack, outputs);
      }
      if (options.print) {
        process.stdout.write(pageAuthority);
        return;
      }
      const file = options.file ?? `${options.stack}-ca.crt`;
      await fs.writeFile(file, pageAuthority);
      say(`wrote ${file}. To trust it:\n`);
      process.stdout.write(
        trustSteps(file)
          .map(([system, step]) => `${system}\n  ${step}\n`)
          .join(""),
      );
    });
}
