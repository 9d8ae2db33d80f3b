import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../node/base/bytes.ts";
import { newKey, QuorateClient } from "../../node/client/index.ts";
import { ScriptedCluster } from "../../node/client/scripted-cluster.contract.ts";
import { runNode } from "../../node/host/run.ts";
import { encodeAccounts } from "../../node/ledger/records.ts";
import { readCluster } from "../cluster-access.ts";
import { freePorts } from "../free-ports.ts";
import { nodesIn } from "../verify/node-directories.ts";
import { verifyNode } from "../verify/verify-node.ts";
import { restoreCluster } from "./restore.ts";
import { takeBackup } from "./take-backup.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-restore-"));
const WAIT_MS = 30_000;
const BACKUP = join(home, "backup");
let old: ScriptedCluster;

beforeAll(async () => {
  old = await ScriptedCluster.start(3);
  const client = await QuorateClient.open({ cluster: old.file, signer: old.admin });
  await client.submit({ kind: "createAccounts", batch: encodeAccounts([{ id: 5n, ledger: 978, code: 1 }]) });
  client.close();
  const job = {
    cluster: old.file,
    signer: newKey(),
    fromCheckpoint: false,
    waitMs: WAIT_MS,
    onProgress: () => undefined,
  };
  await takeBackup({ ...job, directory: BACKUP });
});
afterAll(async () => {
  await old.stop();
  rmSync(home, { recursive: true });
});

async function restored(name: string, backup = BACKUP, encrypt = false) {
  const addresses = (await freePorts(3)).map((port) => ({ host: "127.0.0.1", port }));
  const directory = join(home, name);
  const options = { directory, addresses, endpoints: {}, encrypt, nowMs: Date.now(), onProgress: () => undefined };
  return { directory, ...(await restoreCluster({ ...options, backup })) };
}

describe.each([
  ["plain", false],
  ["encrypted", true],
])("a %s restored cluster", (name, encrypt) => {
  test("has data that verifies on each node, and stands where the backup ended", async () => {
    const { directory, origin, state, clusterFile } = await restored(name, BACKUP, encrypt);
    expect(origin).toMatchObject({ clusterId: old.clusterId, height: old.state.height, digest: old.state.digest });
    const cluster = readCluster(clusterFile);
    expect(cluster.nodes.map(({ id }) => id)).toEqual([4, 5, 6]);
    expect(toHex(cluster.clusterId)).not.toBe(toHex(old.clusterId));
    for (const { data, openCipher } of nodesIn(directory)) {
      const { report } = await verifyNode({ cluster, data, cipher: openCipher() }, () => undefined);
      expect(report).toMatchObject({ problems: [], height: 2, checkpointHeight: 2, digest: toHex(state.digest) });
    }
  });
});

test("a node whose restored data is gone does not start: a quorum of such nodes would begin with nothing", async () => {
  const { configs } = await restored("wiped");
  const [config = ""] = configs;
  rmSync(join(dirname(config), "data"), { recursive: true });
  await expect(runNode(config, () => undefined)).rejects.toMatchObject({ code: "restored_data_missing" });
});

test("of a damaged backup nothing is made", async () => {
  const broken = mkdtempSync(join(home, "broken-"));
  for (const name of readdirSync(BACKUP)) writeFileSync(join(broken, name), readFileSync(join(BACKUP, name)));
  const log = readFileSync(join(broken, "log-000001"));
  log.writeUInt8(log.readUInt8(200) ^ 1, 200);
  writeFileSync(join(broken, "log-000001"), log);
  await expect(restored("of-broken", broken)).rejects.toMatchObject({
    code: "backup_damaged",
    message: expect.stringMatching(/log-000001, byte \d+, block 1/) as string,
  });
  expect(existsSync(join(home, "of-broken"))).toBe(false);
});
