import type { Settings } from "../../settings/schema";

/**
 * Files of user data whose content is encrypted in the stack file, and which every user of the machine may read. They are no mistake:
 * 0644 is the default, and another one would deploy the machines anew that have such a file.
 *
 * @returns a line for each, with what to do
 */
export function readableSecrets(settings: Pick<Settings, "machines">): string[] {
  return settings.machines.flatMap(({ name, userData }, machine) =>
    userData.files.flatMap(({ path, content, permissions }, index) =>
      content.known || (Number.parseInt(permissions, 8) & 0o004) === 0
        ? []
        : [
            `homelab:machines[${machine}].userData.files[${index}]: every user of ${name} can read ${path} (${permissions}), and its content is secret.\n` +
              `  fix:     before the machine is deployed, set permissions: "0600"; on one that runs, 'chmod 0600 ${path}' there (the setting redeploys it)`,
          ],
    ),
  );
}
