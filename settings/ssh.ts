import { z } from "zod";
import { duration } from "../components/core/notations";

/** `homelab:ssh`: how the program logs in to deployed machines. The keys are made by the program. */
export const sshSettings = z.strictObject({
  /** Account that cloud-init makes, with password-less sudo and the lab's deploy key only. */
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a Linux user name")
    .refine((name) => name !== "root", "must not be root: sshd refuses it")
    .default("homelab"),
  port: z.number().int().min(1).max(65535).default(22),
  /** How long a machine that MAAS calls Deployed may take until its sshd answers. */
  timeout: duration.default("10 minutes"),
  /** Public keys, in authorized_keys' form, of people who may log in beside the program. */
  authorizedKeys: z
    .array(z.string().regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/=]+/, "must be a line of authorized_keys"))
    .default([]),
});

export type SshSettings = z.output<typeof sshSettings>;
