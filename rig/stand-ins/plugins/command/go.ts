// Texts as the official plugin, a Go program, writes them.

const ESCAPES: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** A text as Go's `%q` prints it. */
export function quote(text: string): string {
  const escaped = text.replace(/["\\]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]|(?! )\p{Zs}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (ESCAPES[character]) {
      return ESCAPES[character];
    }
    if (code < 0x80) {
      return `\\x${code.toString(16).padStart(2, "0")}`;
    }
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

/** The text of a system error, by Node's error code. */
export function systemError(code: string | undefined): string {
  const texts: Record<string, string> = {
    EACCES: "permission denied",
    ECONNREFUSED: "connection refused",
    ECONNRESET: "connection reset by peer",
    EHOSTUNREACH: "no route to host",
    ENETUNREACH: "network is unreachable",
    ENOENT: "no such file or directory",
    ENOEXEC: "exec format error",
    ENOTDIR: "not a directory",
    EPIPE: "broken pipe",
    ETIMEDOUT: "connection timed out",
    E2BIG: "argument list too long",
  };
  return texts[code ?? ""] ?? (code ? code.toLowerCase() : "unknown error");
}

/** Signals as Go names them in `signal: killed`. */
export function signalName(signal: NodeJS.Signals): string {
  const names: Partial<Record<NodeJS.Signals, string>> = {
    SIGABRT: "aborted",
    SIGALRM: "alarm clock",
    SIGBUS: "bus error",
    SIGFPE: "floating point exception",
    SIGHUP: "hangup",
    SIGILL: "illegal instruction",
    SIGINT: "interrupt",
    SIGKILL: "killed",
    SIGPIPE: "broken pipe",
    SIGQUIT: "quit",
    SIGSEGV: "segmentation fault",
    SIGTERM: "terminated",
    SIGTRAP: "trace/breakpoint trap",
    SIGUSR1: "user defined signal 1",
    SIGUSR2: "user defined signal 2",
  };
  return names[signal] ?? signal.toLowerCase();
}
