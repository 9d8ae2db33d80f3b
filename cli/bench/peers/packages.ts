/** Debian's packages that a comparison or a test needs: installed where they are missing, without starting what they bring. */
import { type ExecFileSyncOptions, execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { CodedError, errorMessage } from "../../../node/base/errors.ts";

/** dpkg's own placeholder. */
const STATUS_FORMAT = "$" + "{Status}";
const ROOT = 0;
const INSTALL_TIMEOUT_MS = 300_000;
/** Asked by Debian's packages before they start a service; 101 forbids it (invoke-rc.d(8)). */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\n# For the time of one installation by quorate.\nexit 101\n";

/** Makes sure that packages are there: installs them when run as root, else says what to install (`CodedError` `peer_missing`). */
export function ensureInstalled(packages: readonly string[], note: (text: string) => void): void {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const command = `apt-get install -y ${missing.join(" ")}`;
  if (process.getuid?.() !== ROOT) throw new CodedError("peer_missing", `run this as root first: ${command}`);
  note(`Installing ${missing.join(", ")} from Debian's packages ...`);
  const options: ExecFileSyncOptions = {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  try {
    withoutServices(POLICY_FILE, () => {
      execFileSync("apt-get", ["update", "-qq"], options);
      execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], options);
    });
  } catch (error) {
    const reason = `"${command}" needs the network and failed; install them by hand: ${errorMessage(error)}`;
    throw new CodedError("peer_missing", reason, {}, error);
  }
}

/** Runs `install` under a policy that no service be started. Where the machine has a policy of its own, that one holds. */
export function withoutServices(policyFile: string, install: () => void): void {
  if (!writeNew(policyFile)) {
    install();
    return;
  }
  try {
    install();
  } finally {
    rmSync(policyFile);
  }
}

function writeNew(policyFile: string): boolean {
  try {
    writeFileSync(policyFile, POLICY, { flag: "wx", mode: 0o755 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isInstalled(name: string): boolean {
  try {
    const status = execFileSync("dpkg-query", ["-W", "-f", STATUS_FORMAT, name], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return status.toString().endsWith(" installed");
  } catch {
    return false;
  }
}
