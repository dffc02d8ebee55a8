/** Every type of the library once, as programs need them that build arguments in functions of their own. */
import { formatProblem, isUserError, type Problem } from "@homelab/components";

/** What is wrong with the arguments, in one text. */
function told(error: unknown): string {
  const problems: readonly Problem[] = isUserError(error) ? error.problems : [];
  return problems.map(formatProblem).join("\n");
}

async function program() {
  try {
    const { big, guest } = await import("./maas.js");
    const { ingress, monitoring, pages, tasks } = await import("./services.js");
    return {
      machines: [big.access.address, guest.access.address],
      pages: pages.urls,
      authority: ingress.authority,
      prometheus: monitoring.prometheus,
      taskd: tasks.taskd,
    };
  } catch (error) {
    console.error(told(error));
    throw error;
  }
}

export = program;
