import { z } from "zod";
import { duration } from "../components/core/notations";

/** `homelab:ssh`: how the program logs in to deployed machines. The keys are made by the program. */
export const sshSettings = z.strictObject({
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a Linux user name")
    .refine((name) => name !== "root", "must not be root: sshd refuses it")
    .default("homelab")
    .describe("Account that cloud-init creates for the program, with password-less sudo. A change redeploys the machines."),
  port: z.number().int().min(1).max(65535).default(22).describe("SSH port of the machines."),
  timeout: duration.default("10 minutes").describe("Time limit until a deployed machine answers on SSH. Raise it for slow first boots."),
  authorizedKeys: z
    .array(z.string().regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/=]+/, "must be a line of authorized_keys"))
    .default([])
    .describe("Public SSH keys of people who may log in as well, each as a line of authorized_keys. A change redeploys the machines."),
});
