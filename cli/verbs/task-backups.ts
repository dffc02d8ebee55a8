import type { Command } from "commander";

/** `lab backup tasks`. */
export function registerBackup(_backup: Command): void {}

/** `lab restore tasks`. */
export function registerRestore(_restore: Command): void {}
