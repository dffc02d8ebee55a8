/** What `lab rehearse` is asked. */
export interface RehearsalOptions {
  /** Commit or branch before the change. */
  base: string;
  /** The stack file with the change, where it is not the stack's own. */
  settings?: string;
  keep?: boolean;
}

/** What the process in the rehearsal's own network is told; the settings lie beside it. */
export interface RehearsalPlan {
  stack: string;
  base: string;
  subnet: string;
  /** The folder with the program before the change: a checkout of the base, or the present one where nothing of it differs. */
  program: string;
  /** There is no change. */
  same: boolean;
}

/** Set for the process in the rehearsal's own network. */
export const INSIDE = "LAB_REHEARSAL";

/** Exit code of a rehearsal whose change loses data, as of `lab report`. */
export const DESTRUCTIVE = 3;

/** In the rehearsal's state folder. */
export const files = { before: "before.yaml", after: "after.yaml", plan: "rehearsal.json", profile: "profile.json" } as const;
